//! Shared parts of the tests of `jwt-auth`.
//!
//! - [`rows`]: the filter's behaviour as a table of configurations, requests and results
//! - [`issuer`]: keys, JWKs and tokens
//! - [`dpop`]: clients that prove their key
//! - `host`: an in-memory host, to run the filter in this process
//! - [`http`], [`http2`]: requests, byte by byte
//! - [`upstream`]: a backend that echoes the bytes of each request
//! - [`key_server`]: a server of JWK sets that misbehaves on command
//! - `certificate`: certificates for it, with the feature `tls`
//! - [`bootstrap`], [`envoy`]: Envoy configurations and live Envoy processes
//! - [`engines`]: live etcd, Redis and Webdis
//! - [`relay`]: a TCP relay that loses answers on command
//! - [`network`]: places whose connections can be cut
//! - [`proxy`]: one Envoy with the filter in front of one upstream
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
//! Everything is blocking; only [`http2`] uses an async runtime. Envoy listens on Unix sockets in its temporary
//! directory, so that parallel tests don't need different ports.

pub mod bootstrap;
#[cfg(feature = "tls")]
pub mod certificate;
pub mod dpop;
#[cfg(feature = "core")]
pub mod engine_model;
pub mod engines;
pub mod envoy;
#[cfg(feature = "core")]
pub mod host;
pub mod http;
pub mod http2;
pub mod issuer;
pub mod key_server;
pub mod network;
pub mod proxy;
pub mod relay;
pub mod rows;
pub mod upstream;
