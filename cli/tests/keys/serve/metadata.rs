use kit::http::RequestBuilder;
use serde_json::{Value, json};

use super::running::{FORM, Running, token, whole};
use crate::command::{now, opened};
use crate::filter::decide;

#[test]
fn an_issuer_with_a_url_publishes_where_its_keys_are() {
    let issuer = "https://issuer.example/realms/main";
    let service = Running::start(&["--iss", issuer]);
    let document = json!({
        "issuer": issuer,
        "jwks_uri": "https://issuer.example/realms/main/.well-known/jwks.json",
        "token_endpoint": "https://issuer.example/realms/main/token",
        "grant_types_supported": ["password"],
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "dpop_signing_alg_values_supported": [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519",
        ],
    })
    .to_string();
    let length = document.len().to_string();
    let headers =
        [("cache-control", "public, max-age=300"), ("content-length", &length), ("content-type", "application/json")];
    // Behind a proxy that forwards paths as they are, and behind one that removes the path of the issuer.
    for path in [
        "/realms/main/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/main",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let response = service.send(&RequestBuilder::get(path));
        let expected = headers.map(|(name, value)| (name, value.to_owned())).into();
        assert_eq!(whole(&response), (200, expected, document.clone()), "{path}");
    }
    let [keys, own] = ["/realms/main/.well-known/jwks.json", "/.well-known/jwks.json"]
        .map(|path| service.send(&RequestBuilder::get(path)));
    assert_eq!(whole(&keys), whole(&own));
    let request = RequestBuilder::post("/realms/main/token").header("content-type", FORM);
    let token = token(&service.send(&request.body("username=alice&password=wonderland")), 7200);
    assert_eq!(opened(&token).1["iss"], issuer);
    let keys: Value = serde_json::from_slice(&keys.body).expect("JSON");
    let configuration = json!({"parameter": "X-Token", "jwks": keys, "issuer": issuer}).to_string();
    assert_eq!(decide(&configuration, &token, now()).map(drop), Ok(()));
    for path in ["/realms/.well-known/openid-configuration", "/realms/main", "/realms/main/healthz"] {
        assert_eq!(service.send(&RequestBuilder::get(path)).status, 404, "{path}");
    }
    let (_, log) = service.stop();
    assert!(log.contains(" method=GET path=/realms/main/.well-known/jwks.json status=200\n"), "{log}");
    assert!(log.contains(" method=GET path=(other) status=404\n"), "{log}");
}

#[test]
fn an_issuer_without_a_url_has_no_metadata() {
    for more in [&["--iss", "orders"][..], &[]] {
        let service = Running::start(more);
        for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            let response = service.send(&RequestBuilder::get(path));
            assert_eq!((response.status, response.text()), (404, String::new()), "{more:?} {path}");
        }
    }
}
