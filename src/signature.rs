//! Verifies the signature of a token, with Envoy's own function where it works and this crate's libraries otherwise.

mod backend;
mod host;
mod self_test;

pub use backend::SignatureBackend;
pub use host::HostSignatures;

use crate::key::Key;
use crate::rejection::Invalid;
use crate::token::{Token, name_excerpt};

/// The payload of a token whose signature is verified. Only [`verify`] can make one, so the type proves the
/// verification.
pub(crate) struct Verified<'a> {
    payload: Vec<u8>,
    signing_input: &'a [u8],
}

impl<'a> Verified<'a> {
    /// The decoded payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The header and payload segments, as they were sent.
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// A payload without a token, for tests of the later steps.
    #[cfg(test)]
    pub(crate) fn for_test(payload: &str) -> Verified<'static> {
        Verified { payload: payload.as_bytes().to_vec(), signing_input: b"" }
    }
}

/// Verifies the token's signature with `key`. The token's `alg` must be one that the key allows.
///
/// `host` verifies if it supports the algorithm and can answer. Otherwise this crate's libraries do.
///
/// # Errors
/// A403JT when the header has a `crit` or no string as `alg`, when the key does not allow the `alg`, and when the
/// signature does not match.
pub(crate) fn verify<'a>(
    token: Token<'a>,
    key: &Key,
    host: Option<&dyn HostSignatures>,
) -> Result<Verified<'a>, Invalid> {
    let name = token.algorithm()?;
    let algorithm = key
        .algorithms()
        .iter()
        .copied()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(|| Invalid::AlgorithmMismatch { algorithm: name_excerpt(name) })?;
    let (text, signature) = (token.signing_input(), token.signature());
    let is_valid = host
        .and_then(|host| host::verify(host, algorithm, key.verifying_key(), text, signature))
        .unwrap_or_else(|| key.verifying_key().verify(algorithm, text, signature));
    if !is_valid {
        return Err(Invalid::Signature);
    }
    let (payload, signing_input) = token.into_payload();
    Ok(Verified { payload, signing_input })
}
