//! T1 and T12: tokens that try to choose how they are verified.

use kit::issuer::{Algorithm, Family, SigningKey};
use kit::rows::{Request, Row, Step, World, get, row};
use serde_json::{Value, json};

use crate::encodings::{base64url, public_key_encodings, segments};

attacks! {
    t01_alg_none_in_any_spelling_signed_or_not: EITHER, alg_none_in_any_spelling_signed_or_not;
    t01_alg_missing_or_of_another_type: CHOSEN, alg_missing_or_of_another_type;
    t01_an_alg_that_is_not_the_keys: EITHER, an_alg_that_is_not_the_keys;
    t01_a_public_key_in_any_encoding_is_no_secret: EITHER, a_public_key_in_any_encoding_is_no_secret;
    t12_crit_with_anything_in_it: EITHER, crit_with_anything_in_it;
    t12_an_unencoded_payload: EITHER, an_unencoded_payload;
    t12_a_compressed_payload_and_keys_of_the_tokens_own: EITHER, a_compressed_payload_and_keys_of_the_tokens_own;
}

/// One algorithm for each family of keys.
const FAMILIES: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::ES256K,
    Algorithm::EdDSA,
    Algorithm::HS512,
];

fn config(key: &SigningKey, names_algorithm: bool) -> String {
    format!("parameter: X-Token\njwk: {}", key.public_jwk(Some("k1"), names_algorithm))
}

fn with_header(key: &SigningKey, header: &Value, claims: &Value) -> String {
    key.token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
}

fn not_allowed(request: Request, shown: &str) -> Step {
    request.invalid(&format!("alg {shown} is not allowed for this key"))
}

fn alg_none_in_any_spelling_signed_or_not(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let spellings = [
        ("none", "none"),
        ("None", "None"),
        ("nOnE", "nOnE"),
        ("NONE", "NONE"),
        (" none", " none"),
        ("none ", "none "),
        ("none\0", r"none\x00"),
        ("n\u{f6}ne", r"n\xc3\xb6ne"),
        ("", ""),
        ("null", "null"),
        ("HS256,none", "HS256,none"),
    ];
    let mut rows = Vec::new();
    for (algorithm, names_algorithm) in FAMILIES.into_iter().flat_map(|family| [(family, true), (family, false)]) {
        let key = SigningKey::cached(algorithm);
        let mut steps = vec![get().token(key.token(Some("k1"), &claims)).passes()];
        for (name, shown) in spellings {
            let token = with_header(&key, &json!({"alg": name, "kid": "k1"}), &claims);
            let [header, payload, _] = segments(&token);
            steps.push(not_allowed(get().token(&token), shown));
            steps.push(not_allowed(get().token(format!("{header}.{payload}.")), shown));
            steps.push(not_allowed(get().token(format!("{header}.{payload}.{}", base64url("none"))), shown));
            let two = format!("{header}.{payload}");
            let begin: String = two.chars().take(16).collect();
            steps.push(get().token(two).rejected("I400JD", format!("JWT Deserialize Failed: {begin}...")));
        }
        rows.push(row(format!("none for {algorithm}"), config(&key, names_algorithm), steps));
    }
    rows
}

fn alg_missing_or_of_another_type(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let key = SigningKey::cached(Algorithm::ES256);
    let values =
        [json!(null), json!(256), json!(true), json!(["ES256"]), json!({"ES256": 1}), json!({"toString": "ES256"})];
    let headers = values.into_iter().map(|alg| json!({"alg": alg, "kid": "k1"}));
    let other_names = [json!({"Alg": "ES256", "kid": "k1"}), json!({"ALG": "ES256", "kid": "k1", "alg ": "ES256"})];
    let steps = headers
        .chain(other_names)
        .map(|header| get().token(with_header(&key, &header, &claims)).invalid("header alg is missing or not a string"))
        .collect();
    vec![row("no alg", config(&key, false), steps)]
}

