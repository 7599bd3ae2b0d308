//! Envoys that share an engine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use kit::bootstrap::{Bootstrap, Cluster, Configuration, Listener};
use kit::engines::{EngineProcess, Entry, Etcd, Persistence, Redis, Webdis};
use kit::envoy::Envoy;
use kit::http::{Address, Response};
use kit::proxy::{Proxy, bytes_of, filter, judge, now};
use kit::rows::{Request, Step, get, header_config, key};
use kit::upstream::Upstream;
use serde_json::json;

/// The name of the listener.
pub(crate) const LISTENER: &str = "api";

/// The name of the engine's cluster.
pub(crate) const CLUSTER: &str = "jti-store";

/// The default of `keyPrefix`.
pub(crate) const PREFIX: &str = "jwt-auth/jti/";

/// `iss` of all tokens.
pub(crate) const ISSUER: &str = "https://issuer.test";

/// A live engine.
#[expect(clippy::large_enum_variant, reason = "a test has one or two")]
pub(crate) enum Engine {
    Etcd(Etcd),
    Redis(Redis, Webdis),
}

impl Engine {
    /// An etcd cluster of so many nodes.
    pub(crate) fn etcd(nodes: usize) -> Self {
        Self::Etcd(Etcd::start(nodes).unwrap())
    }

    /// A Redis and its Webdis.
    pub(crate) fn redis(persistence: Persistence) -> Self {
        let redis = Redis::start(persistence).unwrap();
        let webdis = Webdis::start(redis.address()).unwrap();
        Self::Redis(redis, webdis)
    }

    /// `kind` in the configuration.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Etcd(_) => "etcd",
            Self::Redis(..) => "redis",
        }
    }

    /// Where Envoy calls it.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Etcd(etcd) => etcd.addresses(),
            Self::Redis(_, webdis) => vec![webdis.address()],
        }
    }

    /// Its cluster, with all its addresses.
    pub(crate) fn cluster(&self) -> Cluster {
        self.cluster_at(&self.addresses())
    }

    /// Its cluster, with these addresses instead, for example those of relays.
    pub(crate) fn cluster_at(&self, addresses: &[SocketAddr]) -> Cluster {
        let cluster = Cluster::with_hosts(CLUSTER, addresses);
        match self {
            Self::Etcd(_) => cluster.over_http2(),
            Self::Redis(..) => cluster,
        }
    }

    /// Its processes: the nodes of etcd, or Redis and Webdis.
    pub(crate) fn processes(&self) -> Vec<&EngineProcess> {
        match self {
            Self::Etcd(etcd) => etcd.nodes().iter().collect(),
            Self::Redis(redis, webdis) => vec![redis.process(), webdis.process()],
        }
    }

    /// Starts all processes that are dead, continues those that are suspended, and waits until the engine answers.
    pub(crate) fn revive(&self) {
        let suspended = |process: &&EngineProcess| process.id().is_some() && !process.is_running();
        self.processes().into_iter().filter(suspended).for_each(EngineProcess::cont);
        for process in self.processes().into_iter().filter(|process| process.id().is_none()) {
            process.restart().unwrap();
        }
        match self {
            Self::Etcd(etcd) => etcd.wait_until_healthy(),
            Self::Redis(_, webdis) => webdis.wait_until_answering(),
        }
        .unwrap();
    }

    /// All keys that begin with `prefix`.
    pub(crate) fn entries(&self, prefix: &str) -> Vec<Entry> {
        match self {
            Self::Etcd(etcd) => etcd.entries(prefix),
            Self::Redis(redis, _) => redis.entries(prefix),
        }
        .unwrap()
    }
}

/// What the Envoys of a [`Fleet`] have in common.
pub(crate) struct Settings {
    /// How many there are.
    pub(crate) envoys: usize,
    /// How many workers each has.
    pub(crate) workers: u32,
    /// By how many seconds the clock of the second Envoy is ahead.
    pub(crate) ahead_seconds: u32,
    /// `timeoutMilliseconds`. By default it is the longest, because a busy machine is slow.
    pub(crate) timeout_milliseconds: u32,
    /// More fields of `jtiStore`, each after a comma: `, onFailure: local`.
    pub(crate) store: String,
    /// More lines of the configuration.
    pub(crate) lines: String,
    /// The engine's cluster, if it is not [`Engine::cluster`].
    pub(crate) cluster: Option<Cluster>,
}

impl Default for Settings {
    fn default() -> Self {
        let (store, lines) = (String::new(), String::new());
        Self { envoys: 2, workers: 2, ahead_seconds: 0, timeout_milliseconds: 5000, store, lines, cluster: None }
    }
}

/// Envoys with the same filter, each with its own upstream.
pub(crate) struct Fleet {
    pub(crate) proxies: Vec<Proxy>,
}

impl Fleet {
    /// Starts the Envoys.
    pub(crate) fn start(binary: &Path, engine: &Engine, settings: &Settings) -> Self {
        Self { proxies: (0..settings.envoys).map(|index| start_one(binary, engine, settings, index)).collect() }
    }

    /// [`expect`] of an Envoy.
    pub(crate) fn expect(&self, envoy: usize, step: &Step) {
        expect(&self.proxies[envoy], step);
    }

