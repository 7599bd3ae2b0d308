//! Verifies the signature of a token, with Envoy's own function where it works and this crate's libraries otherwise.

mod backend;
mod host;
mod self_test;

pub use backend::SignatureBackend;
pub use host::HostSignatures;

use crate::key::Candidate;
use crate::rejection::Invalid;
use crate::token::Token;

/// The payload of a token whose signature is verified. Only [`verify`] can make one, so the type proves the
/// verification.
pub(crate) struct Verified<'t> {
    payload: &'t [u8],
    signing_input: &'t [u8],
}

impl<'t> Verified<'t> {
    /// The decoded payload.
    pub(crate) fn payload(&self) -> &'t [u8] {
        self.payload
    }

    /// The header and payload segments, as they were sent.
    pub(crate) fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// A payload without a token, for tests of the later steps.
    #[cfg(test)]
    pub(crate) fn for_test(payload: &'t str) -> Self {
        Self { payload: payload.as_bytes(), signing_input: b"" }
    }
}

/// Verifies the token's signature with the candidates one after the other, and returns the first one that verifies it.
///
/// `host` verifies if it supports the algorithm and can answer. Otherwise this crate's libraries do.
///
/// # Errors
/// A403JT when no candidate verifies the signature.
pub(crate) fn verify<'t, 'c, 'k>(
    token: &'t Token,
    mut candidates: impl Iterator<Item = &'c Candidate<'k>>,
    host: Option<&dyn HostSignatures>,
) -> Result<(Verified<'t>, &'c Candidate<'k>), Invalid>
where
    'k: 'c,
{
    let candidate = candidates.find(|candidate| is_valid(token, candidate, host)).ok_or(Invalid::Signature)?;
    let verified = Verified { payload: token.unverified_payload(), signing_input: token.signing_input() };
    Ok((verified, candidate))
}

fn is_valid(token: &Token, candidate: &Candidate, host: Option<&dyn HostSignatures>) -> bool {
    let (algorithm, key) = (candidate.algorithm(), candidate.key().verifying_key());
    let (text, signature) = (token.signing_input(), token.signature());
    host.and_then(|host| host::verify(host, algorithm, key, text, signature))
        .unwrap_or_else(|| key.verify(algorithm, text, signature))
}
