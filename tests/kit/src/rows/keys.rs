//! The key that a token is verified with.

use crate::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::{Row, World, config, get, key, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let rsa = SigningKey::cached(Algorithm::RS256);
    let encryption = SigningKey::sample_private_key();
    let third = SigningKey::cached(Algorithm::EdDSA);
    let unknown = |token: String, kid: &str| {
        get().token(token).rejected("A403JK", format!("No matching JWK, kid:{kid} not found"))
    };
    let passes = |signer: &SigningKey, kid: Option<&str>| get().token(signer.token(kid, &claims)).passes();
    let forged = |token: String| get().token(token).invalid("signature verification failed");
    let set = |keys: &[Value]| format!("parameter: X-Token\njwks: {}", json!(keys));
    let with_kid = |header: &Value| key().token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes());
    vec![
        row(
            "a kid that no key has is rejected, and no other key is tried",
            config("parameter: X-Token"),
            vec![
                passes(&key(), Some("k1")),
                unknown(key().token(Some("other"), &claims), "other"),
                unknown(key().token(None, &claims), "(none)"),
                unknown(key().token(Some(""), &claims), ""),
                unknown(key().token(Some("K1"), &claims), "K1"),
                unknown(with_kid(&json!({"alg": "ES256", "kid": 5})), "5"),
                unknown(with_kid(&json!({"alg": "ES256", "kid": null})), "null"),
                unknown(with_kid(&json!({"alg": "ES256", "kid": ["k1"]})), "[\"k1\"]"),
                unknown(with_kid(&json!({"alg": "none", "kid": "other"})), "other"),
            ],
        ),
        row(
            "a kid is cut and escaped in the message",
            config("parameter: X-Token"),
            vec![
                unknown(key().token(Some("a\r\nset-cookie: b"), &claims), r"a\x0d\x0aset-cookie: b"),
                unknown(key().token(Some("<script>"), &claims), r"\x3cscript\x3e"),
                unknown(key().token(Some("\u{e9}\u{2028}"), &claims), r"\xc3\xa9\xe2\x80\xa8"),
                unknown(key().token(Some(&"k".repeat(10_000)), &claims), &format!("{}...", "k".repeat(64))),
            ],
        ),
        row(
            "each key verifies the tokens of its kid",
            set(&[
                key().public_jwk(Some("a"), true),
                rsa.public_jwk(Some("b"), true),
                third.public_jwk(Some("c"), false),
            ]),
            vec![
                passes(&key(), Some("a")),
                passes(&rsa, Some("b")),
                passes(&third, Some("c")),
                get().token(rsa.token(Some("a"), &claims)).invalid("alg RS256 is not allowed for this key"),
                unknown(rsa.token(None, &claims), "(none)"),
            ],
        ),
        row(
            "the key without a kid is used only if no key has the token's kid",
            set(&[
                key().public_jwk(Some("a"), true),
                SigningKey::generate(Algorithm::ES256).public_jwk(Some("b"), true),
                {
                    let mut without = key().public_jwk(None, true);
                    without["use"] = json!("sig");
                    without
                },
            ]),
            vec![
                passes(&key(), None),
                passes(&key(), Some("other")),
                passes(&key(), Some("")),
                passes(&key(), Some("a")),
                forged(key().token(Some("b"), &claims)),
            ],
        ),
        row(
            "jwk and jwks are one set, and jwks may be a JWK Set",
            format!(
                "parameter: X-Token\njwk: {}\njwks: {}",
                key().public_jwk(Some("a"), true),
                json!({"keys": [rsa.public_jwk(Some("b"), true)]})
            ),
            vec![passes(&key(), Some("a")), passes(&rsa, Some("b"))],
        ),
        row(
            "the JWK set of Keycloak works unchanged, and its encryption key is never used",
            keycloak_set(&rsa, &encryption),
            vec![
                passes(&rsa, Some("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE")),
                unknown(
                    encryption.token(Some("GRHcOxQNAbaI9cZm7O5ZlGLfGZkz2Lxs4c8P0v9Ufo8"), &claims),
                    "GRHcOxQNAbaI9cZm7O5ZlGLfGZkz2Lxs4c8P0v9Ufo8",
                ),
                forged(encryption.token(Some("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"), &claims)),
            ],
        ),
        row(
            "keys of a set for other uses are skipped, even if they share a kid with a usable one",
            {
                let other = |members: Value| merged(&key().public_jwk(Some("k1"), false), &members);
                set(&[
                    other(json!({"use": "enc"})),
                    other(json!({"key_ops": ["deriveKey"]})),
                    other(json!({"use": "enc", "x": "AAAA", "kid": "k2"})),
                    json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "k3"}),
                    json!({"kty": "OKP", "crv": "X25519", "x": "AAAA", "use": "sig"}),
                    json!({"kty": "EC", "crv": "P-192", "x": "AAAA", "y": "AAAA"}),
                    other(json!({"alg": "ECDH-ES"})),
                    other(json!({})),
                ])
            },
            vec![
                passes(&key(), Some("k1")),
                unknown(key().token(Some("k2"), &claims), "k2"),
                unknown(key().token(Some("k3"), &claims), "k3"),
                unknown(key().token(None, &claims), "(none)"),
            ],
        ),
        row("keys that the token brings along are ignored", config("parameter: X-Token"), {
            let stranger = SigningKey::generate(Algorithm::ES256);
            let header = json!({
                "alg": "ES256", "kid": "k1", "jwk": stranger.public_jwk(None, true), "x5c": ["AAAA"],
                "jku": "http://localhost/jwks", "x5u": "http://localhost/cert",
            });
            let payload = claims.to_string();
            vec![
                forged(stranger.token_raw(header.to_string().as_bytes(), payload.as_bytes())),
                get().token(key().token_raw(header.to_string().as_bytes(), payload.as_bytes())).passes(),
            ]
        }),
    ]
}

/// A JWK set as a realm of Keycloak 26 serves it, with our keys.
fn keycloak_set(signature: &SigningKey, encryption: &SigningKey) -> String {
    let certificates = |members: &Value, jwk: Value| {
        let of_both = json!({"x5c": ["MIICmzCCAYMCBgGTk1+p"], "x5t": "nLhB9aGK8J1MbRrk3cZyEzXyIbo",
            "x5t#S256": "R0f2dQ2i0QkQ0JgE0xZbYb1bT1dC0Yw5yQq5XyM2h1A"});
        merged(&merged(&jwk, &of_both), members)
    };
    let keys = [
        certificates(
            &json!({"use": "enc", "alg": "RSA-OAEP"}),
            encryption.public_jwk(Some("GRHcOxQNAbaI9cZm7O5ZlGLfGZkz2Lxs4c8P0v9Ufo8"), false),
        ),
        certificates(
            &json!({"use": "sig", "alg": "RS256"}),
            signature.public_jwk(Some("FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE"), false),
        ),
    ];
    format!("parameter: X-Token\njwks: {}", json!({"keys": keys}))
}

fn merged(jwk: &Value, members: &Value) -> Value {
    let all = [jwk, members].into_iter().flat_map(|object| object.as_object().unwrap().clone());
    Value::Object(all.collect())
}
