//! The line that every request goes along. Nothing else decides.

use crate::cache::{Accepted, CACHE_BUDGET_BYTES, CacheEvents, CacheLimits, TokenCache, TokenCaches};
use crate::claims::Claims;
use crate::config::Config;
use crate::document::{ConfigError, Warning};
use crate::key::ConfiguredKey;
use crate::mapping::Edits;
use crate::numeric_date::NumericDate;
use crate::outcome::Outcome;
use crate::rejection::Rejection;
use crate::replay::SharedData;
use crate::request::{Request, TokenLocation};
use crate::signature::{self, HostSignatures, SignatureBackend};
use crate::text::Excerpt;
use crate::token::{LastHeader, Token};

/// How much of the configuration's faults goes into the message of I400JP; the log has them whole.
const FAULTS_EXCERPT_BYTES: usize = 512;

/// One configured filter: what Envoy's plugin `configuration` became. A faulty configuration is a plugin, too: one that
/// refuses every request.
#[derive(Debug)]
pub struct Plugin {
    config: Result<Config, ConfigError>,
    outcome: Option<Outcome>,
    forced_backend: Option<SignatureBackend>,
    cache: TokenCache,
    last_header: LastHeader,
}

/// What a decision needs of the process around it.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// The data that all workers share: where used `jti`s are kept.
    pub shared_data: &'a dyn SharedData,
    /// The host's own signature check, where it has one that works.
    pub signatures: Option<&'a dyn HostSignatures>,
}

impl Plugin {
    /// A plugin that has a VM of its own; see [`Self::in_vm`].
    pub fn new(configuration: &[u8], vm_configuration: &[u8]) -> Self {
        Self::in_vm(&TokenCaches::new(CACHE_BUDGET_BYTES), b"", configuration, vm_configuration)
    }

    /// Reads a plugin configuration (YAML or JSON text, or the wire bytes of a `google.protobuf.Struct`) and that of the
    /// VM (empty, `signatures: host` or `signatures: wasm`). Never fails and depends on nothing but its arguments: Envoy
    /// skips a filter that fails to configure, and lets requests by.
    ///
    /// The plugin keeps tokens in `caches`, which all plugins of its VM share. One of the same `name` is taken for the one
    /// that this one replaces, and gives up the tokens that it keeps before anything of this one is read.
    pub fn in_vm(caches: &TokenCaches, name: &[u8], configuration: &[u8], vm_configuration: &[u8]) -> Self {
        caches.clear_named(name);
        let (config, outcome) = Config::read(configuration);
        let (config, forced_backend) = match SignatureBackend::from_vm_configuration(vm_configuration) {
            Ok(forced_backend) => (config, forced_backend),
            Err(fault) => (Err(fault.into()), None),
        };
        let cache = caches.open(name, config.as_ref().map_or(CacheLimits::NONE, |config| config.cache));
        Self { config, outcome, forced_backend, cache, last_header: LastHeader::default() }
    }

    /// Where signatures are to be checked: where the VM's configuration says, else wherever the host is good for.
    pub fn signature_backend(&self, host: &dyn HostSignatures) -> SignatureBackend {
        self.forced_backend.unwrap_or_else(|| SignatureBackend::for_host(host))
    }

    /// The faults of the configuration, if it has any.
    pub fn faults(&self) -> Option<&ConfigError> {
        self.config.as_ref().err()
    }

    /// What a valid configuration leaves out: keys of a set that are not for verifying here.
    pub fn warnings(&self) -> &[Warning] {
        self.config.as_ref().map_or(&[], |config| &config.warnings)
    }

