//! jwt-simple verifies the tokens of the issuer and reads its JWKs.

use jwt_simple::prelude::*;
use kit::issuer::{Algorithm, Family, SAMPLE_KID, SigningKey, base64url, jwk_set, sample_private_jwk};
use serde_json::{Value, json};

fn claims() -> Value {
    json!({"sub": "somebody", "exp": 4_000_000_000_u64, "n": 9_007_199_254_740_993_u64})
}

/// The claims of `token`, if the key with this public JWK signed it.
fn verify(algorithm: Algorithm, jwk: &Value, token: &str) -> Result<JWTClaims<Value>, jwt_simple::Error> {
    let text = jwk.to_string();
    match algorithm {
        Algorithm::RS256 => RS256PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::RS384 => RS384PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::RS512 => RS512PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::PS256 => PS256PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::PS384 => PS384PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::PS512 => PS512PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::ES256 => ES256PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::ES384 => ES384PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::ES256K => ES256kPublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::EdDSA => Ed25519PublicKey::from_jwk(&text)?.verify_token(token, None),
        Algorithm::ES512 | Algorithm::Ed25519 => unreachable!("jwt-simple does not have {algorithm}"),
        Algorithm::HS256 => HS256Key::from_bytes(&shared_secret(jwk)).verify_token(token, None),
        Algorithm::HS384 => HS384Key::from_bytes(&shared_secret(jwk)).verify_token(token, None),
        Algorithm::HS512 => HS512Key::from_bytes(&shared_secret(jwk)).verify_token(token, None),
    }
}

fn shared_secret(jwk: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let k = jwk["k"].as_str().expect("an oct JWK has k");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(k).expect("k is base64url")
}

#[test]
fn every_algorithm_of_jwt_simple_is_verified_by_it() {
    let known = |algorithm: &Algorithm| !matches!(algorithm, Algorithm::ES512 | Algorithm::Ed25519);
    for algorithm in Algorithm::ALL.into_iter().filter(known) {
        let key = SigningKey::cached(algorithm);
        let jwk = key.public_jwk(Some("k1"), true);
        let token = key.token(Some("k1"), &claims());

        let verified = verify(algorithm, &jwk, &token).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(verified.subject.as_deref(), Some("somebody"), "{algorithm}");
        assert_eq!(verified.custom["n"], claims()["n"], "{algorithm}");
        let metadata = Token::decode_metadata(&token).expect("a header");
        assert_eq!((metadata.algorithm(), metadata.key_id()), (algorithm.name(), Some("k1")));

        let other = SigningKey::generate(algorithm).token(Some("k1"), &claims());
        assert!(verify(algorithm, &jwk, &other).is_err(), "{algorithm}: another key's token passed");
    }
}

#[test]
fn private_jwks_are_read_by_jwt_simple() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::cached(algorithm);
        let text = key.private_jwk(Some("k1"), true).to_string();
        let signed = match algorithm {
            Algorithm::RS256 => RS256KeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            Algorithm::PS512 => PS512KeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            Algorithm::ES256 => ES256KeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            Algorithm::ES384 => ES384KeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            Algorithm::ES256K => ES256kKeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            Algorithm::EdDSA => Ed25519KeyPair::from_jwk(&text).and_then(|pair| pair.sign(fresh())),
            _ => continue,
        };
        let token = signed.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        verify(algorithm, &key.public_jwk(None, false), &token).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
    }
}

fn fresh() -> JWTClaims<NoCustomClaims> {
    Claims::create(Duration::from_mins(5))
}

/// RFC 9864 renames the algorithm and does not change the signature.
#[test]
fn ed25519_is_eddsa_under_another_name() {
    let key = SigningKey::cached(Algorithm::EdDSA);
    assert_eq!(key.with_algorithm(Algorithm::Ed25519).sign_raw(b"text"), key.sign_raw(b"text"));
}

