//! The steps from a decoded token to its claims: choose the keys, verify the signature, match the issuer; and what to
//! wait for if no known key verifies it.

use super::decision::{Stop, Wait};
use crate::claims::Claims;
use crate::config::Config;
use crate::key::{Algorithm, Candidates, ScopedSet};
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};
use crate::remote_keys::Prospect;
use crate::signature::{self, HostSignatures};
use crate::token::{KeyId, Token, name_excerpt};

/// Why no known key verifies a token.
struct Unverified {
    rejection: Rejection,
    /// Whether the token has a `kid` that no key has.
    lacks_kid: bool,
    /// Whether a key has signed it. Then its payload is known, and no other key can make it better.
    is_signed: bool,
}

/// The claims of a token that a key of its issuer verifies.
///
/// # Errors
/// A403JK, A403JT or I400JD; S503JW when a set is missing that could have the key; or a wait.
pub(super) fn authenticate<'t>(
    token: &'t Token,
    config: &Config,
    now: NumericDate,
    host: Option<&dyn HostSignatures>,
) -> Result<Claims<'t>, Stop> {
    if config.remote_keys.is_empty() {
        let sets = [(&config.keys, config.remote_keys.scope_of_others())];
        return verify(token, &sets, host).map_err(|unverified| unverified.rejection.into());
    }
    let others = config.remote_keys.scope_of_others();
    let loaded = config.remote_keys.loaded(now);
    let fetched = loaded.iter().map(|set| set.scoped(others));
    let sets: Vec<ScopedSet> = [(&config.keys, others)].into_iter().chain(fetched).collect();
    verify(token, &sets, host).map_err(|unverified| may_wait(token, unverified, config, now))
}

fn verify<'t>(
    token: &'t Token,
    sets: &[ScopedSet],
    host: Option<&dyn HostSignatures>,
) -> Result<Claims<'t>, Unverified> {
    let Candidates { have_key_id, keys } = Candidates::choose(token, sets);
    let lacks_kid = matches!(token.key_id(), KeyId::String(_)) && !have_key_id;
    let unverified = |rejection| Unverified { rejection, lacks_kid, is_signed: false };
    let keys = keys.map_err(unverified)?;
    let mut untried = keys.iter();
    let (verified, candidate) =
        signature::verify(token, untried.by_ref(), host).map_err(|invalid| unverified(invalid.into()))?;
    let claims =
        Claims::read(&verified).map_err(|rejection| Unverified { is_signed: true, ..unverified(rejection) })?;
    if !candidate.speaks_for(claims.issuer()) {
        // A key with the same `kid` may belong to the issuer of the token.
        let of_issuer = untried.filter(|candidate| candidate.speaks_for(claims.issuer()));
        signature::verify(token, of_issuer, host).map_err(|_| unverified(Invalid::Issuer.into()))?;
    }
    Ok(claims)
}

/// The rejection of a token that no known key verifies, or a wait for keys that may.
fn may_wait(token: &Token, unverified: Unverified, config: &Config, now: NumericDate) -> Stop {
    let Unverified { rejection, lacks_kid, is_signed } = unverified;
    if is_signed {
        return rejection.into();
    }
    if let Err(reason) = could_be_fetched(token) {
        let is_premature = matches!(rejection, Rejection::NoMatchingKey { .. }) && !config.remote_keys.is_complete();
        return if is_premature { reason } else { rejection }.into();
    }
    let unknown_key = Rejection::NoMatchingKey { kid: token.key_id().excerpt() };
    match config.remote_keys.prospect(lacks_kid, now) {
        Prospect::None if lacks_kid => unknown_key.into(),
        Prospect::None => rejection.into(),
        Prospect::MissingSet(None) => Rejection::KeysUnavailable.into(),
        Prospect::MissingSet(Some(until)) => {
            Stop::Wait(Wait { until, is_for_unknown_kid: false, otherwise: Rejection::KeysUnavailable })
        }
        Prospect::Refetch(until) => Stop::Wait(Wait { until, is_for_unknown_kid: true, otherwise: unknown_key }),
    }
}

/// Whether a fetched key could verify the token, so that fetching makes sense. Fetched keys are public, so they never
/// verify an HMAC.
///
/// # Errors
/// A403JK when the `kid` is not a string; A403JT when no public key allows the `alg`.
fn could_be_fetched(token: &Token) -> Result<(), Rejection> {
    if matches!(token.key_id(), KeyId::NotString(_)) {
        return Err(Rejection::NoMatchingKey { kid: token.key_id().excerpt() });
    }
    let name = token.algorithm()?;
    let is_public = |algorithm: Algorithm| algorithm.name() == name && !algorithm.is_hmac();
    if !Algorithm::ALL.into_iter().any(is_public) {
        return Err(Invalid::AlgorithmMismatch { algorithm: name_excerpt(name) }.into());
    }
    Ok(())
}
