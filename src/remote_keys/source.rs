//! `remoteJwks`: where keys are fetched from, and how often.

use std::ops::RangeInclusive;

use sha2::{Digest as _, Sha256};

use crate::document::{Faults, Field, Section};
use crate::url::{Authority, HttpUrl};

/// The most entries of `remoteJwks`. More issuers than this are not configured by hand.
const MAX_SOURCES: usize = 8;

/// The longest name of a cluster, in bytes. Those of Istio have about 100.
const MAX_CLUSTER_BYTES: usize = 256;

/// A fetch takes some tens of milliseconds; requests wait for it at most this long.
const TIMEOUT_SECONDS: RangeInclusive<u64> = 1..=60;
const DEFAULT_TIMEOUT_SECONDS: u64 = 5;
/// At least a minute, so as not to burden the issuer. After a day a removed key must not be in use any more.
const REFRESH_SECONDS: RangeInclusive<u64> = 60..=86_400;
/// As long as most libraries cache keys.
const DEFAULT_REFRESH_SECONDS: u64 = 600;
const COOLDOWN_SECONDS: RangeInclusive<u64> = 1..=3600;
const DEFAULT_COOLDOWN_SECONDS: u64 = 30;
/// A week is the longest outage of an issuer that anyone plans for.
const STALE_SECONDS: RangeInclusive<u64> = 0..=604_800;
const DEFAULT_STALE_SECONDS: u64 = 86_400;

/// One entry of `remoteJwks`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Its field in the configuration: `remoteJwks`, or `remoteJwks[1]` in a list.
    pub(super) field: String,
    pub(super) location: Location,
    pub(super) cluster: String,
    /// The only `iss` that its keys verify; `None` for any that no other set is for.
    pub(super) issuer: Option<String>,
    pub(super) timeout_seconds: u64,
    pub(super) refresh_seconds: u64,
    pub(super) cooldown_seconds: u64,
    pub(super) stale_seconds: u64,
}

/// `uri` or `discovery`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// The URL of the JWK set.
    JwkSet(HttpUrl),
    /// The issuer, whose metadata names the URL.
    Discovery {
        issuer: HttpUrl,
        /// `jwksAuthority` and `jwksCluster`: where else `jwks_uri` may lead, and the cluster for it.
        elsewhere: Option<(Authority, String)>,
    },
}

impl Source {
    /// Reads `remoteJwks`: one entry, or a list of up to [`MAX_SOURCES`]. Configuration errors, besides those of each
    /// entry: two entries with one issuer, several entries of which one has none.
    pub(super) fn parse_all(field: &Field, faults: &mut Faults) -> Option<Vec<Self>> {
        let is_one = field.as_section().is_some();
        let fields = if is_one { vec![field.clone()] } else { field.list_of_at_most(MAX_SOURCES, faults)? };
        if fields.is_empty() {
            faults.report(field.path(), "expected at least one element");
        }
        let sources: Vec<_> = fields.iter().map(|field| Self::parse(field, faults)).collect();
        let mut issuers: Vec<&str> = Vec::new();
        for (field, source) in fields.iter().zip(&sources) {
            let path = || format!("{}.issuer", field.path());
            match source.as_ref().map(|source| source.issuer.as_deref()) {
                Some(None) if fields.len() > 1 => faults.report(path(), "required with several entries"),
                Some(Some(issuer)) if issuers.contains(&issuer) => {
                    faults.report(path(), "expected an issuer that no other entry has");
                }
                Some(Some(issuer)) => issuers.push(issuer),
                Some(None) | None => {}
            }
        }
        sources.into_iter().collect()
    }

    fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let location = Location::parse(&mut section, faults);
        let cluster = section.required("cluster", faults).and_then(|field| cluster(&field, faults));
        let issuer = section.optional("issuer").map(|field| field.name(faults));
        let mut seconds = |name: &str, range, default| {
            section.optional(name).and_then(|field| field.integer(range, faults)).unwrap_or(default)
        };
        let timeout_seconds = seconds("timeoutSeconds", TIMEOUT_SECONDS, DEFAULT_TIMEOUT_SECONDS);
        let refresh_seconds = seconds("refreshSeconds", REFRESH_SECONDS, DEFAULT_REFRESH_SECONDS);
        let cooldown_seconds = seconds("unknownKidCooldownSeconds", COOLDOWN_SECONDS, DEFAULT_COOLDOWN_SECONDS);
        let stale_seconds = seconds("staleSeconds", STALE_SECONDS, DEFAULT_STALE_SECONDS);
        section.finish(faults);
        let location = location?;
        let issuer = match issuer {
            Some(configured) => Some(configured?),
            None => location.issuer().map(str::to_owned),
        };
        Some(Self {
            field: field.path().to_owned(),
            location,
            cluster: cluster?,
            issuer,
            timeout_seconds,
            refresh_seconds,
            cooldown_seconds,
            stale_seconds,
        })
    }

    /// `uri` or `discovery`, as configured.
    pub(super) fn url(&self) -> &str {
        match &self.location {
            Location::JwkSet(url) | Location::Discovery { issuer: url, .. } => url.text(),
        }
    }

    /// Identifies the keys that it fetches: sources share a set only if all of this is equal.
    pub(super) fn identity(&self) -> [u8; 8] {
        let elsewhere = match &self.location {
            Location::Discovery { elsewhere: Some((authority, cluster)), .. } => [authority.header(), cluster.clone()],
            _ => Default::default(),
        };
        let kind = if matches!(self.location, Location::JwkSet(_)) { "uri" } else { "discovery" };
        let parts = [kind, self.url(), &self.cluster, self.issuer.as_deref().unwrap_or_default()];
        let mut hash = Sha256::new();
        for part in parts.into_iter().chain(elsewhere.iter().map(String::as_str)) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl Location {
    fn parse(section: &mut Section, faults: &mut Faults) -> Option<Self> {
        let (uri, discovery) = (section.optional("uri"), section.optional("discovery"));
        let authority = section.optional("jwksAuthority");
        let jwks_cluster = section.optional("jwksCluster");
        match (uri, discovery) {
            (Some(uri), None) => {
                for field in [authority, jwks_cluster].into_iter().flatten() {
                    faults.report(field.path(), "expected discovery beside it");
                }
                url(&uri, faults).map(Self::JwkSet)
            }
            (None, Some(discovery)) => {
                let issuer = url(&discovery, faults)?;
                if issuer.has_query() {
                    faults.report(discovery.path(), "expected a URL without a query");
                }
                let elsewhere = match (authority, jwks_cluster) {
                    (None, None) => None,
                    (Some(authority), Some(jwks_cluster)) => {
                        let text = authority.string(faults)?;
                        let parsed = Authority::parse(text, issuer.authority.is_https);
                        let parsed = parsed.map_err(|expected| faults.report(authority.path(), expected)).ok();
                        Some((parsed?, cluster(&jwks_cluster, faults)?))
                    }
                    (None, Some(_)) => {
                        faults.report(section.path_of("jwksAuthority"), "required with jwksCluster");
                        None
                    }
                    (Some(_), None) => {
                        faults.report(section.path_of("jwksCluster"), "required with jwksAuthority");
                        None
                    }
                };
                Some(Self::Discovery { issuer, elsewhere })
            }
            (Some(_), Some(discovery)) => {
                faults.report(discovery.path(), "expected either uri or discovery, found both");
                None
            }
            (None, None) => {
                faults.report(section.path_of("uri"), "expected uri or discovery, found neither");
                None
            }
        }
    }

    /// Where the first call leads.
    pub(super) fn authority(&self) -> &Authority {
        match self {
            Self::JwkSet(url) | Self::Discovery { issuer: url, .. } => &url.authority,
        }
    }

    fn issuer(&self) -> Option<&str> {
        match self {
            Self::JwkSet(_) => None,
            Self::Discovery { issuer, .. } => Some(issuer.text()),
        }
    }
}

fn url(field: &Field, faults: &mut Faults) -> Option<HttpUrl> {
    let parsed = HttpUrl::parse(field.string(faults)?);
    parsed.map_err(|expected| faults.report(field.path(), expected)).ok()
}

fn cluster(field: &Field, faults: &mut Faults) -> Option<String> {
    field.name_of_at_most(MAX_CLUSTER_BYTES, faults)
}
