//! The steps that decide on a request. No other module decides.

mod admission;
mod authentication;
mod decision;

use crate::cache::{Accepted, CACHE_BUDGET_BYTES, CacheEvents, CacheLimits, TokenCache, TokenCaches};
use crate::call::Reply;
use crate::config::Config;
use crate::document::{ConfigError, Warning};
use crate::key::ConfiguredKey;
use crate::mapping::Edits;
use crate::numeric_date::NumericDate;
use crate::outcome::Outcome;
use crate::rejection::Rejection;
use crate::remote_keys::RemoteKeys;
use crate::replay::{EngineEvents, Entry, JtiStore, ReplayHost, ReplayPolicy};
use crate::request::{Request, TokenLocation};
use crate::response::Response;
use crate::shared_data::SharedData;
use crate::signature::{HostSignatures, SignatureBackend};
use crate::text::Excerpt;
use crate::token::{LastHeader, Token};
use authentication::authenticate;
use decision::Stop;
pub use decision::{Ask, Decision, Wait};

/// How many bytes of the configuration errors the message of I400JP has. The log has all of them.
const FAULTS_EXCERPT_BYTES: usize = 512;

/// A configured filter. If the configuration has errors, the plugin rejects every request with I400JP.
#[derive(Debug)]
pub struct Plugin {
    config: Result<Config, ConfigError>,
    outcome: Option<Outcome>,
    forced_backend: Option<SignatureBackend>,
    cache: TokenCache,
    last_header: LastHeader,
}

/// The host services that a decision uses.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Data shared by all workers. It stores the used `jti`s.
    pub shared_data: &'a dyn SharedData,
    /// The host's signature verification, or `None` to verify in this crate.
    pub signatures: Option<&'a dyn HostSignatures>,
    /// Random bytes from a secure source, or `None` if there are none. Only `jtiStore` needs them.
    pub random: fn() -> Option<[u8; 16]>,
}

impl<'a> Host<'a> {
    fn for_replay(self, now: NumericDate) -> ReplayHost<'a> {
        ReplayHost { shared_data: self.shared_data, random: self.random, now }
    }
}

impl Plugin {
    /// A plugin with token caches of its own; for the arguments see [`Self::in_vm`].
    ///
    /// ```
    /// let plugin = jwt_auth::Plugin::new(b"parameter: X-Token\nisuer: me", b"");
    /// let errors: Vec<_> = plugin.faults().unwrap().faults().iter().map(ToString::to_string).collect();
    /// assert_eq!(
    ///     errors,
    ///     [
    ///         "jwk: expected a key here, in jwks or from remoteJwks, found none",
    ///         "isuer: unknown field, did you mean issuer?"
    ///     ]
    /// );
    /// ```
    pub fn new(configuration: &[u8], vm_configuration: &[u8]) -> Self {
        Self::in_vm(&TokenCaches::new(CACHE_BUDGET_BYTES), b"", configuration, vm_configuration)
    }

    /// Creates a plugin from its configuration and that of its VM.
    ///
    /// `configuration` is YAML or JSON, or an encoded `google.protobuf.Struct`, of at most 1 MiB. `vm_configuration` is
    /// empty, `signatures: host` or `signatures: wasm`. `caches` are those of the VM. Plugins with the same `name`
    /// replace each other, so their cached tokens are removed first.
    ///
    /// This never fails, because Envoy forwards requests without a filter that fails here. [`Self::faults`] has the errors
    /// of both configurations.
    pub fn in_vm(caches: &TokenCaches, name: &[u8], configuration: &[u8], vm_configuration: &[u8]) -> Self {
        caches.clear_named(name);
        let (config, outcome) = Config::read(configuration);
        let (config, forced_backend) = match SignatureBackend::from_vm_configuration(vm_configuration) {
            Ok(forced_backend) => (config, forced_backend),
            Err(error) => (Err(error.into()), None),
        };
        let cache = caches.open(name, config.as_ref().map_or(CacheLimits::NONE, |config| config.cache));
        Self { config, outcome, forced_backend, cache, last_header: LastHeader::default() }
    }

    /// Where signatures are verified: as configured for the VM, otherwise as chosen by a self-test of `host`.
    pub fn signature_backend(&self, host: &dyn HostSignatures) -> SignatureBackend {
        self.forced_backend.unwrap_or_else(|| SignatureBackend::for_host(host))
    }

