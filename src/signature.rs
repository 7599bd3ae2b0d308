//! Whether a signature belongs to a token and a key. The only part that names cryptographic libraries.

mod backend;
mod host;
mod self_test;

pub use backend::SignatureBackend;
pub use host::HostSignatures;

use crate::key::Key;
use crate::rejection::Invalid;
use crate::token::{Token, name_excerpt};

/// A token whose signature is good: proof that its payload is the issuer's. Only [`verify`] makes one.
pub(crate) struct Verified<'a> {
    payload: Vec<u8>,
    signing_input: &'a [u8],
}

impl<'a> Verified<'a> {
    /// The signed payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes that were signed.
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// Claims without a token, for tests of what comes after the signature.
    #[cfg(test)]
    pub(crate) fn for_test(payload: &str) -> Verified<'static> {
        Verified { payload: payload.as_bytes().to_vec(), signing_input: b"" }
    }
}

/// Checks the token's signature with `key`, by the algorithm that the key fixes; the token's `alg` is only compared with it.
///
/// The host's own check is taken where there is one for the algorithm and it can answer, this crate's libraries otherwise.
/// A403JT: `crit`, no `alg`, an `alg` that the key does not allow, or a wrong signature of any length.
pub(crate) fn verify<'a>(
    token: Token<'a>,
    key: &Key,
    host: Option<&dyn HostSignatures>,
) -> Result<Verified<'a>, Invalid> {
    let named = token.algorithm()?;
    let algorithm = key
        .algorithms()
        .iter()
        .copied()
        .find(|algorithm| algorithm.name() == named)
        .ok_or_else(|| Invalid::AlgorithmMismatch { algorithm: name_excerpt(named) })?;
    let (text, signature) = (token.signing_input(), token.signature());
    let good = host
        .and_then(|host| host::verify(host, algorithm, key.verifying_key(), text, signature))
        .unwrap_or_else(|| key.verifying_key().verify(algorithm, text, signature));
    if !good {
        return Err(Invalid::Signature);
    }
    let (payload, signing_input) = token.into_payload();
    Ok(Verified { payload, signing_input })
}
