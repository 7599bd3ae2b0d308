//! Reads the plugin configuration into a valid [`Config`], or reports all configuration errors at once.

use std::ops::RangeInclusive;

use crate::cache::{CACHE_BUDGET_BYTES, CacheLimits};
use crate::claims::{ClaimRules, RequiredClaim};
use crate::document::{self, ConfigError, Fault, Faults, Field, Section, Warning};
use crate::key::KeySet;
use crate::mapping::Mapping;
use crate::outcome::Outcome;
use crate::remote_keys::RemoteKeys;
use crate::replay::{self, ColdStart, JtiStore, ReplayPolicy};
use crate::request::{MAX_NAME_BYTES, TokenLocation, TokenSource, is_http_token};
use crate::resource_server::ResourceServer;

/// The default of `maxTokenLifetimeSeconds`: seven days. A token must live for less than that.
pub const DEFAULT_MAX_TOKEN_LIFETIME_SECONDS: u64 = 7 * 24 * 60 * 60;
/// A clock that is off by more than an hour is broken.
const CLOCK_SKEW_SECONDS: RangeInclusive<u64> = 0..=3600;
/// If all are live at once, they use about 100 MB, in shared values that are small enough to copy quickly.
const DEFAULT_MAX_TRACKED_JTIS: u64 = 1_000_000;
/// With more, the shared values would be so large that copying them under Envoy's lock would delay all workers.
const MAX_TRACKED_JTIS: RangeInclusive<u64> = 1..=10_000_000;
const CACHE_ENTRIES: RangeInclusive<u64> = 0..=1_000_000;
/// Most tokens have about 1 KiB, so this limit and the one in bytes are reached at about the same time.
const DEFAULT_CACHE_ENTRIES: u64 = 4096;
/// A larger cache could never fill: the caches of a VM share this budget.
const CACHE_BYTES: RangeInclusive<u64> = 0..=CACHE_BUDGET_BYTES as u64;
const DEFAULT_CACHE_BYTES: u64 = 8 << 20;

/// The default of `per_connection_buffer_limit_bytes`, above which Envoy does not buffer a body.
const DEFAULT_FORM_BYTES: u64 = 1 << 20;
/// At least 1 KiB, for a few parameters. At most 32 MiB: editing a form uses up to four times its size, and a VM has
/// 1 GiB for all requests of a worker.
const FORM_BYTES: RangeInclusive<u64> = 1024..=32 << 20;

/// A valid configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// `parameter`, `parameterLocation`.
    pub(crate) source: TokenSource,
    /// `jwk`, `jwks`. Empty only if keys are fetched.
    pub(crate) keys: KeySet,
    /// `remoteJwks`.
    pub(crate) remote_keys: RemoteKeys,
    /// `issuer`, `audiences`, `clockSkewSeconds`, `maxTokenLifetimeSeconds`, `ignoreExpirationCheck`, `requiredClaims`.
    pub(crate) rules: ClaimRules,
    /// `claimParameters`, `backendPath`, `forwardToken`, `maxFormBytes`, `bypassEmptyToken`.
    pub(crate) mapping: Mapping,
    /// `resourceServer`.
    pub(crate) resource_server: Option<ResourceServer>,
    /// `resourceServer.dpop`: the proofs that were used.
    pub(crate) proofs: Option<ReplayPolicy>,
    /// `preventJtiReplay`, `maxTrackedJtis`, `jtiStore`, `replayColdStart`.
    pub(crate) replay: Option<ReplayPolicy>,
    /// `tokenCache`.
    pub(crate) cache: CacheLimits,
    /// Which keys are skipped, and why.
    pub(crate) warnings: Vec<Warning>,
}

impl Config {
    /// Reads a plugin configuration in any format that [`document::read`] accepts.
    ///
    /// The [`Outcome`] is returned separately, because rejections of an invalid configuration are written to filter
    /// state, too. `None` if `outcome` is missing or invalid.
    pub(crate) fn read(configuration: &[u8]) -> (Result<Self, ConfigError>, Option<Outcome>) {
        let document = match document::read(configuration) {
            Ok(document) => document,
            Err(error) => return (Err(error.into()), None),
        };
        let mut faults = Faults::default();
        let mut outcome = None;
        let config = Field::root(&document).section(&mut faults).and_then(|mut section| {
            outcome = section.optional("outcome").and_then(|field| Outcome::parse(&field, &mut faults));
            Self::from_section(section, &mut faults)
        });
        (Self::finish(config, faults), outcome)
    }

    fn finish(config: Option<Self>, faults: Faults) -> Result<Self, ConfigError> {
        let warnings = faults.into_result()?;
        // A missing part has reported an error. If one did not, the configuration is invalid all the same.
        let config = config.ok_or_else(|| Fault::new("", "expected a plugin configuration"))?;
        Ok(Self { warnings, ..config })
    }

