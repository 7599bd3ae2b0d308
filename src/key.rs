//! The keys of a configuration: how they are read, which one belongs to a token, and how one verifies a signature.

mod algorithm;
mod jwk;
mod material;
mod set;

pub use algorithm::Algorithm;
pub use jwk::ConfiguredKey;
pub(crate) use jwk::Key;
pub(crate) use material::{Curve, VerifyingKey};
pub(crate) use set::KeySet;
