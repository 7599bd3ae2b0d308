//! HTTP/2 without TLS and without an upgrade ("prior knowledge"). Requests that the `h2` crate does not send can be
//! built frame by frame with [`raw`].
//!
//! ```no_run
//! use kit::http::Address;
//! use kit::http2::{Body, Request, exchange};
//!
//! let address = Address::Unix("api.sock".into());
//! let request = Request::get("/").header("x-token", "a.b.c").body(Body::EmptyData);
//! assert_eq!(exchange(&address, &request).expect("an answer").status, 200);
//! ```

mod client;
mod message;
pub mod raw;
mod server;

pub use client::{Connection, exchange};
pub use message::{Body, Request};
pub use server::Server;
