//! An Envoy proxy-wasm filter that authenticates requests with JSON Web Tokens.
//!
//! A request is bytes that go through a straight line, written down in [`Plugin::decide`]: find the token, decode it,
//! select the key, verify the signature, read the claims, check them, plan the edits, admit the `jti`. Each step takes
//! what the one before has proved. Nothing outside the process changes before the last step, and what comes out is
//! data: [`Edits`] to apply or one [`Rejection`] to send.
//!
//! This crate is the whole filter but for the host: the module `host` exists for `wasm32` only, so the compiler keeps
//! everything else from reaching Envoy. Time and bytes are arguments; what a decision needs of the host comes in as
//! [`Host`].

// What a user gets, a user must be able to name.
#![deny(unnameable_types)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may panic; a request may not")
)]

mod cache;
mod claims;
mod config;
mod document;
mod header_map;
#[cfg(target_arch = "wasm32")]
mod host;
mod json;
mod key;
mod mapping;
mod numeric_date;
mod outcome;
mod plugin;
mod rejection;
mod replay;
mod request;
mod signature;
mod text;
mod token;

pub use cache::{CACHE_BUDGET_BYTES, CacheEvents, TokenCaches};
pub use claims::MAX_CLAIMS_DEPTH;
pub use config::DEFAULT_MAX_TOKEN_LIFETIME_SECONDS;
pub use document::{ConfigError, Fault, Warning};
pub use header_map::{Header, decode as decode_header_map, encode as encode_header_map};
pub use key::{Algorithm, ConfiguredKey};
pub use mapping::{Admission, Edits, FormEdit, HeaderEdit};
pub use numeric_date::NumericDate;
pub use plugin::{Host, Plugin};
pub use rejection::{Invalid, Rejection};
pub use replay::{Conflict, MAX_JTI_BYTES, SharedData};
pub use request::{Request, TokenLocation};
pub use signature::{HostSignatures, SignatureBackend};
pub use text::Excerpt;
pub use token::{MAX_HEADER_DEPTH, MAX_TOKEN_BYTES};
