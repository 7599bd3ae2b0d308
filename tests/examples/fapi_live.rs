//! `envoy/fapi.yaml` in live Envoys, with a real etcd: a token is of use only with its key, and a proof only once.

use std::path::Path;

use kit::certificate::Ca;
use kit::dpop::Client;
use kit::engines::Etcd;
use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::key_server::{Answer, KeyServer};
use kit::proxy::now;
use kit::upstream::Upstream;
use serde_json::json;
use serde_yaml::Value;

use crate::at_mut;
use crate::jti_stores::{Certificates, MEMBERS};
use crate::jti_stores_live::connect;
use crate::oauth::FAPI;
use crate::remote_keys::{bootstrap, configuration, plugin_mut, with_local_paths};

const ISSUER: &str = "https://auth.example.com";
const KID: &str = "current";

/// The authorization server, which publishes a key.
fn authorization_server(key: &SigningKey, ca: &Ca) -> KeyServer {
    let server = KeyServer::start_tls(&ca.issue("auth.example.com")).unwrap();
    let metadata = json!({"issuer": ISSUER, "jwks_uri": format!("{ISSUER}/jwks")});
    server.set("/.well-known/openid-configuration", Answer::json(&metadata));
    server.set("/jwks", Answer::json(&json!({"keys": [key.public_jwk(Some(KID), true)]})));
    server
}

/// The file, with servers here in place of those that it names.
fn connected(upstream: &Upstream, etcd: &Etcd, issuer: &KeyServer, cas: &Path) -> Value {
    let mut bootstrap = with_local_paths(bootstrap(FAPI));
    let mut configuration = configuration(FAPI, &bootstrap);
    // Tests share the machine.
    *at_mut(&mut configuration, "jtiStore/timeoutMilliseconds") = 5000.into();
    *at_mut(plugin_mut(&mut bootstrap), "configuration/value") = serde_yaml::to_string(&configuration).unwrap().into();
    connect(&mut bootstrap, "jti-store", &etcd.addresses());
    connect(&mut bootstrap, "auth", &[issuer.address()]);
    connect(&mut bootstrap, "upstream", &[upstream.address()]);
    let validation = "transport_socket/typed_config/common_tls_context/validation_context";
    let file = format!("static_resources/clusters/@auth/{validation}/trusted_ca/filename");
    *at_mut(&mut bootstrap, &file) = cas.to_str().unwrap().into();
    bootstrap
}

/// An access token by RFC 9068, bound to the key of the client.
fn token(key: &SigningKey, client: &Client) -> String {
    let claims = json!({
        "iss": ISSUER, "aud": "https://api.example.com/accounts", "sub": "alice", "client_id": "bank", "jti": "j",
        "scope": "accounts", "iat": now(), "exp": now() + 300, "cnf": {"jkt": client.thumbprint()},
    });
    let header = json!({"alg": key.algorithm().name(), "kid": KID, "typ": "at+jwt"});
    key.token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

/// Status, code and the user whom the backend was told of.
fn send(envoy: &Envoy, scheme: &str, token: &str, proof: Option<&str>) -> (u16, Option<String>, Option<String>) {
    let mut request = RequestBuilder::get("/accounts/1").header("authorization", format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    let response = exchange(&envoy.address("main").unwrap(), &request.build()).unwrap();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let user = (response.status == 200).then(|| response.echoed().unwrap().header("x-user").map(text));
    (response.status, response.header("x-ca-error-code").map(text), user.flatten())
}

fn try_with(issuer_algorithm: Algorithm, client_algorithm: Algorithm) {
    let (ca, clients, upstream, folder) = (Ca::new(), Ca::new(), Upstream::start(), tempfile::tempdir().unwrap());
    let cas = folder.path().join("ca-certificates.crt");
    std::fs::write(&cas, ca.pem()).unwrap();
    let key = SigningKey::cached(issuer_algorithm);
    let issuer = authorization_server(&key, &ca);
    let etcd = Etcd::start_tls(&[ca.issue(MEMBERS[0])], &clients).unwrap_or_else(|error| panic!("{error}"));
    let certificates = Certificates::new(&ca, &clients);
    let mut bootstrap = connected(&upstream, &etcd, &issuer, &cas);
    certificates.put_into(&mut bootstrap);
    let text = serde_yaml::to_string(&bootstrap).unwrap();
    let binaries = envoy::binaries();
    let envoys: Vec<_> = binaries
        .iter()
        .cycle()
        .take(binaries.len().max(2))
        .map(|binary| Envoy::start_with(binary, "envoy.yaml", &text, 1).unwrap_or_else(|error| panic!("{error}")))
        .collect();

    let client = Client::new(SigningKey::generate(client_algorithm), now());
    let token = token(&key, &client);
    let proof = || client.proof(&token).claim("htu", "https://api.example.com/accounts/1").claim("iat", now()).sign();
    let rejected = |code: &str| (401, Some(code.to_owned()), None);
    let accepted = (200, None, Some("alice".to_owned()));
    for first in &envoys {
        let once = proof();
        assert_eq!(send(first, "DPoP", &token, Some(&once)), accepted, "{}", first.log());
        for envoy in &envoys {
            assert_eq!(send(envoy, "DPoP", &token, Some(&once)), rejected("A403DP"), "{}", envoy.log());
        }
        assert_eq!(send(first, "DPoP", &token, None), rejected("A403DP"));
        assert_eq!(send(first, "Bearer", &token, Some(&proof())), rejected("A403JT"));
        let thief = Client::new(SigningKey::generate(client_algorithm), now());
        let stolen = thief.proof(&token).claim("htu", "https://api.example.com/accounts/1").sign();
        assert_eq!(send(first, "DPoP", &token, Some(&stolen)), rejected("A403JT"));
    }
    assert_eq!(upstream.requests(), envoys.len());
}

#[test]
fn with_fapi_yaml_a_token_of_es256_needs_a_proof_that_no_envoy_has_seen() {
    try_with(Algorithm::ES256, Algorithm::PS256);
}

#[test]
fn with_fapi_yaml_a_token_of_ps256_needs_a_proof_that_no_envoy_has_seen() {
    try_with(Algorithm::PS256, Algorithm::ES256);
}
