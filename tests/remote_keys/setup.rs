//! An Envoy whose filter fetches keys from a key server.

use std::path::Path;

use kit::bootstrap::{Bootstrap, Cluster, Configuration, Listener};
use kit::envoy::Envoy;
use kit::http::{RequestBuilder, Response, exchange};
use kit::issuer::{SigningKey, jwk_set};
use kit::key_server::{Answer, KeyServer};
use kit::proxy::{Proxy, filter, now};
use kit::upstream::Upstream;
use serde_json::{Value, json};

/// The path of the JWK set.
pub(crate) const KEYS: &str = "/keys";

/// The name of the listener and its filter.
pub(crate) const LISTENER: &str = "keys";

/// An Envoy with a key server.
pub(crate) struct Site {
    pub(crate) proxy: Proxy,
    pub(crate) keys: KeyServer,
}

/// `remoteJwks` with the URL of the key server's set and more fields.
pub(crate) fn remote(fields: &str) -> String {
    format!(
        "parameter: X-Token\nparameterLocation: header\nclaimParameters: [{{claimName: sub, parameterName: X-Sub, \
         location: header}}]\nremoteJwks: {{uri: 'http://issuer.test{KEYS}', cluster: issuer{fields}}}\n"
    )
}

impl Site {
    /// Starts Envoy with one listener of this configuration and a plain cluster `issuer` for the key server.
    pub(crate) fn start(binary: &Path, keys: KeyServer, configuration: &str, workers: u32) -> Self {
        let cluster = Cluster::new("issuer", keys.address());
        Self::with_cluster(binary, keys, cluster, configuration, workers)
    }

    /// Like [`Self::start`], with any cluster.
    pub(crate) fn with_cluster(
        binary: &Path,
        keys: KeyServer,
        cluster: Cluster,
        configuration: &str,
        workers: u32,
    ) -> Self {
        let listener = Listener::new(LISTENER, vec![filter(Configuration::Text(configuration.to_owned()), None)]);
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::watched(upstream.address(), vec![listener]).with_cluster(cluster);
        let envoy = Envoy::start(binary, &bootstrap, workers).unwrap_or_else(|error| panic!("{error}"));
        Self { proxy: Proxy { envoy, upstream }, keys }
    }

    /// The response to a request with this token, on a new connection.
    pub(crate) fn get(&self, token: &str) -> Response {
        self.send(&RequestBuilder::get("/p").header("x-token", token))
    }

    /// The response to a request on a new connection.
    pub(crate) fn send(&self, request: &RequestBuilder) -> Response {
        let address = self.proxy.envoy.address(LISTENER).unwrap();
        exchange(&address, &request.build()).unwrap()
    }
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