    /// The verdict of an Envoy about a token, on a new connection.
    pub(crate) fn ask(&self, envoy: usize, token: &str) -> Verdict {
        Verdict::of(token, &self.proxies[envoy].send(LISTENER, &request(token)))
    }

    /// A token with a `jti` that no other fleet has.
    pub(crate) fn token(&self, name: &str) -> String {
        token(&format!("{name}-{}", self.proxies[0].envoy.id()))
    }

    /// The address of an Envoy, for connections that are kept.
    pub(crate) fn address(&self, envoy: usize) -> Address {
        self.proxies[envoy].envoy.address(LISTENER).unwrap()
    }

    /// The counters of an Envoy about the engine that are not zero, once all workers have reported: `asked` for
    /// `wasmcustom.jwt_auth.jti_store_asked`.
    pub(crate) fn counted(&self, envoy: usize) -> BTreeMap<String, u64> {
        let counters = self.proxies[envoy].counted().into_iter();
        counters.filter_map(|(name, count)| Some((name.strip_prefix("jti_store_")?.to_owned(), count))).collect()
    }

    /// Fails if a module has failed, or a log has one of the tokens.
    pub(crate) fn assert_healthy(&self, tokens: &[&str]) {
        for proxy in &self.proxies {
            let mut harm = proxy.unsafe_log_lines(tokens.iter().map(|token| token.as_bytes()));
            let reloads = proxy.envoy.stats("vm_reload").unwrap();
            harm.extend(reloads.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name));
            proxy.report(&harm);
        }
    }
}

/// Sends a request to an Envoy and compares the whole result, and what the backend got.
///
/// # Panics
/// When it is another result. Shows the Envoy's log.
pub(crate) fn expect(proxy: &Proxy, step: &Step) {
    if let Err(difference) = proxy.run(LISTENER, step) {
        panic!("{difference}\n{}", proxy.envoy.log());
    }
}

/// One of the results that a valid token with a `jti` can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The backend got the request.
    Accepted,
    /// S403JU.
    Used,
    /// S503JS.
    Unavailable,
    /// Anything else, for a message.
    Other(String),
}

impl Verdict {
    /// The verdict in the whole response to [`request`].
    pub(crate) fn of(token: &str, response: &Response) -> Self {
        let is = |step: Step, reached| judge(&step, response, reached).is_ok();
        match response.status {
            200 if is(accepted(token), 1) => Self::Accepted,
            403 if is(used(token), 0) => Self::Used,
            503 if is(unavailable(token), 0) => Self::Unavailable,
            status => Self::Other(format!("{status}: {:?}, {}", response.headers, response.text())),
        }
    }
}

/// A `GET` with this token.
pub(crate) fn request(token: &str) -> Request {
    get().token(token)
}

/// The bytes of [`request`], for a connection that is kept.
pub(crate) fn bytes(token: &str) -> Vec<u8> {
    bytes_of(&request(token))
}

/// The token is accepted: the backend gets the request.
pub(crate) fn accepted(token: &str) -> Step {
    request(token).passes()
}

/// The `jti` is used.
pub(crate) fn used(token: &str) -> Step {
    request(token).rejected("S403JU", "Claim jti in JWT is used")
}

/// The engine can't be asked.
pub(crate) fn unavailable(token: &str) -> Step {
    request(token).rejected("S503JS", "Replay store is not available")
}

/// With `replayColdStart: refuse`, the token may be from before the start.
pub(crate) fn from_before_start(token: &str) -> Step {
    request(token).invalid("claim iat is not after the start of the replay store")
}

/// A token with this `jti` that is valid for an hour.
pub(crate) fn token(jti: &str) -> String {
    token_until(jti, now() + 3600)
}

/// A token with this `jti` and `exp`.
pub(crate) fn token_until(jti: &str, exp: u64) -> String {
    key().token(Some("k1"), &json!({"iss": ISSUER, "sub": "alice", "jti": jti, "iat": now(), "exp": exp}))
}

/// The configuration of the filter.
pub(crate) fn configuration(engine: &Engine, settings: &Settings) -> String {
    let Settings { timeout_milliseconds, store, lines, .. } = settings;
    header_config(&format!(
        "preventJtiReplay: true\njtiStore: {{kind: {}, cluster: {CLUSTER}, timeoutMilliseconds: \
         {timeout_milliseconds}{store}}}\n{lines}",
        engine.kind()
    ))
}

fn start_one(binary: &Path, engine: &Engine, settings: &Settings, index: usize) -> Proxy {
    let upstream = Upstream::start();
    let configuration = Configuration::Text(configuration(engine, settings));
    let listener = Listener::new(LISTENER, vec![filter(configuration, None)]);
    let cluster = settings.cluster.clone().unwrap_or_else(|| engine.cluster());
    let bootstrap = Bootstrap::watched(upstream.address(), vec![listener]).with_cluster(cluster);
    let ahead_seconds = if index == 1 { settings.ahead_seconds } else { 0 };
    let envoy = Envoy::start_ahead(binary, &bootstrap, settings.workers, ahead_seconds);
    let envoy = envoy.unwrap_or_else(|error| panic!("{error}"));
    Proxy { envoy, upstream }
}
