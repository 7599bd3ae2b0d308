//! What the tests of `jwt-auth` stand on: keys and tokens ([`issuer`]), raw HTTP/1.1 ([`http`]), HTTP/2
//! ([`http2`]), a backend that echoes the bytes it got ([`upstream`]), Envoy configurations ([`bootstrap`]) and
//! live Envoy processes ([`envoy`]).
//!
//! ```no_run
//! use std::path::Path;
//! use kit::bootstrap::{Bootstrap, Configuration, Listener, WasmFilter};
//! use kit::envoy::Envoy;
//! use kit::http::{RequestBuilder, exchange};
//! use kit::upstream::Upstream;
//!
//! let upstream = Upstream::start();
//! let filter = WasmFilter::new("jwt", Path::new("jwt_auth.wasm"), Configuration::Text("{}".into()));
//! let bootstrap = Bootstrap::fixed(upstream.address(), vec![Listener::new("api", vec![filter])]);
//! let envoy = Envoy::start(Path::new("envoy"), &bootstrap, 2).expect("Envoy starts");
//!
//! let request = RequestBuilder::get("/").header("x-token", "a.b.c").build();
//! let response = exchange(&envoy.address("api").expect("its socket"), &request).expect("an answer");
//! assert_eq!(response.status, 200);
//! let at_upstream = response.echoed().expect("the echoed request");
//! assert_eq!(at_upstream.target, b"/");
//! ```
//!
//! Everything is blocking: threads and standard library sockets, and no async runtime but one inside [`http2`]. Envoy's own sockets are Unix
//! sockets in its temporary directory, so that tests in parallel take no port from one another.

pub mod bootstrap;
pub mod envoy;
pub mod http;
pub mod http2;
pub mod issuer;
pub mod proxy;
pub mod rows;
pub mod upstream;
