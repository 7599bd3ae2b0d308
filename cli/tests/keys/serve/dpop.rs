//! Tokens that are bound to the key of the client.

use std::path::Path;

use jwt_auth::Plugin;
use kit::host::{self, Memory};
use kit::http::RequestBuilder;
use serde_json::{Value, json};

use super::running::{Expected, FORM, Running, form, prepared, rejected, token_of_type, whole, wrong_form};
use crate::command::{json, line, now, opened, run};

const ISSUER: &str = "https://issuer.example/realms/main";
const ALICE: &str = "username=alice&password=wonderland";

/// A service, with the key of a client in `client`.
fn start(more: &[&str]) -> Running {
    let folder = prepared();
    let ended = run(folder.path(), ["keygen", "--alg", "ES256", "--private", "client", "--public", "public"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    Running::start_in(folder, more)
}

fn proof(folder: &Path, arguments: &str) -> String {
    line(folder, &format!("dpop --key client {arguments}"))
}

fn invalid(reason: &str) -> Expected {
    rejected(400, "invalid_dpop_proof", &format!("the DPoP proof is not valid: {reason}"), &[])
}

fn with_proof(proof: &str) -> RequestBuilder {
    form(ALICE).header("dpop", proof)
}

#[test]
fn a_token_request_with_a_proof_gets_a_token_that_only_the_key_of_the_proof_can_use() {
    let resource = "https://api.example/orders";
    let service = start(&["--iss", ISSUER, "--aud", resource]);
    let folder = service.folder.path();
    let arguments = format!("--method POST --url {ISSUER}/token");
    let public = json(&folder.join("public"));
    let token = token_of_type(&service.send(&with_proof(&proof(folder, &arguments))), "DPoP", 7200);
    let (_, claims) = opened(&token);
    let issued = claims["iat"].as_u64().expect("iat");
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "sub": "alice", "aud": resource, "userId": "1213234", "roles": ["buyer", "admin"],
            "cnf": {"jkt": public["kid"]},
            "jti": claims["jti"], "iat": issued, "nbf": issued, "exp": issued + 7200,
        })
    );
    // Also at the path of the issuer, which a proxy may remove or not.
    let request = RequestBuilder::post("/realms/main/token").header("content-type", FORM).body(ALICE);
    let response = service.send(&request.header("dpop", proof(folder, &arguments)));
    assert_eq!(opened(&token_of_type(&response, "DPoP", 7200)).1["cnf"], json!({"jkt": public["kid"]}));
    // Without a proof, the token is not bound.
    let unbound = token_of_type(&service.send(&form(ALICE)), "Bearer", 7200);
    assert_eq!(opened(&unbound).1.get("cnf"), None);

    // The filter accepts the token with a proof of the same key.
    let set = service.send(&RequestBuilder::get("/.well-known/jwks.json"));
    let set: Value = serde_json::from_slice(&set.body).expect("JSON");
    let configuration = json!({
        "parameter": "Authorization", "parameterLocation": "header", "jwks": set,
        "resourceServer": {
            "metadata": {"resource": resource, "authorizationServers": [ISSUER]},
            "dpop": {"required": true},
        },
    });
    let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
    let used = proof(folder, &format!("--url {resource} --access-token {token}"));
    let authorization = format!("DPoP {token}");
    let headers = [(":method", "GET"), (":path", "/orders"), ("authorization", &authorization), ("dpop", &used)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let decision = host::decide(&plugin, &headers.to_vec(), false, now() as f64, &Memory::default());
    assert_eq!(decision.map(drop).map_err(|rejection| rejection.message()), Ok(()));
}

#[test]
fn a_proof_that_is_not_for_this_request_gets_an_error_and_no_token() {
    let service = start(&["--iss", ISSUER]);
    let folder = service.folder.path();
    let url = format!("{ISSUER}/token");
    let other = |claim: &str| invalid(&format!("claim {claim} is not that of this request"));
    let address = service.address.to_string();
    let valid = || proof(folder, &format!("--method POST --url {url}"));
    let own = line(folder, "sign --key client");
    for (value, expected) in [
        (proof(folder, &format!("--url {url}")), other("htm")),
        (proof(folder, &format!("--method POST --url {ISSUER}")), other("htu")),
        (proof(folder, "--method POST --url https://issuer.example/token"), other("htu")),
        (proof(folder, &format!("--method POST --url http://{address}/token")), other("htu")),
        (proof(folder, &format!("--method POST --url {url} --issued-ago 2m")), other("iat")),
        (format!("{},{}", valid(), valid()), invalid("more than one was sent")),
        (own, invalid("header typ is not dpop+jwt")),
        ("nothing".to_owned(), invalid("it is not a JWT")),
        (String::new(), invalid("it is missing")),
    ] {
        assert_eq!(whole(&service.send(&with_proof(&value))), expected, "{value}");
    }
    let twice = with_proof(&valid()).header("dpop", valid());
    assert_eq!(whole(&service.send(&twice)), invalid("more than one was sent"));
    // A proof is used up by a token, and not by a wrong password.
    let once = valid();
    let wrong = form("username=alice&password=Wonderland").header("dpop", once.clone());
    assert_eq!(whole(&service.send(&wrong)), wrong_form());
    token_of_type(&service.send(&with_proof(&once)), "DPoP", 7200);
    assert_eq!(whole(&service.send(&with_proof(&once))), invalid("it was used before"));
    let (_, log) = service.stop();
    assert!(!log.contains("eyJ"), "{log}");
}

#[test]
fn without_the_url_of_an_issuer_a_proof_is_for_the_address_of_the_service() {
    for more in [&[][..], &["--iss", "orders"]] {
        let service = start(more);
        let url = format!("http://{}/token", service.address);
        let request = with_proof(&proof(service.folder.path(), &format!("--method POST --url {url}")));
        token_of_type(&service.send(&request), "DPoP", 7200);
        let elsewhere = proof(service.folder.path(), "--method POST --url http://localhost/token");
        // The host that the request names does not count.
        let request = RequestBuilder::new("POST", "/token").header("host", "localhost").header("content-type", FORM);
        let response = service.send(&request.body(ALICE).header("dpop", elsewhere));
        assert_eq!(whole(&response), invalid("claim htu is not that of this request"), "{more:?}");
    }
}
