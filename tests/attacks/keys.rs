//! T2: tokens that try to choose their key.

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{Row, Step, World, get, key, row};
use serde_json::{Value, json};

attacks! {
    t02_a_kid_that_no_key_has_whatever_it_looks_like: EITHER, a_kid_that_no_key_has_whatever_it_looks_like;
    t02_no_key_replaces_the_one_that_the_kid_names: EITHER, no_key_replaces_the_one_that_the_kid_names;
    t02_a_duplicate_kid: EITHER, a_duplicate_kid;
    t02_keys_that_a_kid_can_not_tell_apart: EITHER, keys_that_a_kid_can_not_tell_apart;
}

fn set(keys: &[Value]) -> String {
    format!("parameter: X-Token\njwks: {}", json!(keys))
}

fn unknown(token: String, shown: &str) -> Step {
    get().token(token).rejected("A403JK", format!("No matching JWK, kid:{shown} not found"))
}

fn with_header(header: &str, world: &World) -> String {
    key().token_raw(header.as_bytes(), world.claims(&json!({})).to_string().as_bytes())
}

/// H1: an unknown `kid` must not fall back to the first key. The signature is valid and made with the only key.
fn a_kid_that_no_key_has_whatever_it_looks_like(world: &World) -> Vec<Row> {
    let kids = [
        ("other", "other"),
        ("K1", "K1"),
        ("k1 ", "k1 "),
        (" k1", " k1"),
        ("k1\0", r"k1\x00"),
        ("k\u{131}", r"k\xc4\xb1"),
        ("\u{ff4b}1", r"\xef\xbd\x8b1"),
        ("k1,k2", "k1,k2"),
        ("k1.pem", "k1.pem"),
        ("", ""),
        ("0", "0"),
        ("../../dev/null", "../../dev/null"),
        ("/proc/sys/kernel/randomize_va_space", "/proc/sys/kernel/randomize_va_space"),
        ("k1' UNION SELECT 'x' --", "k1' UNION SELECT 'x' --"),
        ("k1 | sleep 9", "k1 | sleep 9"),
        ("http://127.0.0.1:1/jwks", "http://127.0.0.1:1/jwks"),
        ("__proto__", "__proto__"),
        ("%s%n", "%s%n"),
        ("a\r\nset-cookie: b", r"a\x0d\x0aset-cookie: b"),
        ("<img src=x onerror=alert(1)>", r"\x3cimg src=x onerror=alert(1)\x3e"),
        ("\u{1b}[2J\u{7f}", r"\x1b[2J\x7f"),
        ("\u{2028}\u{202e}", r"\xe2\x80\xa8\xe2\x80\xae"),
    ];
    let claims = world.claims(&json!({}));
    let mut steps: Vec<_> = kids.iter().map(|(kid, shown)| unknown(key().token(Some(kid), &claims), shown)).collect();
    steps.push(unknown(key().token(None, &claims), "(none)"));
    steps.push(unknown(key().token(Some(&"k".repeat(10_000)), &claims), &format!("{}...", "k".repeat(64))));
    for (kid, shown) in [
        ("null", "null"),
        ("1", "1"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("[\"k1\"]", "[\"k1\"]"),
        ("{\"k1\":\"k1\"}", "{\"k1\":\"k1\"}"),
    ] {
        steps.push(unknown(with_header(&format!(r#"{{"alg":"ES256","kid":{kid}}}"#), world), shown));
    }
    let escaped = with_header(r#"{"alg":"ES256","kid":"\u006b1"}"#, world);
    steps.push(get().token(escaped).passes());
    vec![row("one key with a kid", set(&[key().public_jwk(Some("k1"), true)]), steps)]
}

/// Only the key that the `kid` names is used, even if another key would verify the token.
fn no_key_replaces_the_one_that_the_kid_names(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    let rsa = SigningKey::cached(Algorithm::RS256);
    let ed = SigningKey::cached(Algorithm::EdDSA);
    let secret = SigningKey::cached(Algorithm::HS256);
    let second = SigningKey::generate(Algorithm::ES256);
    let keys = set(&[
        rsa.public_jwk(Some("rsa"), false),
        second.public_jwk(Some("second"), true),
        secret.public_jwk(Some("secret"), false),
        ed.public_jwk(Some("ed"), true),
        key().public_jwk(None, true),
    ]);
    let wrong = |signer: &SigningKey, kid: &str| {
        let alg = signer.algorithm();
        get().token(signer.token(Some(kid), &claims)).invalid(&format!("alg {alg} is not allowed for this key"))
    };
    let forged = |signer: &SigningKey, kid: Option<&str>| {
        get().token(signer.token(kid, &claims)).invalid("signature verification failed")
    };
    let steps = vec![
        get().token(key().token(None, &claims)).passes(),
        get().token(rsa.token(Some("rsa"), &claims)).passes(),
        wrong(&key(), "rsa"),
        wrong(&key(), "secret"),
        wrong(&key(), "ed"),
        wrong(&secret, "rsa"),
        wrong(&secret, "other"),
        wrong(&ed, "other"),
        forged(&key(), Some("second")),
        forged(&second, None),
        forged(&second, Some("other")),
        forged(&SigningKey::generate(Algorithm::RS256), Some("rsa")),
    ];
    vec![row("five keys", keys, steps)]
}

fn a_duplicate_kid(world: &World) -> Vec<Row> {
    let not_read = |header: &str, world: &World| -> Step {
        let token = with_header(header, world);
        let begin: String = token.chars().take(16).collect();
        get().token(token).rejected("I400JD", format!("JWT Deserialize Failed: {begin}..."))
    };
    let steps = vec![
        not_read(r#"{"alg":"ES256","kid":"k1","kid":"k1"}"#, world),
        not_read(r#"{"kid":"other","alg":"ES256","kid":"k1"}"#, world),
        not_read(r#"{"kid":"k1","alg":"ES256","\u006bid":"other"}"#, world),
        not_read(r#"{"alg":"ES256","alg":"none","kid":"k1"}"#, world),
        not_read(r#"{"alg":"none","kid":"k1","al\u0067":"ES256"}"#, world),
    ];
    vec![row("duplicate members", set(&[key().public_jwk(Some("k1"), true)]), steps)]
}

fn keys_that_a_kid_can_not_tell_apart(world: &World) -> Vec<Row> {
    let other = SigningKey::generate(Algorithm::ES256);
    let token = world.token(&json!({}));
    let misconfigured = |name: &str, keys: &[Value], error: &str| {
        let message = format!("Invalid JWT plugin config: {error}");
        let steps = vec![
            get().rejected("I400JP", message.clone()),
            get().token(&token).rejected("I400JP", message.clone()),
            get().token(other.token(None, &world.claims(&json!({})))).rejected("I400JP", message),
        ];
        row(name, set(keys), steps)
    };
    vec![
        misconfigured(
            "two keys without a kid",
            &[key().public_jwk(None, true), other.public_jwk(None, true)],
            "jwks[1]: expected a kid, since another key has none",
        ),
        misconfigured(
            "one kid twice",
            &[key().public_jwk(Some("k1"), true), other.public_jwk(Some("k1"), true)],
            "jwks[1].kid: expected a kid that no other key has",
        ),
    ]
}
