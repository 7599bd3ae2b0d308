//! Several issuers and static keys in one configuration. `selection` has all cases, without Envoy.

use kit::bootstrap::{Cluster, Configuration, Listener};
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, Gate, KeyServer};
use kit::proxy::filter;
use serde_json::json;

use crate::setup::{KEYS, Site, claims, eventually, passed, rejected, serving};

const A: &str = "https://a.test";
const B: &str = "https://b.test";

#[test]
fn each_set_speaks_for_its_issuer_and_a_missing_one_stops_nobody_else() {
    let [fixed, of_a, of_b] = [(); 3].map(|()| SigningKey::generate(Algorithm::ES256));
    let token = |key: &SigningKey, kid: &str, issuer: &str| {
        let mut claims = claims("alice");
        claims["iss"] = json!(issuer);
        key.token(Some(kid), &claims)
    };
    let source = |issuer: &str, cluster: &str| json!({"uri": format!("{issuer}{KEYS}"), "cluster": cluster, "issuer": issuer, "timeoutSeconds": 1});
    let configuration = json!({
        "parameter": "X-Token",
        "claimParameters": [{"claimName": "sub", "parameterName": "X-Sub", "location": "header"}],
        "jwk": fixed.public_jwk(Some("static"), true),
        "remoteJwks": [source(A, "issuer"), source(B, "b")],
    });
    for binary in envoy::binaries() {
        let server = serving(&[(Some("1"), &of_a)]);
        let (gate, server_b) = (Gate::default(), KeyServer::start().unwrap());
        server_b.set(KEYS, Answer::json(&jwk_set(&[(Some("1"), &of_b)])).behind(&gate));
        let listeners = ["host", "wasm"].map(|backend| {
            let configuration = Configuration::Struct(configuration.clone());
            Listener::new(backend, vec![filter(configuration, Some(&format!("signatures: {backend}")))])
        });
        let clusters = vec![Cluster::new("b", server_b.address())];
        let site = Site::with(&binary, server, listeners.into(), clusters, 2);
        for listener in ["host", "wasm"] {
            let get = |key, kid, issuer| site.get_at(listener, &token(key, kid, issuer));
            assert_eq!(get(&fixed, "static", "https://c.test"), passed("alice"), "a static key does not wait");
            eventually("the set of A is there", || get(&of_a, "1", A) == passed("alice"));
            assert_eq!(get(&of_b, "1", B), rejected(503, "S503JW"), "the set of B is missing");
        }
        gate.open();
        for listener in ["host", "wasm"] {
            let get = |key, kid, issuer| site.get_at(listener, &token(key, kid, issuer));
            eventually("the set of B is there", || get(&of_b, "1", B) == passed("alice"));
            for (key, kid, issuer, expected) in [
                (&of_a, "1", A, passed("alice")),
                (&of_a, "1", B, rejected(403, "A403JT")),
                (&of_b, "1", A, rejected(403, "A403JT")),
                (&fixed, "static", A, rejected(403, "A403JT")),
                (&fixed, "static", "https://c.test", passed("alice")),
                (&fixed, "1", A, rejected(403, "A403JT")),
            ] {
                assert_eq!(get(key, kid, issuer), expected, "{listener}: {kid} {issuer}");
            }
        }
        site.assert_healthy(&[]);
    }
}