    fn from_section(mut section: Section, faults: &mut Faults) -> Option<Self> {
        let source = token_source(&mut section, faults);
        let resource_server_field = section.optional("resourceServer");
        let resource_server = resource_server_field.as_ref().map(|field| ResourceServer::parse(field, faults));
        let mapping = Mapping::parse(section.optional("claimParameters"), section.optional("backendPath"), faults);
        let prevent_jti_replay = boolean(&mut section, "preventJtiReplay", false, faults);
        let bypass_empty_token = boolean(&mut section, "bypassEmptyToken", false, faults);
        let ignore_expiration_check = boolean(&mut section, "ignoreExpirationCheck", false, faults);
        if prevent_jti_replay && ignore_expiration_check {
            faults.report(
                "preventJtiReplay",
                "expected false with ignoreExpirationCheck: a used jti can be forgotten only once its token is expired",
            );
        }
        let max_form_bytes = integer(&mut section, "maxFormBytes", FORM_BYTES, DEFAULT_FORM_BYTES, faults) as u32;
        let (jwk, jwks, remote) = (section.optional("jwk"), section.optional("jwks"), section.optional("remoteJwks"));
        if jwk.is_none() && jwks.is_none() && remote.is_none() {
            faults.report("jwk", "expected a key here, in jwks or from remoteJwks, found none");
        }
        let keys = KeySet::parse(jwk, jwks, faults);
        let remote_keys = match remote {
            Some(field) => RemoteKeys::parse(&field, faults),
            None => Some(RemoteKeys::default()),
        };
        let mut rules = ClaimRules {
            issuers: section.optional("issuer").and_then(|field| names(&field, field.one_or_many(faults), faults)),
            audiences: section.optional("audiences").and_then(|field| names(&field, field.list(faults), faults)),
            clock_skew: clock_skew(&mut section, prevent_jti_replay, faults) as f64,
            max_lifetime: max_lifetime(&mut section, faults),
            check_expiration: !ignore_expiration_check,
            required: section
                .optional("requiredClaims")
                .and_then(|field| RequiredClaim::parse_all(&field, faults))
                .unwrap_or_default(),
        };
        let forward_token = boolean(&mut section, "forwardToken", true, faults);
        let max_tracked_jtis =
            integer(&mut section, "maxTrackedJtis", MAX_TRACKED_JTIS, DEFAULT_MAX_TRACKED_JTIS, faults);
        let accepts_dpop = resource_server.as_ref().and_then(Option::as_ref).is_some_and(ResourceServer::accepts_dpop);
        let engine = engine(&mut section, prevent_jti_replay || accepts_dpop, faults);
        let cold_start = cold_start(&mut section, prevent_jti_replay, &rules, faults);
        let cache = cache_limits(&mut section, faults);
        let allow_cors_preflight = boolean(&mut section, "allowCorsPreflight", false, faults);
        section.finish(faults);
        let mut source = source?;
        let resource_server = match (resource_server, resource_server_field) {
            (Some(server), Some(field)) => {
                let server = server?;
                check_resource_server(&server, &field, &source, &mut rules, faults);
                source = source.requiring_scheme(server.accepts_dpop());
                Some(server)
            }
            _ => None,
        };
        Some(Self {
            resource_server,
            keys: keys?,
            remote_keys: remote_keys?,
            rules,
            mapping: mapping?
                .hiding_token((!forward_token).then(|| source.clone()))
                .limiting_forms(max_form_bytes)
                .bypassing_empty_token(bypass_empty_token)
                .allowing_cors_preflight(allow_cors_preflight),
            proofs: accepts_dpop.then(|| ReplayPolicy::for_proofs(max_tracked_jtis, engine.clone())),
            replay: prevent_jti_replay.then(|| ReplayPolicy::new(max_tracked_jtis, engine, cold_start)),
            cache,
            source,
            warnings: Vec::new(),
        })
    }
}

fn token_source(section: &mut Section, faults: &mut Faults) -> Option<TokenSource> {
    let parameter = section
        .required("parameter", faults)
        .and_then(|field| Some((field.name_of_at_most(MAX_NAME_BYTES, faults)?, field)));
    let locations = match section.optional("parameterLocation") {
        None => Some(vec![TokenLocation::Header, TokenLocation::Query]),
        Some(field) => match field.string(faults) {
            Some("header") => Some(vec![TokenLocation::Header]),
            Some("query") => Some(vec![TokenLocation::Query]),
            Some("cookie") => Some(vec![TokenLocation::Cookie]),
            Some(_) => {
                faults.report(field.path(), "expected header, query or cookie");
                None
            }
            None => None,
        },
    };
    let ((parameter, field), locations) = (parameter?, locations?);
    let needs_token_characters = locations != [TokenLocation::Query];
    if needs_token_characters && !is_http_token(&parameter) {
        faults.report(field.path(), "expected a name of letters, digits and !#$%&'*+-.^_`|~");
        return None;
    }
    Some(TokenSource::new(parameter, locations))
}

