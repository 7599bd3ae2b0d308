//! Plugins bound to routes: `envoy/per-route.yaml`, with only the key and the addresses changed.

use std::path::Path;

use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, Response, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{module, now};
use kit::rows::World;
use kit::upstream::Upstream;
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../../envoy/per-route.yaml");

struct Example {
    envoy: Envoy,
    upstream: Upstream,
    key: SigningKey,
}

impl Example {
    fn start(binary: &Path) -> Self {
        Self::edited(binary, str::to_owned)
    }

    /// Starts with the example changed by `edit`.
    fn edited(binary: &Path, edit: impl FnOnce(&str) -> String) -> Self {
        let upstream = Upstream::start();
        let key = SigningKey::cached(Algorithm::RS256);
        let modulus = key.public_jwk(None, true)["n"].as_str().unwrap().to_owned();
        let sample = EXAMPLE.lines().find_map(|line| line.trim().strip_prefix("n: ")).unwrap();
        let port = upstream.address().port();
        let text = EXAMPLE
            .replace(sample, &modulus)
            .replace("/etc/envoy/jwt-auth.wasm", module().to_str().unwrap())
            .replace("port_value: 10000", "port_value: 0")
            .replace("address: 0.0.0.0", "address: 127.0.0.1")
            .replace("{address: upstream, port_value: 8080}", &format!("{{address: 127.0.0.1, port_value: {port}}}"));
        let envoy =
            Envoy::start_with(binary, "per-route.yaml", &edit(&text), 2).unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, upstream, key }
    }

    fn token(&self, members: &Value) -> String {
        self.key.token(Some("uniq_key"), &World { now: now() }.claims(members))
    }

    fn get(&self, path: &str, token: Option<&str>) -> Response {
        let mut request = RequestBuilder::get(path).header("x-user", "forged");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        exchange(&self.envoy.address("main").unwrap(), &request.build()).unwrap()
    }

    /// The user in the backend's request, or the code of the rejection.
    fn outcome(&self, path: &str, token: Option<&str>) -> Result<Option<String>, String> {
        let response = self.get(path, token);
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        match response.status {
            200 => Ok(response.echoed().unwrap().header("x-user").map(text)),
            status => Err(response.header("x-ca-error-code").map_or(status.to_string(), text)),
        }
    }
}

#[test]
fn each_route_has_its_plugin_and_only_the_exempted_one_needs_no_token() {
    for binary in envoy::binaries() {
        let example = Example::start(&binary);
        let rejected = |code: &str| Err(code.to_owned());
        let user = || Ok(Some("alice".to_owned()));
        let token = example.token(&json!({}));
        let bank = example.token(&json!({"iss": "bank", "jti": "payment"}));
        for (path, token, expected) in [
            ("/health", None, Ok(None)),
            ("/health?x", None, Ok(None)),
            ("/orders", None, rejected("I400JR")),
            ("/orders", Some(&token), user()),
            ("/orders", Some(&token), user()),
            ("/payments", None, rejected("I400JR")),
            ("/payments", Some(&token), rejected("A403JT")),
            ("/payments/1", Some(&bank), user()),
            ("/payments/1", Some(&bank), rejected("S403JU")),
            ("/orders", Some(&bank), user()),
        ] {
            assert_eq!(example.outcome(path, token.map(String::as_str)), expected, "{path}\n{}", example.envoy.log());
        }
    }
}

/// Envoy leaves a filter that it can't configure out of the chain.
#[test]
fn without_the_filters_the_guards_reject_and_only_the_exempted_route_passes() {
    for binary in envoy::binaries() {
        let filters = ["jwt-auth", "jwt-auth-payments"];
        let example = Example::edited(&binary, |text| without_filters(text, &filters));
        for (path, expected) in [("/health", Ok(None)), ("/orders", Err("403")), ("/payments", Err("403"))] {
            let token = example.token(&json!({"iss": "bank", "jti": path}));
            for token in [None, Some(token.as_str())] {
                assert_eq!(example.outcome(path, token), expected.clone().map_err(str::to_owned), "{path}");
            }
        }
        // This shows that the guards reject.
        let all = ["jwt-auth", "jwt-auth-payments", "jwt-auth-guard", "jwt-auth-payments-guard"];
        let open = Example::edited(&binary, |text| without_filters(text, &all));
        assert_eq!(open.outcome("/orders", None), Ok(Some("forged".to_owned())));
    }
}

/// The example without these filters in its chain.
fn without_filters(text: &str, names: &[&str]) -> String {
    let mut bootstrap: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let filters = manager["http_filters"].as_sequence_mut().unwrap();
    let before = filters.len();
    filters.retain(|filter| !names.contains(&filter["name"].as_str().unwrap()));
    assert_eq!(filters.len() + names.len(), before);
    for route in manager["route_config"]["virtual_hosts"][0]["routes"].as_sequence_mut().unwrap() {
        if let Some(bound) = route.get_mut("typed_per_filter_config").and_then(serde_yaml::Value::as_mapping_mut) {
            bound.retain(|name, _| !names.contains(&name.as_str().unwrap()));
        }
    }
    serde_yaml::to_string(&bootstrap).unwrap()
}

/// A path that the backend reads as a guarded one must not match an exempted route in Envoy.
#[test]
fn no_spelling_of_a_path_bypasses_its_plugin() {
    for binary in envoy::binaries() {
        let example = Example::start(&binary);
        for path in [
            "/health/../payments/1",
            "/health/%2e%2e/payments/1",
            "/health%2f..%2fpayments",
            "/health/../orders",
            "//health/../orders",
            "/health/",
            "/healthy",
            "/HEALTH",
            "/./payments",
            "//payments",
            "/orders/../payments",
        ] {
            let outcome = example.outcome(path, None);
            assert!(matches!(outcome.as_ref().map_err(String::as_str), Err("I400JR" | "400")), "{path}: {outcome:?}");
            assert_eq!(example.upstream.requests(), 0, "{path}");
        }
    }
}
