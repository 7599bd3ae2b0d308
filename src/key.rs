//! The keys of a configuration: how they are read, which one belongs to a token, and how one verifies a signature.

mod algorithm;
mod candidates;
mod fetched;
mod jwk;
mod material;
mod proof_key;
mod set;

pub use algorithm::Algorithm;
pub(crate) use candidates::{Candidate, Candidates, IssuerScope, ScopedSet};
pub(crate) use fetched::{FetchedKeys, JwkSetError};
pub use jwk::ConfiguredKey;
pub(crate) use material::{Curve, VerifyingKey};
pub(crate) use proof_key::ProofKey;
pub(crate) use set::KeySet;