/// Checks what `resourceServer` demands of other fields. `audiences` is `metadata.resource` by default.
fn check_resource_server(
    server: &ResourceServer,
    field: &Field,
    source: &TokenSource,
    rules: &mut ClaimRules,
    faults: &mut Faults,
) {
    let is_authorization = source.parameter.eq_ignore_ascii_case("authorization");
    if !is_authorization || source.locations != [TokenLocation::Header] {
        faults.report(field.path(), "expected parameter: Authorization and parameterLocation: header beside it");
    }
    match server.metadata() {
        Some(metadata) if rules.audiences.is_none() => rules.audiences = Some(vec![metadata.resource().to_owned()]),
        None if rules.audiences.is_none() => {
            faults.report(field.path(), "expected audiences beside it, or metadata in it")
        }
        _ => {}
    }
    if server.demands_access_token() && rules.issuers.is_none() {
        faults.report(format!("{}.tokenType", field.path()), "expected issuer beside resourceServer");
    }
}

/// Reads `jtiStore`.
fn engine(section: &mut Section, has_use: bool, faults: &mut Faults) -> Option<JtiStore> {
    let field = section.optional("jtiStore")?;
    if !has_use {
        faults.report(field.path(), "expected preventJtiReplay: true beside it, or dpop in resourceServer");
    }
    JtiStore::parse(&field, faults)
}

/// Reads `replayColdStart`. It needs a limit of the lifetime: after that, no token from before the start is valid.
fn cold_start(section: &mut Section, prevent_jti_replay: bool, rules: &ClaimRules, faults: &mut Faults) -> ColdStart {
    let Some(field) = section.optional("replayColdStart") else { return ColdStart::default() };
    match (field.string(faults), rules.max_lifetime) {
        (Some("refuse"), _) if !prevent_jti_replay => {
            faults.report(field.path(), "expected preventJtiReplay: true beside it");
        }
        (Some("refuse"), None) => faults.report(field.path(), "expected maxTokenLifetimeSeconds to be more than 0"),
        (Some("refuse"), Some(max_lifetime)) => return ColdStart::refuse(max_lifetime, rules.clock_skew),
        (Some("accept") | None, _) => {}
        (Some(_), _) => faults.report(field.path(), "expected accept or refuse"),
    }
    ColdStart::default()
}

/// Reads `clockSkewSeconds`. With replay protection it can't exceed the time for which a used `jti` is stored after the
/// token's `exp`.
fn clock_skew(section: &mut Section, prevent_jti_replay: bool, faults: &mut Faults) -> u64 {
    let seconds = integer(section, "clockSkewSeconds", CLOCK_SKEW_SECONDS, 0, faults);
    if prevent_jti_replay && seconds > replay::MAX_CLOCK_SKEW_SECONDS {
        let most = replay::MAX_CLOCK_SKEW_SECONDS;
        faults.report(
            "clockSkewSeconds",
            format!("expected at most {most} with preventJtiReplay: a used jti is kept until exp + {most} seconds"),
        );
    }
    seconds
}

/// Reads `maxTokenLifetimeSeconds`; 0 means no limit.
fn max_lifetime(section: &mut Section, faults: &mut Faults) -> Option<u32> {
    let seconds = integer(
        section,
        "maxTokenLifetimeSeconds",
        0..=u64::from(u32::MAX),
        DEFAULT_MAX_TOKEN_LIFETIME_SECONDS,
        faults,
    );
    u32::try_from(seconds).ok().filter(|&seconds| seconds != 0)
}

fn cache_limits(section: &mut Section, faults: &mut Faults) -> CacheLimits {
    let defaults = CacheLimits { max_entries: DEFAULT_CACHE_ENTRIES as usize, max_bytes: DEFAULT_CACHE_BYTES as usize };
    let Some(mut cache) = section.optional("tokenCache").and_then(|field| field.section(faults)) else {
        return defaults;
    };
    let limits = CacheLimits {
        max_entries: integer(&mut cache, "maxEntries", CACHE_ENTRIES, DEFAULT_CACHE_ENTRIES, faults) as usize,
        max_bytes: integer(&mut cache, "maxBytes", CACHE_BYTES, DEFAULT_CACHE_BYTES, faults) as usize,
    };
    cache.finish(faults);
    limits
}

fn boolean(section: &mut Section, name: &str, default: bool, faults: &mut Faults) -> bool {
    section.optional(name).and_then(|field| field.boolean(faults)).unwrap_or(default)
}

fn integer(section: &mut Section, name: &str, range: RangeInclusive<u64>, default: u64, faults: &mut Faults) -> u64 {
    section.optional(name).and_then(|field| field.integer(range, faults)).unwrap_or(default)
}

/// A list of strings with at least one element, because an empty list could mean "any" or "none".
fn names(field: &Field, elements: Option<Vec<Field>>, faults: &mut Faults) -> Option<Vec<String>> {
    let elements = elements?;
    if elements.is_empty() {
        faults.report(field.path(), "expected at least one element");
    }
    elements.iter().map(|element| element.name(faults)).collect()
}

#[cfg(test)]
impl Config {
    /// Reads a configuration without its [`Outcome`].
    pub(crate) fn parse(configuration: &[u8]) -> Result<Self, ConfigError> {
        Self::read(configuration).0
    }
}

#[cfg(test)]
mod tests;
