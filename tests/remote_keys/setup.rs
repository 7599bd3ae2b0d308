//! An Envoy whose filter fetches keys from a key server.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kit::bootstrap::{Bootstrap, Cluster, Configuration, Listener};
use kit::envoy::Envoy;
use kit::http::{Address, RequestBuilder, Response, exchange};
use kit::issuer::{SigningKey, jwk_set};
use kit::key_server::{Answer, KeyServer};
use kit::proxy::{Proxy, filter, now};
use kit::upstream::Upstream;
use serde_json::{Value, json};

/// The path of the JWK set.
pub(crate) const KEYS: &str = "/keys";

/// The name of the listener and its filter.
pub(crate) const LISTENER: &str = "keys";

/// How long [`eventually`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// An Envoy with a key server, and a plain cluster `issuer` that leads to it.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) keys: KeyServer,
}

impl Site {
    /// Starts Envoy with one listener of this configuration.
    pub(crate) fn start(binary: &Path, keys: KeyServer, configuration: &str, workers: u32) -> Self {
        Self::with(binary, keys, vec![listener(LISTENER, configuration)], Vec::new(), workers)
    }

    /// Starts Envoy with these listeners, which can be updated, and more clusters.
    pub(crate) fn with(
        binary: &Path,
        keys: KeyServer,
        listeners: Vec<Listener>,
        clusters: Vec<Cluster>,
        workers: u32,
    ) -> Self {
        Self::draining_for(1, binary, keys, listeners, clusters, workers)
    }

    /// Like [`Self::with`]; replaced listeners drain for so many seconds.
    pub(crate) fn draining_for(
        drain_seconds: u32,
        binary: &Path,
        keys: KeyServer,
        listeners: Vec<Listener>,
        clusters: Vec<Cluster>,
        workers: u32,
    ) -> Self {
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::watched(upstream.address(), listeners).draining_for(drain_seconds);
        let issuer = Cluster::new("issuer", keys.address());
        let bootstrap = [issuer].into_iter().chain(clusters).fold(bootstrap, Bootstrap::with_cluster);
        let envoy = Envoy::start(binary, &bootstrap, workers).unwrap_or_else(|error| panic!("{error}"));
        Self { proxy: Proxy { envoy, upstream }, keys }
    }

    /// The address of a listener.
    pub(crate) fn address(&self, listener: &str) -> Address {
        self.proxy.envoy.address(listener).unwrap()
    }

    /// The result of a request with this token, on a new connection.
    pub(crate) fn get(&self, token: &str) -> (u16, String) {
        self.get_at(LISTENER, token)
    }

    /// Like [`Self::get`], at any listener.
    pub(crate) fn get_at(&self, listener: &str, token: &str) -> (u16, String) {
        ask(&self.address(listener), token)
    }

    /// The filter's metrics whose name begins with `prefix` and that are not zero, once all workers have reported.
    pub(crate) fn counted(&self, prefix: &str) -> BTreeMap<String, u64> {
        self.proxy.counted().into_iter().filter(|(name, _)| name.starts_with(prefix)).collect()
    }

    /// The lines of Envoy's log that contain `part`.
    pub(crate) fn log_lines(&self, part: &str) -> Vec<String> {
        self.proxy.envoy.log().lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }

    /// Fails if the module has failed, or Envoy's log has one of the tokens.
    pub(crate) fn assert_healthy(&self, tokens: &[&str]) {
        let mut harm = self.proxy.unsafe_log_lines(tokens.iter().map(|token| token.as_bytes()));
        let reloads = self.proxy.envoy.stats("vm_reload").unwrap();
        harm.extend(reloads.into_iter().filter(|(_, count)| *count > 0).map(|(name, _)| name));
        self.proxy.report(&harm);
    }
}

/// A listener with a filter of this configuration.
pub(crate) fn listener(name: &str, configuration: &str) -> Listener {
    Listener::new(name, vec![filter(Configuration::Text(configuration.to_owned()), None)])
}

/// A configuration that forwards `sub` as `X-Sub`, with this `remoteJwks`.
pub(crate) fn configuration(remote_jwks: &str) -> String {
    format!(
        "parameter: X-Token\nparameterLocation: header\nclaimParameters: [{{claimName: sub, parameterName: X-Sub, \
         location: header}}]\nremoteJwks: {remote_jwks}\n"
    )
}

/// A configuration whose `remoteJwks` has the URL of the key server's set and more fields.
pub(crate) fn remote(fields: &str) -> String {
    configuration(&format!("{{uri: 'http://issuer.test{KEYS}', cluster: issuer{fields}}}"))
}

/// A `GET` with this token.
pub(crate) fn request(token: &str) -> RequestBuilder {
    RequestBuilder::get("/p").header("x-token", token)
}

/// The result of a request with this token, on a new connection.
pub(crate) fn ask(address: &Address, token: &str) -> (u16, String) {
    outcome(&exchange(address, &request(token).build()).unwrap())
}

/// The status and code of a response: 200 and `x-sub` of the request that the backend got, or a rejection.
pub(crate) fn outcome(response: &Response) -> (u16, String) {
    let header = |name| response.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let text = match response.status {
        200 => response
            .echoed()
            .ok()
            .and_then(|request| Some(String::from_utf8_lossy(request.header("x-sub")?).into_owned())),
        _ => header("x-ca-error-code"),
    };
    (response.status, text.unwrap_or_default())
}

/// What [`outcome`] gives for a request that was forwarded with this `sub`.
pub(crate) fn passed(sub: &str) -> (u16, String) {
    (200, sub.to_owned())
}

/// What [`outcome`] gives for a rejection.
pub(crate) fn rejected(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Waits until `is_so`. Fails after 30 s.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A key server whose set has these keys.
pub(crate) fn serving(keys: &[(Option<&str>, &SigningKey)]) -> KeyServer {
    let server = KeyServer::start().unwrap();
    server.set(KEYS, Answer::json(&jwk_set(keys)));
    server
}

/// Claims of a token that is valid for an hour.
pub(crate) fn claims(sub: &str) -> Value {
    json!({"sub": sub, "iss": "https://issuer.test", "exp": now() + 3600})
}
