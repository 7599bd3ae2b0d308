//! Sets with keys that can be used and keys that can't.

use std::path::Path;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey};
use kit::key_server::Answer;
use kit::proxy::filter;
use serde_json::json;

use crate::setup::{KEYS, Site, claims, passed, rejected, remote, serving};

/// The usable keys, by `kid`. Two keys may share one.
const USABLE: [(&str, Algorithm); 5] = [
    ("rsa", Algorithm::RS256),
    ("pss", Algorithm::PS256),
    ("ec", Algorithm::ES256),
    ("ec", Algorithm::ES384),
    ("ed", Algorithm::EdDSA),
];

/// Starts Envoy with a listener for each way of verifying signatures.
fn start(binary: &Path, set: &serde_json::Value) -> Site {
    let server = serving(&[]);
    server.set(KEYS, Answer::json(set));
    let listeners = ["host", "wasm"].map(|backend| {
        let configuration = Configuration::Text(remote(""));
        Listener::new(backend, vec![filter(configuration, Some(&format!("signatures: {backend}")))])
    });
    // Another worker may not have the keys yet, and then rejects a token with HS256 for its `alg`.
    Site::with(binary, server, listeners.into(), Vec::new(), 1)
}

#[test]
fn keys_that_cannot_be_used_are_skipped_and_the_others_verify_tokens_in_envoy_and_in_wasm() {
    let usable = USABLE.map(|(kid, algorithm)| (kid, SigningKey::generate(algorithm)));
    let secret = SigningKey::generate(Algorithm::HS256);
    let other = SigningKey::generate(Algorithm::ES256);
    let mut encryption = other.public_jwk(Some("enc"), false);
    encryption["use"] = json!("enc");
    let mut weak = usable[0].1.public_jwk(Some("weak"), true);
    weak["n"] = json!("_".repeat(171));
    let unusable = [
        secret.public_jwk(Some("oct"), true),
        encryption,
        weak,
        other.private_jwk(Some("private"), true),
        json!({"kty": "ML-DSA", "kid": "unknown"}),
        json!("no key"),
    ];
    let keys = usable.iter().map(|(kid, key)| key.public_jwk(Some(kid), true));
    let set = json!({"keys": unusable.iter().cloned().chain(keys).collect::<Vec<_>>()});
    for binary in envoy::binaries() {
        let site = start(&binary, &set);
        for listener in ["host", "wasm"] {
            for (kid, key) in &usable {
                let token = key.token(Some(kid), &claims("alice"));
                assert_eq!(site.get_at(listener, &token), passed("alice"), "{listener}: {kid}, {}", key.algorithm());
            }
            for (kid, key) in [("oct", &secret), ("enc", &other), ("private", &other)] {
                let token = key.token(Some(kid), &claims("alice"));
                assert_eq!(site.get_at(listener, &token), rejected(403, "A403JK"), "{listener}: {kid}");
            }
            let forged = other.token(Some("ec"), &claims("alice"));
            assert_eq!(site.get_at(listener, &forged), rejected(403, "A403JT"), "{listener}");
            let without_kid = usable[2].1.token(None, &claims("alice"));
            assert_eq!(site.get_at(listener, &without_kid), rejected(403, "A403JK"), "{listener}");
        }
        let fetches = site.keys.requests(KEYS) as u64;
        let counted = site.counted("jwks_");
        assert_eq!(counted.get("jwks_keys_skipped"), Some(&(fetches * unusable.len() as u64)), "{counted:?}");
        assert_eq!(counted.get("jwks_fetches_succeeded"), Some(&fetches), "{counted:?}");
        let sizes: Vec<u64> =
            counted.iter().filter(|(name, _)| name.starts_with("jwks_keys.issuer_")).map(|(_, keys)| *keys).collect();
        assert_eq!(sizes, [USABLE.len() as u64], "{counted:?}");
        let line = "new keys of http://issuer.test/keys: 5 usable, 6 skipped (keys[0].kty: expected a public key, \
                    found a secret)";
        assert_eq!(site.log_lines(line).len(), 1, "{}", site.proxy.envoy.log());
        site.assert_healthy(&[]);
    }
}
