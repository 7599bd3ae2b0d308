//! `jwk` and `jwks`.

use super::*;

fn faults_with_key(key: &str) -> Vec<String> {
    faults_of(&format!("parameter: X-Token\njwk: {key}"))
}

#[test]
fn a_jwk_must_be_a_complete_strong_key_for_verifying() {
    let rsa = |n: &str, rest: &str| format!("{{kty: RSA, e: AQAB, n: {n}, {rest}}}");
    let n2048 = format!("3{}Q", "_".repeat(340));
    let p256 = "x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    for (key, expected) in [
        (rsa(&n2048, "use: enc"), "jwk.use: expected sig"),
        (rsa(&n2048, "use: 1"), "jwk.use: expected a string"),
        (rsa(&n2048, "key_ops: [sign]"), "jwk.key_ops: expected a list with verify"),
        (rsa(&n2048, "kid: ''"), "jwk.kid: expected a string that is not empty"),
        (rsa(&n2048, "kid: 5"), "jwk.kid: expected a string"),
        (rsa(&n2048, "alg: ES256"), "jwk.alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"),
        (rsa(&n2048, "alg: none"), "jwk.alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"),
        (rsa(&n2048, "d: AQAB"), "jwk.d: expected a public key, found a private or secret part"),
        (rsa(&n2048, "k: AQAB"), "jwk.k: expected a public key, found a private or secret part"),
        (rsa("AQAB", ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&format!("f{}Q", "_".repeat(340)), ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&"_".repeat(684), ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&format!("3{}", "_".repeat(341)), ""), "jwk.n: expected base64url without padding"),
        (rsa(&format!("3{}g", "_".repeat(340)), ""), "jwk.n: expected an odd modulus"),
        (rsa("'a b'", ""), "jwk.n: expected base64url without padding"),
        ("{kty: RSA, e: AQAB}".to_owned(), "jwk.n: required"),
        (format!("{{kty: RSA, n: {n2048}, e: AQ}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: RSA, n: {n2048}, e: Aw}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: RSA, n: {n2048}, e: ''}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: EC, crv: P-384, {p256}}}"), "jwk.x: expected x and y to be a point of the curve"),
        (format!("{{kty: EC, crv: P-192, {p256}}}"), "jwk.crv: expected P-256, P-384, P-521 or secp256k1"),
        (format!("{{kty: EC, crv: P-521, {p256}}}"), "jwk.x: expected x and y to be a point of the curve"),
        (format!("{{kty: EC, crv: P-256, {p256}, alg: ES384}}"), "jwk.alg: expected what fits this key: ES256"),
        (
            "{kty: EC, crv: P-256, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, \
             y: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU}"
                .to_owned(),
            "jwk.x: expected x and y to be a point of the curve",
        ),
        ("{kty: OKP, crv: X25519, x: AAAA}".to_owned(), "jwk.crv: expected Ed25519"),
        ("{kty: OKP, crv: Ed25519, x: AAAA}".to_owned(), "jwk.x: expected a point of the curve in 32 bytes"),
        (
            "{kty: OKP, crv: Ed25519, x: AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}".to_owned(),
            "jwk.x: expected a point of the curve in 32 bytes",
        ),
        ("{kty: oct, k: AAAA}".to_owned(), "jwk.k: expected a secret of at least 32 bytes"),
        (
            "{kty: oct, alg: HS512, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}".to_owned(),
            "jwk.alg: expected what fits this key: HS256",
        ),
        ("{kty: DSA}".to_owned(), "jwk.kty: expected RSA, EC, OKP or oct"),
        ("{alg: RS256}".to_owned(), "jwk.kty: required"),
        ("[]".to_owned(), "jwk: expected a map of fields"),
    ] {
        assert_eq!(faults_with_key(&key), [expected], "{key}");
    }
    for key in [rsa(&n2048, "use: sig, key_ops: [verify], x5t: a"), format!("{{kty: EC, crv: P-256, {p256}}}")] {
        assert_eq!(faults_with_key(&key), Vec::<String>::new(), "{key}");
    }
}

