//! The parts of Envoy configurations in the documents, put together into one `envoy/envoy.yaml`, in a live Envoy. What the
//! documents say of CORS, of the guard and of access logs, this Envoy does.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, Response, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::upstream::Upstream;
use serde_json::json;
use serde_yaml::Value;

use crate::documents::parts_of_envoy;
use crate::{at_mut, read};

const ORIGIN: &str = "https://app.example.com";

const MANAGER: &str = "static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// Puts a part where the text beside it says that it belongs.
fn insert(bootstrap: &mut Value, part: &Value) {
    let manager = at_mut(bootstrap, MANAGER);
    if let Some(filters) = part.as_sequence() {
        let chain = manager["http_filters"].as_sequence_mut().unwrap();
        for filter in filters {
            match chain.iter_mut().find(|known| known["name"] == filter["name"]) {
                Some(known) => *known = filter.clone(),
                None => chain.insert(0, filter.clone()),
            }
        }
        return;
    }
    for (field, value) in part.as_mapping().unwrap() {
        let owner = match field.as_str().unwrap() {
            "typed_per_filter_config" => &mut *at_mut(manager, "route_config/virtual_hosts/0"),
            "configuration" => at_mut(manager, "http_filters/@jwt-auth/typed_config/config/vm_config"),
            "access_log" | "normalize_path" | "merge_slashes" | "path_with_escaped_slashes_action" => &mut *manager,
            other => panic!("no test knows where {other} belongs"),
        };
        owner[field] = value.clone();
    }
}

/// `envoy/envoy.yaml` with all parts, to run here.
fn bootstrap(upstream: SocketAddr, key: &SigningKey) -> String {
    let mut bootstrap: Value = serde_yaml::from_str(&read("envoy/envoy.yaml")).unwrap();
    let parts = parts_of_envoy();
    assert!(parts.len() >= 7, "only {} parts were found", parts.len());
    for (_, part) in &parts {
        insert(&mut bootstrap, part);
    }
    *at_mut(&mut bootstrap, "static_resources/listeners/0/address/socket_address") =
        serde_yaml::to_value(json!({"address": "127.0.0.1", "port_value": 0})).unwrap();
    let cluster = at_mut(&mut bootstrap, "static_resources/clusters/0");
    cluster["type"] = "STATIC".into();
    *at_mut(cluster, "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address") =
        serde_yaml::to_value(json!({"address": upstream.ip(), "port_value": upstream.port()})).unwrap();
    let plugin = at_mut(&mut bootstrap, &format!("{MANAGER}/http_filters/@jwt-auth/typed_config/config"));
    let wasm = std::env::var("JWT_AUTH_WASM").expect("JWT_AUTH_WASM must be set; `make test` does it");
    *at_mut(plugin, "vm_config/code/local/filename") = wasm.into();
    *at_mut(plugin, "configuration/value") =
        json!({"parameter": "Authorization", "outcome": {}, "jwk": key.public_jwk(None, true)}).to_string().into();
    // The test kit keeps what Envoy writes to stderr.
    serde_yaml::to_string(&bootstrap)
        .unwrap()
        .replace("StdoutAccessLog", "StderrAccessLog")
        .replace(".stdout", ".stderr")
}

fn text<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.header(name).map(|value| std::str::from_utf8(value).unwrap())
}

#[test]
fn the_parts_of_the_documents_make_an_envoy_that_does_what_they_say() {
    let key = SigningKey::cached(Algorithm::ES256);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let token = key.token(None, &json!({"exp": now + 300}));
    let authorization = format!("Bearer {token}");
    for binary in envoy::binaries() {
        let upstream = Upstream::start();
        let envoy = Envoy::start_with(&binary, "envoy.yaml", &bootstrap(upstream.address(), &key), 1);
        let envoy = envoy.unwrap_or_else(|error| panic!("{error}"));
        let address = envoy.address("main").unwrap();
        let send = |request: RequestBuilder| exchange(&address, &request.build()).unwrap();
        let preflight = |origin: &str| {
            let request = RequestBuilder::new("OPTIONS", "/orders").header("host", "test").header("origin", origin);
            let request = request.header("access-control-request-method", "GET");
            send(request.header("access-control-request-headers", "authorization"))
        };

        let answer = preflight(ORIGIN);
        assert_eq!((answer.status, text(&answer, "access-control-allow-origin")), (200, Some(ORIGIN)), "{answer:?}");
        assert_eq!(text(&answer, "access-control-allow-headers"), Some("authorization, content-type"));
        assert_eq!(upstream.requests(), 0, "the preflight went to the backend");
        let answer = preflight("https://other.example.com");
        assert_eq!((answer.status, text(&answer, "x-ca-error-code")), (400, Some("I400JR")), "{answer:?}");
        assert_eq!(text(&answer, "access-control-allow-origin"), None);

        let answer = send(RequestBuilder::get("/orders").header("origin", ORIGIN));
        assert_eq!((answer.status, text(&answer, "x-ca-error-code")), (400, Some("I400JR")), "{answer:?}");
        assert_eq!(text(&answer, "access-control-allow-origin"), Some(ORIGIN), "a page can't read the rejection");
        assert_eq!(text(&answer, "access-control-expose-headers"), Some("x-ca-error-code, x-ca-error-message"));

        let request = RequestBuilder::get("/orders").header("origin", ORIGIN);
        let answer = send(request.header("authorization", &authorization));
        assert_eq!((answer.status, text(&answer, "access-control-allow-origin")), (200, Some(ORIGIN)), "{answer:?}");
        assert_eq!(upstream.requests(), 1);

        let log = envoy.stop();
        for line in [
            " GET 400 jwt_auth{I400JR} I400JR\n",
            " GET 200 via_upstream OK\n",
            " OPTIONS 200 ",
            "jwt-auth: all signatures are verified in Wasm",
        ] {
            assert!(log.contains(line), "no {line:?} in {}", envoy::log_tail(&log));
        }
    }
}