/// A valid signature by the key, under a header that names another algorithm.
fn an_alg_that_is_not_the_keys(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let key = SigningKey::cached(algorithm);
        let lie =
            |other: Algorithm| get().token(with_header(&key, &json!({"alg": other.name(), "kid": "k1"}), &claims));
        let others = || Algorithm::ALL.into_iter().filter(|other| *other != algorithm);
        let named = others().map(|other| not_allowed(lie(other), other.name()));
        let unnamed = others().map(|other| match other.family() == algorithm.family() {
            // EdDSA and Ed25519 name the same signature, and this key allows both [RFC 9864 section 2.2].
            true if other.family() == Family::Ed25519 => lie(other).passes(),
            true => lie(other).invalid("signature verification failed"),
            false => not_allowed(lie(other), other.name()),
        });
        let variants = [algorithm.name().to_ascii_lowercase(), format!("{algorithm} "), format!(" {algorithm}")];
        let misspelt = variants
            .iter()
            .map(|name| not_allowed(get().token(with_header(&key, &json!({"alg": name, "kid": "k1"}), &claims)), name));
        rows.push(row(format!("{algorithm} named"), config(&key, true), named.chain(misspelt).collect()));
        rows.push(row(format!("{algorithm} unnamed"), config(&key, false), unnamed.collect()));
    }
    rows
}

/// CVE-2026-39999, CVE-2026-34950 and similar ones.
fn a_public_key_in_any_encoding_is_no_secret(world: &World) -> Vec<Row> {
    const HMAC: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    let claims = world.claims(&json!({}));
    let mut rows = Vec::new();
    for (algorithm, names_algorithm) in
        FAMILIES.into_iter().take(6).flat_map(|family| [(family, true), (family, false)])
    {
        let key = SigningKey::cached(algorithm);
        let jwk = key.public_jwk(Some("k1"), names_algorithm);
        let mut steps = Vec::new();
        for secret in public_key_encodings(&jwk) {
            for hmac in HMAC {
                let forger = SigningKey::from_shared_secret(hmac, &secret);
                steps.push(not_allowed(get().token(forger.token(Some("k1"), &claims)), hmac.name()));
            }
            let forger = SigningKey::from_shared_secret(Algorithm::HS256, &secret);
            let lie = with_header(&forger, &json!({"alg": algorithm.name(), "kid": "k1"}), &claims);
            steps.push(get().token(lie).invalid("signature verification failed"));
        }
        // An HMAC key in the same configuration must not make HMAC possible with the public key.
        let secret = SigningKey::generate(Algorithm::HS256).public_jwk(Some("secret"), true);
        let config = format!("parameter: X-Token\njwks: {}", json!([jwk, secret]));
        rows.push(row(format!("{algorithm} as a secret"), config, steps));
    }
    rows
}

