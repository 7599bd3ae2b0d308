//! Descriptions of `remoteJwks` and of JWK sets, for tools that check a configuration.

use super::call::MAX_BODY_BYTES;
use super::failure::FetchFailure;
use super::source::{Location, Source};
use crate::key::{ConfiguredKey, FetchedKeys, JwkSetError, KeySet};

/// One entry of `remoteJwks`, for tools that check a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySource {
    /// Its field in the configuration: `remoteJwks`, or `remoteJwks[1]` in a list.
    pub field: String,
    /// `uri` or `discovery`.
    pub url: String,
    /// Whether the URL is that of the issuer, whose metadata names the URL of the set.
    pub is_discovery: bool,
    /// The Envoy cluster of the first call.
    pub cluster: String,
    /// `jwksCluster`.
    pub jwks_cluster: Option<String>,
    /// The only `iss` that the keys verify. `None` for any.
    pub issuer: Option<String>,
    /// How often the keys are fetched, in seconds.
    pub refresh_seconds: u64,
    /// How long requests wait for a fetch, in seconds.
    pub timeout_seconds: u64,
    /// How long keys stay in use while fetching fails, in seconds.
    pub stale_seconds: u64,
}

/// How a JWK set is read after it was fetched.
#[derive(Debug)]
pub struct JwkSetReport {
    keys: KeySet,
    /// Why each of the other keys is skipped, such as `keys[1].use: expected sig`.
    pub skipped: Vec<String>,
    /// Why the fetch of this set fails, if it does. It has no usable key then.
    pub failure: Option<FetchFailure>,
}

impl KeySource {
    pub(super) fn of(source: &Source) -> Self {
        let jwks_cluster = match &source.location {
            Location::Discovery { elsewhere, .. } => elsewhere.as_ref().map(|(_, cluster)| cluster.clone()),
            Location::JwkSet(_) => None,
        };
        Self {
            field: source.field.clone(),
            url: source.url().to_owned(),
            is_discovery: matches!(source.location, Location::Discovery { .. }),
            cluster: source.cluster.clone(),
            jwks_cluster,
            issuer: source.issuer.clone(),
            refresh_seconds: source.refresh_seconds,
            timeout_seconds: source.timeout_seconds,
            stale_seconds: source.stale_seconds,
        }
    }
}

impl JwkSetReport {
    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> Vec<ConfiguredKey<'_>> {
        self.keys.describe()
    }

    /// Reads the body of a complete answer with status 200. Also returns the usable keys as text, if there are any.
    pub(super) fn read(body: &[u8]) -> (Self, Option<Vec<u8>>) {
        let unusable = |failure, skipped| (Self { keys: KeySet::default(), skipped, failure: Some(failure) }, None);
        if body.len() > MAX_BODY_BYTES {
            return unusable(FetchFailure::TooLarge, Vec::new());
        }
        match FetchedKeys::read(body) {
            Ok(FetchedKeys { keys, text, skipped }) => (Self { keys, skipped, failure: None }, Some(text)),
            Err(JwkSetError::Malformed) => unusable(FetchFailure::Malformed, Vec::new()),
            Err(JwkSetError::NoUsableKey(skipped)) => unusable(FetchFailure::NoUsableKey, skipped),
        }
    }
}