    /// The configuration errors, if any.
    pub fn faults(&self) -> Option<&ConfigError> {
        self.config.as_ref().err()
    }

    /// What a valid configuration contains but the filter ignores: keys of a JWK set that can't verify tokens.
    pub fn warnings(&self) -> &[Warning] {
        self.config.as_ref().map_or(&[], |config| &config.warnings)
    }

    /// The keys of the configuration. Those that are fetched are in [`Self::remote_keys`]. Empty if the configuration has errors.
    pub fn keys(&self) -> Vec<ConfiguredKey<'_>> {
        self.config.as_ref().map_or(Vec::new(), |config| config.keys.describe())
    }

    /// The keys that are fetched, which the host must drive. `None` if the configuration fetches none or has errors.
    pub fn remote_keys(&self) -> Option<&RemoteKeys> {
        self.config.as_ref().ok().map(|config| &config.remote_keys).filter(|keys| !keys.is_empty())
    }

    /// `issuer`: one of these must be the `iss` of a token. `None` if any may, or if the configuration has errors.
    pub fn issuers(&self) -> Option<&[String]> {
        self.config.as_ref().ok()?.rules.issuers.as_deref()
    }

    /// `parameter`, and the parts of the request where a token is looked for, in order. `None` if the configuration has
    /// errors.
    pub fn token_source(&self) -> Option<(&str, &[TokenLocation])> {
        let config = self.config.as_ref().ok()?;
        Some((&config.source.parameter, &config.source.locations))
    }

    /// Whether the token must follow a scheme in `Authorization`, because of `resourceServer`. False if the configuration
    /// has errors.
    pub fn requires_scheme(&self) -> bool {
        self.config.as_ref().is_ok_and(|config| config.resource_server.is_some())
    }

    /// Whether each `jti` is accepted only once. False if the configuration has errors.
    pub fn prevents_replay(&self) -> bool {
        self.replay().is_some()
    }

    /// The engine that keeps the used `jti`s of tokens or, if only proofs are accepted once, of proofs. `None` without
    /// `jtiStore`, or if the configuration has errors.
    pub fn jti_store(&self) -> Option<&JtiStore> {
        let config = self.config.as_ref().ok()?;
        config.replay.as_ref().or(config.proofs.as_ref())?.engine()
    }

    /// Whether the request has its token with the scheme `DPoP`, and so needs a proof. False without `dpop`, or if the
    /// configuration has errors.
    pub fn needs_proof(&self, request: Request) -> bool {
        self.config.as_ref().is_ok_and(|config| config.proofs.is_some() && config.source.has_dpop_scheme(request))
    }

    /// `replayColdStart: refuse`. False if the configuration has errors.
    pub fn refuses_cold_start(&self) -> bool {
        self.replay().is_some_and(ReplayPolicy::refuses_cold_start)
    }

    /// Records that the process of `shared_data` tracks `jti`s from `now` on, unless that is known already. The host
    /// calls it when the plugin is configured, for `replayColdStart`.
    pub fn begin(&self, now: NumericDate, shared_data: &dyn SharedData) {
        if let Some(replay) = self.replay() {
            replay.begin(now, shared_data);
        }
    }

    /// Whether the request has one or more tokens where the filter looks for them. False if the configuration has
    /// errors.
    pub fn finds_token(&self, request: Request) -> bool {
        self.config.as_ref().is_ok_and(|config| !matches!(config.source.find(request), Ok(None)))
    }

    /// The length of the request's token in bytes, for a message about a token over [`crate::MAX_TOKEN_BYTES`]. `None`
    /// if there is no token, if there are several, or if the configuration has errors.
    pub fn token_length(&self, request: Request) -> Option<usize> {
        let found = self.config.as_ref().ok()?.source.find(request).ok()?;
        found.map(|raw| raw.len())
    }

    /// Decides on a request at the time `now`: returns the edits for the request to forward, the rejection or the metadata
    /// document to send, or how long to hold the request.
    ///
    /// The proof and the `jti` are recorded last, so a request that is rejected for another reason, or waits, doesn't use
    /// them up.
    ///
    /// The rejection is any but [`Rejection::HostFailure`]. The first check that fails determines the code; they run in
    /// this order:
    ///
    /// 1. the configuration: I400JP
    /// 2. the token: I400JR, A403JT (several tokens, `typ`), I400JD
    /// 3. its key: A403JK, S503JW
    /// 4. its signature: A403JT, S503JW
    /// 5. its payload and claims: I400JD, A403JE, A403JT, A403JS, A403JC
    /// 6. the proof of possession ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3)): A403DP, A403JT
    /// 7. the edits: A403JT, I415FD, I413FD
    /// 8. whether the proof is new, and the `jti`: S403JI, A403DP, A403JT (`replayColdStart`), S403JU, S503JF, S503JS
    ///
    /// # Examples
    ///
    /// The token of [RFC 7515 §A.1](https://www.rfc-editor.org/rfc/rfc7515#appendix-A.1), whose issuer is `joe`:
    ///
    /// ```
    /// use jwt_auth::{Conflict, Host, HeaderEdit, NumericDate, Plugin, Request, SharedData};
    ///
    /// struct NoSharedData;
    ///
    /// impl SharedData for NoSharedData {
    ///     fn get(&self, _: &str) -> Option<(Vec<u8>, u32)> {
    ///         None
    ///     }
    ///     fn set(&self, _: &str, _: &[u8], _: u32) -> Result<(), Conflict> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let plugin = Plugin::new(
    ///     br"
    /// parameter: X-Token
    /// claimParameters: [{claimName: iss, parameterName: X-Issuer, location: header}]
    /// jwk:
    ///   kty: oct
    ///   alg: HS256
    ///   k: AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow
    /// ",
    ///     b"",
    /// );
    /// let token = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
    ///     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
    ///     dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    /// let decide = |headers: &[(&str, &[u8])], seconds| {
    ///     let host = Host { shared_data: &NoSharedData, signatures: None, random: || None };
    ///     plugin.decide(Request::new(headers), NumericDate::from_unix_seconds(seconds), host).without_waiting()
    /// };
    ///
    /// let edits = decide(&[("x-token", token)], 1_300_819_379.0).unwrap();
    /// assert_eq!(edits.headers, [HeaderEdit::Add("X-Issuer".into(), b"joe"[..].into())]);
    ///
    /// let rejection = decide(&[("x-token", token)], 1_300_819_380.0).unwrap_err();
    /// assert_eq!((rejection.status(), rejection.code()), (403, "A403JE"));
    /// assert_eq!(rejection.message(), "JWT is expired at 2011-03-22T18:43:00Z");
    ///
    /// assert_eq!(decide(&[], 0.0).unwrap_err().code(), "I400JR");
    /// ```
    pub fn decide(&self, request: Request, now: NumericDate, host: Host) -> Decision {
        self.edits(request, now, host).into()
    }

    fn edits(&self, request: Request, now: NumericDate, host: Host) -> Result<Edits, Stop> {
        let config = self.config.as_ref().map_err(misconfigured)?;
        let server = config.resource_server.as_ref();
        if let Some(response) = server.and_then(|server| server.metadata()?.response(request)) {
            return Err(Stop::Respond(response));
        }
        let Some(raw) = config.source.find(request)? else {
            return Ok(config.mapping.without_token(request)?);
        };
        let keys_version = config.remote_keys.version(now);
        if let Some(accepted) = self.cache.get(&raw, keys_version) {
            return self.decide_cached(config, (&raw, &accepted), request, now, host);
        }
        let token = Token::decode(&raw, &self.last_header)?;
        server.map_or(Ok(()), |server| server.check_header(&token))?;
        let claims = authenticate(&token, config, now, host.signatures)?;
        claims.times().check(&config.rules, now)?;
        claims.check_parties(&config.rules)?;
        let binding = server.map_or(Ok(None), |server| server.check_claims(&claims))?;
        claims.check_required(&config.rules)?;
        let proof = possession(config, request, (&raw, binding.as_deref()), now, host)?;
        let values = config.mapping.values(&claims)?;
        let edits = config.mapping.edits(request, &values)?;
        let host = host.for_replay(now);
        let entry = config.replay.as_ref().map(|replay| replay.entry(&claims, host)).transpose()?;
        if entry.is_none() {
            // With replay protection a token is accepted once, so caching it is useless.
            self.cache.insert(&raw, Accepted { times: claims.times(), binding, values, keys_version });
        }
        admission::admit(config, proof, entry, edits, host)
    }

    /// Takes the reply to the call of a request that waits for the engine of `jtiStore`.
    ///
    /// The rejection is A403DP, S403JU, S503JF, S503JS, A403JT or A403JE; I400JP if the configuration has errors.
    pub fn answer(&self, ask: Ask, reply: Reply, now: NumericDate, host: Host) -> Decision {
        self.answered(ask, reply, now, host).into()
    }

    fn answered(&self, ask: Ask, reply: Reply, now: NumericDate, host: Host) -> Result<Edits, Stop> {
        let config = self.config.as_ref().map_err(misconfigured)?;
        admission::answer(config, ask, reply, host.for_replay(now))
    }

    /// The response of a rejection to the client of `request`, whose headers may be missing if they are gone: in the manner
    /// of the gateway, or with `resourceServer` in that of an OAuth 2.0 resource server
    /// ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
    pub fn response(&self, request: Request, rejection: &Rejection) -> Response {
        let server = self.config.as_ref().ok().and_then(|config| config.resource_server.as_ref());
        let oauth = server.and_then(|_| rejection.oauth());
        let challenges = server.zip(oauth).map_or_else(Vec::new, |(server, oauth)| {
            let has_dpop_scheme = self.config.as_ref().is_ok_and(|config| config.source.has_dpop_scheme(request));
            server.challenges(oauth, has_dpop_scheme)
        });
        Response::to(request, rejection, oauth, challenges)
    }

    /// The name and value of the filter state entry for a decision. Other filters and the access log read it as
    /// `wasm.<name>`.
    ///
    /// `None` if the configuration has no valid `outcome`. Errors in other fields don't matter.
    pub fn outcome(&self, decision: Result<&Edits, &Rejection>) -> Option<(&str, &'static str)> {
        self.outcome.as_ref().map(|outcome| outcome.entry(decision))
    }

    /// Whether only the filter may set the header `name`, in any spelling that a backend could read as that name.
    ///
    /// Trailers of such a name must be removed, because some backends read trailers as headers.
    pub fn owns_header(&self, name: &str) -> bool {
        self.config.as_ref().is_ok_and(|config| config.mapping.owns_header(name))
    }

    /// Checks the number of bytes received of a form body that will be edited.
    ///
    /// # Errors
    ///
    /// I413FD if `size` exceeds `maxFormBytes`; I400JP if the configuration has errors.
    pub fn check_form_size(&self, size: usize) -> Result<(), Rejection> {
        self.config.as_ref().map_err(misconfigured)?.mapping.form_limit().check(size)
    }

    /// The events of the verified-token cache since the last call.
    pub fn take_cache_events(&self) -> CacheEvents {
        self.cache.take_events()
    }

    /// What happened with the engine of `jtiStore` since the last call, for tokens and for proofs. Empty without an
    /// engine, or if the configuration has errors.
    pub fn take_engine_events(&self) -> Vec<EngineEvents> {
        let policies = self.config.iter().flat_map(|config| config.replay.iter().chain(&config.proofs));
        policies.filter_map(ReplayPolicy::take_engine_events).collect()
    }

    fn replay(&self) -> Option<&ReplayPolicy> {
        self.config.as_ref().ok()?.replay.as_ref()
    }

    /// Decides on a request whose token this configuration accepted before. Of the token only the times are checked
    /// again; a proof is another one for each request.
    fn decide_cached(
        &self,
        config: &Config,
        (raw, accepted): (&[u8], &Accepted),
        request: Request,
        now: NumericDate,
        host: Host,
    ) -> Result<Edits, Stop> {
        accepted.times.check(&config.rules, now).inspect_err(|_| self.cache.remove(raw))?;
        let proof = possession(config, request, (raw, accepted.binding.as_deref()), now, host)?;
        let edits = config.mapping.edits(request, &accepted.values)?;
        admission::admit(config, proof, None, edits, host.for_replay(now))
    }
}

/// The entry of the proof that the client has the key of the token. `None` if the token may be used without one.
fn possession(
    config: &Config,
    request: Request,
    (raw, binding): (&[u8], Option<&str>),
    now: NumericDate,
    host: Host,
) -> Result<Option<Entry>, Rejection> {
    let Some(server) = &config.resource_server else { return Ok(None) };
    let is_dpop = config.source.has_dpop_scheme(request);
    let proof = server.check_possession(request, is_dpop, (raw, binding), now, host.signatures)?;
    Ok(proof.map(|proof| ReplayPolicy::entry_of_proof(&proof.identity(), proof.issued_at())))
}

fn misconfigured(error: &ConfigError) -> Rejection {
    Rejection::Misconfigured { faults: Excerpt::new(error.to_string().as_bytes(), FAULTS_EXCERPT_BYTES) }
}