fn crit_with_anything_in_it(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({})).to_string();
    let mut rows = Vec::new();
    for algorithm in FAMILIES {
        let key = SigningKey::cached(algorithm);
        let crits = [
            "[]",
            "null",
            "false",
            "0",
            "\"\"",
            "\"exp\"",
            "{}",
            "[\"exp\"]",
            "[\"alg\"]",
            "[\"b64\"]",
            "[\"x\"]",
            "[\"b64\",\"b64\"]",
            "[1]",
            "[null]",
            "[[]]",
            "[\"http://example.com/UNDEFINED\"]",
        ];
        let mut headers: Vec<String> = crits
            .iter()
            .map(|crit| format!(r#"{{"alg":"{algorithm}","kid":"k1","exp":1,"x":1,"b64":true,"crit":{crit}}}"#))
            .collect();
        headers.push(format!(r#"{{"\u0063rit":["x"],"x":1,"alg":"{algorithm}","kid":"k1"}}"#));
        headers.push(r#"{"crit":["x"],"x":1,"alg":"none","kid":"k1"}"#.to_owned());
        headers.push(r#"{"crit":["x"],"x":1,"kid":"k1"}"#.to_owned());
        let steps = headers
            .iter()
            .map(|header| {
                let token = key.token_raw(header.as_bytes(), claims.as_bytes());
                get().token(token).invalid("header crit is not supported")
            })
            .collect();
        rows.push(row(format!("crit for {algorithm}"), config(&key, true), steps));
    }
    rows
}

/// RFC 7797: with `b64: false` the payload is signed and sent without base64url.
fn an_unencoded_payload(world: &World) -> Vec<Row> {
    let key = SigningKey::cached(Algorithm::ES256);
    let claims = world.claims(&json!({}));
    let unencoded = |header: &str, payload: &str| {
        let text = format!("{}.{payload}", base64url(header));
        format!("{text}.{}", base64url(key.sign_raw(text.as_bytes())))
    };
    let header = r#"{"alg":"ES256","kid":"k1","b64":false,"crit":["b64"]}"#;
    let without_crit = r#"{"alg":"ES256","kid":"k1","b64":false}"#;
    let shown = |header: &str| format!("JWT Deserialize Failed: {}...", &base64url(header)[..16]);
    let json = claims.to_string();
    let one_part = json.replace('.', "");
    let encoded = base64url(&json);
    let steps = vec![
        get().token(unencoded(header, &encoded)).invalid("header crit is not supported"),
        get().token(unencoded(header, "e30")).invalid("header crit is not supported"),
        get().target(format!("/p?X-Token={}", unencoded(header, &one_part))).rejected("I400JD", shown(header)),
        get()
            .target(format!("/p?X-Token={}", unencoded(without_crit, &one_part)))
            .rejected("I400JD", shown(without_crit)),
        // Without `crit`, `b64` has no effect [RFC 7797 section 6]: the payload is encoded as usual.
        get().token(unencoded(without_crit, &encoded)).passes(),
    ];
    vec![row("b64", config(&key, true), steps)]
}

/// `zip` is for JWE only. A compressed payload is not JSON, and the filter never decompresses it.
fn a_compressed_payload_and_keys_of_the_tokens_own(world: &World) -> Vec<Row> {
    let key = SigningKey::cached(Algorithm::ES256);
    let stranger = SigningKey::generate(Algorithm::ES256);
    let claims = world.claims(&json!({}));
    // A zlib stream with one stored block.
    let text = claims.to_string();
    let length = text.len() as u16;
    let deflated = [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), text.as_bytes()].concat();
    let zipped = key.token_raw(br#"{"alg":"ES256","kid":"k1","zip":"DEF"}"#, &deflated);
    let begin: String = zipped.chars().take(16).collect();
    let thumbprint = base64url([7; 32]);
    let own = json!({
        "alg": "ES256", "kid": "k1", "jwk": stranger.public_jwk(Some("k1"), true), "jku": "http://127.0.0.1:1/jwks",
        "x5u": "http://127.0.0.1:1/cert", "x5c": ["MIIB"], "x5t": thumbprint, "x5t#S256": thumbprint,
    });
    let without_kid = json!({"alg": "ES256", "jwk": stranger.public_jwk(None, true)});
    let steps = vec![
        get().token(zipped).rejected("I400JD", format!("JWT Deserialize Failed: {begin}...")),
        get().token(with_header(&key, &json!({"alg": "ES256", "kid": "k1", "zip": "DEF"}), &claims)).passes(),
        get().token(with_header(&stranger, &own, &claims)).invalid("signature verification failed"),
        get().token(with_header(&key, &own, &claims)).passes(),
        get()
            .token(with_header(&stranger, &without_kid, &claims))
            .rejected("A403JK", "No matching JWK, kid:(none) not found"),
    ];
    vec![row("zip, jwk, jku, x5c", config(&key, true), steps)]
}
