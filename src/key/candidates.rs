//! Which keys may verify a token, and for which issuers each of them can speak.

use super::algorithm::Algorithm;
use super::jwk::Key;
use super::set::KeySet;
use crate::rejection::{Invalid, Rejection};
use crate::token::{KeyId, Token, name_excerpt};

/// How many different keys are tried for one token. Verifying takes up to a millisecond. Issuers give each key its own
/// `kid`, so more than one candidate is rare.
const MAX_CANDIDATES: usize = 8;

/// The issuers whose tokens a JWK set verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssuerScope<'k> {
    /// Only this `iss`: the set belongs to an issuer.
    Only(&'k str),
    /// Any `iss`, or none, but not one of these: they have sets of their own.
    AllBut(&'k [String]),
}

impl IssuerScope<'_> {
    fn contains(self, issuer: Option<&str>) -> bool {
        match self {
            Self::Only(only) => issuer == Some(only),
            Self::AllBut(others) => !others.iter().any(|other| issuer == Some(other.as_str())),
        }
    }
}

/// A JWK set and the issuers that it belongs to.
pub(crate) type ScopedSet<'k> = (&'k KeySet, IssuerScope<'k>);

/// A key that may have signed a token.
pub(crate) struct Candidate<'k> {
    key: &'k Key,
    algorithm: Algorithm,
    /// One for each set that has the same key material.
    scopes: Vec<IssuerScope<'k>>,
}

impl<'k> Candidate<'k> {
    /// A key that belongs to no set.
    pub(super) fn alone(key: &'k Key, algorithm: Algorithm) -> Self {
        Self { key, algorithm, scopes: Vec::new() }
    }

    /// The key.
    pub(crate) fn key(&self) -> &'k Key {
        self.key
    }

    /// The algorithm of the token, which the key allows.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether a set with this key verifies tokens of `issuer`.
    pub(crate) fn speaks_for(&self, issuer: Option<&str>) -> bool {
        self.scopes.iter().any(|scope| scope.contains(issuer))
    }
}

/// The candidates for a token.
pub(crate) struct Candidates<'k> {
    /// Whether any key has the `kid` of the token.
    pub(crate) have_key_id: bool,
    /// At least one, all with different key material; or why there is none.
    pub(crate) keys: Result<Vec<Candidate<'k>>, Rejection>,
}

impl<'k> Candidates<'k> {
    /// Chooses the keys for a token: those with its `kid`, or if there are none, those without a `kid`. No other key is
    /// tried, and of these only the ones that allow the token's `alg`: the key decides, never the token. Equal keys count
    /// once, and at most [`MAX_CANDIDATES`] are tried, first one of each set: an issuer that publishes many keys with the
    /// `kid` of another one must not keep its key from being tried.
    ///
    /// The reasons why there is none:
    /// - A403JK: there is no such key, or the `kid` of the token is not a string.
    /// - A403JT: the header has a `crit` or no string as `alg`, or no such key allows the `alg`.
    pub(crate) fn choose(token: &Token, sets: &[ScopedSet<'k>]) -> Self {
        let with_id = |id: Option<&str>| -> Vec<(&'k Key, IssuerScope<'k>)> {
            let of_set = |&(keys, scope): &ScopedSet<'k>| keys.with_id(id).map(move |key| (key, scope)).enumerate();
            let mut matching: Vec<_> = sets.iter().flat_map(of_set).collect();
            matching.sort_by_key(|(place_in_set, _)| *place_in_set);
            matching.into_iter().map(|(_, key)| key).collect()
        };
        let named = match token.key_id() {
            KeyId::String(kid) => with_id(Some(kid)),
            KeyId::Absent | KeyId::NotString(_) => Vec::new(),
        };
        let have_key_id = !named.is_empty();
        let matching = match token.key_id() {
            KeyId::NotString(_) => Vec::new(),
            _ if have_key_id => named,
            _ => with_id(None),
        };
        Self { have_key_id, keys: fitting(token, &matching) }
    }
}

/// The different keys of `matching` that allow the token's `alg`.
fn fitting<'k>(token: &Token, matching: &[(&'k Key, IssuerScope<'k>)]) -> Result<Vec<Candidate<'k>>, Rejection> {
    if matching.is_empty() {
        return Err(Rejection::NoMatchingKey { kid: token.key_id().excerpt() });
    }
    let name = token.algorithm()?;
    let mut keys: Vec<Candidate> = Vec::with_capacity(1);
    for &(key, scope) in matching {
        let Some(algorithm) = key.algorithm_named(name) else { continue };
        let is_same = |other: &&mut Candidate| other.key.verifying_key().is_same(key.verifying_key());
        if let Some(same) = keys.iter_mut().find(is_same) {
            same.scopes.push(scope);
        } else if keys.len() < MAX_CANDIDATES {
            keys.push(Candidate { key, algorithm, scopes: vec![scope] });
        }
    }
    if keys.is_empty() {
        return Err(Invalid::AlgorithmMismatch { algorithm: name_excerpt(name) }.into());
    }
    Ok(keys)
}