    /// The keys that verify tokens; none under a faulty configuration.
    pub fn keys(&self) -> Vec<ConfiguredKey<'_>> {
        self.config.as_ref().map_or(Vec::new(), |config| config.keys.describe())
    }

    /// Where the token is looked for: `parameter`, and the places in their order. `None` for a faulty configuration.
    pub fn token_source(&self) -> Option<(&str, &[TokenLocation])> {
        let config = self.config.as_ref().ok()?;
        Some((&config.source.parameter, &config.source.locations))
    }

    /// Whether each `jti` is accepted once. False under a faulty configuration.
    pub fn prevents_replay(&self) -> bool {
        self.config.as_ref().is_ok_and(|config| config.replay.is_some())
    }

    /// Whether the request has a token, or several, where the configuration has the filter look. False under a faulty
    /// configuration.
    pub fn finds_token(&self, request: Request) -> bool {
        self.config.as_ref().is_ok_and(|config| !matches!(config.source.find(request), Ok(None)))
    }

    /// How many bytes the request's token has, for a message about one over [`crate::MAX_TOKEN_BYTES`]; `None` where there is
    /// none, or several, and under a faulty configuration.
    pub fn token_length(&self, request: Request) -> Option<usize> {
        let found = self.config.as_ref().ok()?.source.find(request).ok()?;
        found.map(|raw| raw.len())
    }

    /// Decides one request at the time `now`: the edits with which it goes on, or the refusal that ends it.
    ///
    /// The steps are those of the gateway, in its order; each uses only what the one before has proved. The `jti` is used
    /// up last, so a request that is refused for any other reason burns none.
    pub fn decide(&self, request: Request, now: NumericDate, host: Host) -> Result<Edits, Rejection> {
        let config = self.config.as_ref().map_err(misconfigured)?;
        let Some(raw) = config.source.find(request)? else {
            return config.mapping.without_token(request);
        };
        if let Some(accepted) = self.cache.get(&raw) {
            return self.decide_known(config, (&raw, &accepted), request, now);
        }
        let token = Token::decode(&raw, &self.last_header)?;
        let key = config.keys.select(token.key_id())?;
        let verified = signature::verify(token, key, host.signatures)?;
        let claims = Claims::read(&verified)?;
        claims.times().check(&config.rules, now)?;
        claims.check_parties(&config.rules)?;
        let values = config.mapping.values(&claims)?;
        let edits = config.mapping.edits(request, &values)?;
        match &config.replay {
            Some(replay) => replay.admit(&claims, now, host.shared_data)?,
            // A token that passes once is not worth keeping.
            None => self.cache.insert(&raw, Accepted { times: claims.times(), values }),
        }
        Ok(edits)
    }

    /// What the configuration has written into filter state about a decision, by name and value: other filters and the access
    /// log read it as `wasm.<name>`. `None` without `outcome`. A faulty configuration whose `outcome` is right has it, too.
    pub fn outcome(&self, decision: Result<&Edits, &Rejection>) -> Option<(&str, &'static str)> {
        self.outcome.as_ref().map(|outcome| outcome.entry(decision))
    }

    /// Whether a trailer of this name must not go on: some backends take trailers for headers, and a mapped header is the
    /// filter's alone to set.
    pub fn owns_header(&self, name: &str) -> bool {
        self.config.as_ref().is_ok_and(|config| config.mapping.owns_header(name))
    }

    /// Checks how many bytes of a form that is to be edited have come. I413FD when it is more than `maxFormBytes`.
    pub fn check_form_size(&self, size: usize) -> Result<(), Rejection> {
        self.config.as_ref().map_err(misconfigured)?.mapping.form_limit().check(size)
    }

    /// What the verified-token cache did since the last call.
    pub fn take_cache_events(&self) -> CacheEvents {
        self.cache.take_events()
    }

    /// Decides on a token that was accepted before under this configuration: only the clock can have turned against it.
    fn decide_known(
        &self,
        config: &Config,
        (raw, accepted): (&[u8], &Accepted),
        request: Request,
        now: NumericDate,
    ) -> Result<Edits, Rejection> {
        accepted.times.check(&config.rules, now).inspect_err(|_| self.cache.remove(raw))?;
        config.mapping.edits(request, &accepted.values)
    }
}

fn misconfigured(error: &ConfigError) -> Rejection {
    Rejection::Misconfigured { faults: Excerpt::new(error.to_string().as_bytes(), FAULTS_EXCERPT_BYTES) }
}
