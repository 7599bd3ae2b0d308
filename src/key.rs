//! The keys that verify tokens: one key, its material and algorithms, and the set of them.
//!
//! It reads keys from a document and selects one by the `kid` of a token. What is signed, and where, it does not know.

mod algorithm;
mod jwk;
mod material;
mod set;

pub use algorithm::Algorithm;
pub use jwk::ConfiguredKey;
pub(crate) use jwk::Key;
pub(crate) use material::{Curve, VerifyingKey};
pub(crate) use set::KeySet;