#[test]
fn jwk_members() {
    for (algorithm, public, private) in [
        (Algorithm::RS256, "alg e kid kty n", "alg d dp dq e kid kty n p q qi"),
        (Algorithm::ES256, "alg crv kid kty x y", "alg crv d kid kty x y"),
        (Algorithm::ES512, "alg crv kid kty x y", "alg crv d kid kty x y"),
        (Algorithm::EdDSA, "alg crv kid kty x", "alg crv d kid kty x"),
        (Algorithm::HS256, "alg k kid kty", "alg k kid kty"),
    ] {
        let key = SigningKey::cached(algorithm);
        assert_eq!(members(&key.public_jwk(Some("k1"), true)), public);
        assert_eq!(members(&key.private_jwk(Some("k1"), true)), private);
        let bare = public.replace("alg ", "").replace("kid ", "");
        assert_eq!(members(&key.public_jwk(None, false)), bare);
    }
}

fn members(jwk: &Value) -> String {
    let jwk = jwk.as_object().expect("a JWK is an object");
    let mut names: Vec<&str> = jwk.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn a_jwk_set_has_the_public_keys_in_order() {
    let [one, two] = [Algorithm::ES256, Algorithm::RS256].map(SigningKey::cached);
    let set = jwk_set(&[(Some("a"), &one), (None, &two), (Some("a"), &two)]);
    let keys = [one.public_jwk(Some("a"), true), two.public_jwk(None, true), two.public_jwk(Some("a"), true)];
    assert_eq!(set, json!({"keys": keys}));
    assert_eq!(jwk_set(&[]), json!({"keys": []}));
}

#[test]
fn raw_tokens_keep_every_byte() {
    let key = SigningKey::cached(Algorithm::HS256);
    let (header, payload) = (b"{\"alg\":\"none\",".as_slice(), b"\xff\x00 no JSON".as_slice());
    let token = key.token_raw(header, payload);
    let message = format!("{}.{}", base64url(header), base64url(payload));
    assert_eq!(token, format!("{message}.{}", base64url(&key.sign_raw(message.as_bytes()))));
}

#[test]
fn one_cached_key_for_each_family() {
    let rs256 = SigningKey::cached(Algorithm::RS256);
    assert_eq!(rs256.public_jwk(None, false), SigningKey::cached(Algorithm::PS384).public_jwk(None, false));
    assert_eq!(rs256.with_algorithm(Algorithm::PS384).algorithm(), Algorithm::PS384);
    assert_ne!(rs256.public_jwk(None, false), SigningKey::generate(Algorithm::RS256).public_jwk(None, false));
    assert_eq!(Algorithm::ALL.map(Algorithm::family).iter().filter(|&&family| family == Family::Oct).count(), 3);
}

#[test]
fn algorithms_are_found_by_name() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(&algorithm.to_string()), Some(algorithm));
    }
    assert_eq!(Algorithm::from_name("rs256"), None);
    assert_eq!(Algorithm::from_name("none"), None);
}

#[test]
fn ecdsa_signatures_are_r_and_s() {
    for (algorithm, length) in
        [(Algorithm::ES256, 64), (Algorithm::ES384, 96), (Algorithm::ES512, 132), (Algorithm::ES256K, 64)]
    {
        assert_eq!(SigningKey::cached(algorithm).sign_raw(b"text").len(), length, "{algorithm}");
    }
}

#[test]
fn the_sample_key_without_primes_signs() {
    let key = SigningKey::sample_private_key();
    let (public, private) = (key.public_jwk(Some(SAMPLE_KID), true), key.private_jwk(Some(SAMPLE_KID), true));
    for (member, value) in sample_private_jwk().as_object().expect("an object") {
        assert_eq!(&private[member], value, "{member}");
    }
    let token = key.token(Some(SAMPLE_KID), &claims());
    verify(Algorithm::RS256, &public, &token).expect("the sample key verifies its own token");
}

#[test]
fn short_rsa_keys_can_be_made() {
    let jwk = SigningKey::generate_rsa(1024).public_jwk(None, false);
    // 128 bytes in base64url.
    assert_eq!(jwk["n"].as_str().map(str::len), Some(171));
}

#[test]
fn numbers_that_are_not_a_key_are_rejected() {
    assert!(SigningKey::from_rsa_components(&[0x77; 256], &[1, 0, 1], &[0x33; 256]).is_err());
}
