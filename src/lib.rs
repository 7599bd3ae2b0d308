//! An Envoy proxy-wasm filter that authenticates requests with JSON Web Tokens.
//!
//! [`Plugin::decide`] handles a request in fixed steps: find the token, decode it, select the key, verify the
//! signature, validate the claims, plan the edits, record the `jti`. Each step uses the result of the one before. The
//! result is data: [`Edits`] to apply to the request, or a [`Rejection`] to send. Only the last step changes shared
//! state.
//!
//! Only the module `host` calls Envoy. It is compiled for `wasm32` only, so the rest of the crate runs without Envoy.
//! The time is an argument of [`Plugin::decide`]; it calls the host only through [`Host`].

// Users of the crate can name every type that they get from it.
#![deny(unnameable_types)]
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, clippy::string_slice, reason = "a test may panic; a request may not")
)]

mod cache;
mod call;
mod claims;
mod config;
mod document;
mod header_map;
#[cfg(target_arch = "wasm32")]
mod host;
mod json;
mod key;
mod mapping;
mod notice;
mod numeric_date;
mod outcome;
mod plugin;
mod rejection;
mod remote_keys;
mod replay;
mod request;
mod resource_server;
mod response;
mod shared_data;
mod signature;
mod text;
mod token;
mod url;

pub use cache::{CACHE_BUDGET_BYTES, CacheEvents, TokenCaches};
pub use call::{Call, Reply};
pub use claims::MAX_CLAIMS_DEPTH;
pub use config::DEFAULT_MAX_TOKEN_LIFETIME_SECONDS;
pub use document::{ConfigError, Fault, Warning};
pub use header_map::{Header, decode as decode_header_map, encode as encode_header_map};
pub use key::{Algorithm, ConfiguredKey};
pub use mapping::{Admission, Edits, FormEdit, HeaderEdit};
pub use notice::Notice;
pub use numeric_date::NumericDate;
pub use plugin::{Ask, Decision, Host, Plugin, Wait};
pub use rejection::{Invalid, ProofError, Rejection};
pub use remote_keys::{
    CallId, FetchFailure, JwkSetReport, KeyCall, KeyEvents, KeySetGauge, KeySource, MAX_BODY_BYTES, Place, Places,
    RemoteKeys,
};
pub use replay::{Engine, EngineEvents, EngineFailure, JtiStore, MAX_ANSWER_BYTES, MAX_JTI_BYTES};
pub use request::{Request, TokenLocation};
pub use resource_server::{DEFAULT_PROOF_ALGORITHMS, Proof, ProofVerifier};
pub use response::Response;
pub use shared_data::{Conflict, SharedData};
pub use signature::{HostSignatures, SignatureBackend};
pub use text::Excerpt;
pub use token::{MAX_HEADER_DEPTH, MAX_TOKEN_BYTES};