#[test]
fn a_key_of_a_jwk_set_that_can_not_verify_tokens_is_skipped_with_one_warning() {
    let parse = |keys: &str| {
        let config = Config::parse(format!("parameter: t\njwks: {{keys: [{KEY}, {keys}]}}").as_bytes());
        config.map(|config| config.warnings.iter().map(Warning::to_string).collect::<Vec<_>>())
    };
    let n2048 = format!("3{}Q", "_".repeat(340));
    for (key, warning) in [
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, use: enc, alg: RSA-OAEP}}"), "use: expected sig"),
        ("{kty: RSA, n: AQAB, e: Aw, use: enc}".to_owned(), "use: expected sig"),
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, key_ops: []}}"), "key_ops: expected a list with verify"),
        (
            format!("{{kty: RSA, n: {n2048}, e: AQAB, alg: RSA-OAEP}}"),
            "alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512",
        ),
        ("{kty: AKP, pub: AAAA}".to_owned(), "kty: expected RSA, EC, OKP or oct"),
        (KEY.replace('}', ", alg: A256GCM}"), "alg: expected what fits this key: HS256"),
    ] {
        assert_eq!(parse(&key), Ok(vec![format!("jwks.keys[1].{warning}; the key is skipped")]), "{key}");
    }
    for (key, fault) in [
        (KEY.replace('}', ", kid: b, alg: HS512}"), "alg: expected what fits this key: HS256"),
        ("{kty: oct, k: AAAA}".to_owned(), "k: expected a secret of at least 32 bytes"),
        ("{kty: AKP, pub: AAAA, priv: AAAA}".to_owned(), "priv: expected a public key, found a private or secret part"),
        ("{use: enc}".to_owned(), "kty: required"),
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, use: enc, alg: 5}}"), "alg: expected a string"),
    ] {
        let faults = parse(&key).unwrap_err().to_string();
        assert_eq!(faults, format!("jwks.keys[1].{fault}"), "{key}");
    }
    assert_eq!(parse(""), Ok(Vec::new()));
}

#[test]
fn kids_are_unique_and_at_most_one_key_has_none() {
    let key = |kid: &str| KEY.replace('}', kid);
    let of =
        |first: &str, second: &str| faults_of(&format!("parameter: t\njwk: {}\njwks: [{}]", key(first), key(second)));
    assert_eq!(of(", kid: a}", ", kid: a}"), ["jwks[0].kid: expected a kid that no other key has"]);
    assert_eq!(of("}", "}"), ["jwks[0]: expected a kid, since another key has none"]);
    assert_eq!(of("}", ", kid: a}"), Vec::<String>::new());
}

#[test]
fn the_error_for_a_url_or_pem_says_what_to_do() {
    const URL: &str = ", found a URL: to fetch keys, use remoteJwks";
    const PEM: &str = ", found PEM: `jwt-auth jwk FILE` makes a JWK of it";
    for (keys, expected) in [
        ("jwks: https://issuer.example/jwks.json", format!("jwks: expected a list{URL}")),
        ("jwk: HTTP://issuer.example/jwk.json", format!("jwk: expected a map of fields{URL}")),
        ("jwks: {keys: 'https://issuer.example/'}", format!("jwks.keys: expected a list{URL}")),
        ("jwks: ['https://issuer.example/']", format!("jwks[0]: expected a map of fields{URL}")),
        ("jwk: |\n  -----BEGIN PUBLIC KEY-----\n  AAAA", format!("jwk: expected a map of fields{PEM}")),
        ("jwk: secret", "jwk: expected a map of fields".to_owned()),
        ("jwk: ''", "jwk: expected a map of fields".to_owned()),
        ("jwk: é://", "jwk: expected a map of fields".to_owned()),
    ] {
        assert_eq!(faults_of(&format!("parameter: t\n{keys}")), [expected], "{keys}");
    }
    let other = "tokenCache: https://issuer.example/";
    assert_eq!(faults_with(other), ["tokenCache: expected a map of fields"]);
}

#[test]
fn an_error_never_contains_a_secret() {
    for key in [
        "{kty: oct, k: c2VjcmV0}",
        "{kty: oct, alg: s3cret, k: '%s3cret'}",
        "{kty: s3cret, k: s3cret}",
        "{kty: oct, k: !!int s3cret}",
        "{kty: oct, k: !!bool s3cret}",
        "{kty: oct, k: !!float s3cret}",
        "{kty: oct, k: !!null s3cret}",
        "{kty: oct, k: *s3cret}",
        "{kty: oct, k: \"s3cret\\q\"}",
        "{kty: oct, k: 's3cret' s3cret}",
    ] {
        let faults = faults_with_key(key).join(" ");
        assert!(!faults.is_empty() && !faults.contains("s3cret") && !faults.contains("c2VjcmV0"), "{faults}");
    }
}
