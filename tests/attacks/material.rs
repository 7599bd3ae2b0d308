//! T10: weak, malformed and private keys in the configuration. With each, the filter rejects every request.

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{Row, World, get, row};
use serde_json::{Value, json};

use crate::encodings::{base64url, difference, from_base64url};
use crate::scalars::small_order_points;

attacks! {
    t10_rsa_keys_that_are_weak_or_broken: CHOSEN, rsa_keys_that_are_weak_or_broken;
    t10_points_that_are_not_on_their_curve: CHOSEN, points_that_are_not_on_their_curve;
    t10_ed25519_keys_of_small_order: CHOSEN, ed25519_keys_of_small_order;
    t10_a_private_part_in_the_configuration: CHOSEN, a_private_part_in_the_configuration;
    t10_secrets_that_are_too_short: CHOSEN, secrets_that_are_too_short;
}

/// A configuration with one malformed key and `bypassEmptyToken`, which must have no effect here.
fn misconfigured(name: &str, jwk: &Value, token: &str, error: &str) -> Row {
    let message = format!("Invalid JWT plugin config: {error}");
    let steps = vec![get().rejected("I400JP", message.clone()), get().token(token).rejected("I400JP", message)];
    row(name, format!("parameter: X-Token\nbypassEmptyToken: true\njwk: {jwk}"), steps)
}

fn with(jwk: &Value, members: &Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn rsa_keys_that_are_weak_or_broken(world: &World) -> Vec<Row> {
    let key = SigningKey::cached(Algorithm::RS256);
    let jwk = key.public_jwk(None, true);
    let token = key.token(None, &world.claims(&json!({})));
    let size = "jwk.n: expected a modulus of 2048 to 4096 bits";
    let exponent = "jwk.e: expected AQAB (65537)";
    let mut rows = Vec::new();
    for bits in [512, 1024, 2040] {
        let weak = SigningKey::generate_rsa(bits);
        let token = weak.token(None, &world.claims(&json!({})));
        rows.push(misconfigured(&format!("{bits} bits"), &weak.public_jwk(None, true), &token, size));
    }
    let modulus = from_base64url(jwk["n"].as_str().unwrap());
    let n = |bytes: &[u8]| with(&jwk, &json!({"n": base64url(bytes)}));
    let mut even = modulus.clone();
    even[255] &= 0xfe;
    let halved = [&[modulus[0] & 0x7f][..], &modulus[1..]].concat();
    for (name, modulus, error) in [
        ("no modulus", vec![], size),
        ("a modulus of zeros", vec![0; 256], size),
        ("zeros in front of a short one", [&[0; 128][..], &modulus[128..]].concat(), size),
        ("2047 bits", halved, size),
        ("16384 bits", [&modulus[..], &vec![0xff; 1792]].concat(), size),
        ("a million bits", vec![0xff; 125_000], size),
        ("an even modulus", even, "jwk.n: expected an odd modulus"),
    ] {
        rows.push(misconfigured(name, &n(&modulus), &token, error));
    }
    for (name, e) in [
        ("e = 0", &[0][..]),
        ("no e", &[]),
        ("e = 1", &[1]),
        ("e = 2", &[2]),
        ("e = 3", &[3]),
        ("e = 17", &[17]),
        ("e = 65536", &[1, 0, 0]),
        ("e = 65539", &[1, 0, 3]),
        ("e of 64 bits", &[0x80, 0, 0, 0, 0, 0, 0, 1]),
        ("e of 2048 bits", &[0xff; 256]),
    ] {
        rows.push(misconfigured(name, &with(&jwk, &json!({"e": base64url(e)})), &token, exponent));
    }
    rows
}

fn points_that_are_not_on_their_curve(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::ES256K] {
        let key = SigningKey::cached(algorithm);
        let jwk = key.public_jwk(None, true);
        let token = key.token(None, &world.claims(&json!({})));
        let [x, y] = ["x", "y"].map(|name| from_base64url(jwk[name].as_str().unwrap()));
        let size = x.len();
        let mut off = y.clone();
        off[size - 1] ^= 1;
        let ones = vec![0xff; size];
        let less = difference(&ones, &y);
        for (name, x, y) in [
            ("one bit off", x.clone(), off),
            ("swapped", y.clone(), x.clone()),
            ("the origin", vec![0; size], vec![0; size]),
            ("beyond the field", ones.clone(), ones.clone()),
            ("y beyond the field", x.clone(), ones),
            ("another y", x.clone(), less),
            ("no coordinates", vec![], vec![]),
            ("x short", x[1..].to_vec(), y.clone()),
            ("x long", [&[0][..], &x].concat(), y.clone()),
            ("y long", x.clone(), [&y[..], &[0]].concat()),
            ("both in x", [&x[..], &y].concat(), vec![]),
        ] {
            let jwk = with(&jwk, &json!({"x": base64url(x), "y": base64url(y)}));
            let error = "jwk.x: expected x and y to be a point of the curve";
            rows.push(misconfigured(&format!("{algorithm}: {name}"), &jwk, &token, error));
        }
    }
    rows
}

/// If the public key is the neutral element, anyone can forge signatures: any `S` with `R = S·B` verifies.
fn ed25519_keys_of_small_order(world: &World) -> Vec<Row> {
    let key = SigningKey::cached(Algorithm::EdDSA);
    let jwk = key.public_jwk(None, true);
    let forged = {
        let token = key.token(None, &world.claims(&json!({})));
        let (text, _) = token.rsplit_once('.').unwrap();
        let neutral = [&[1][..], &[0; 63]].concat();
        format!("{text}.{}", base64url(neutral))
    };
    let error = "jwk.x: expected a point of the curve in 32 bytes";
    let x = |point: &[u8]| with(&jwk, &json!({"x": base64url(point)}));
    let mut rows: Vec<_> =
        small_order_points().iter().map(|point| misconfigured("small order", &x(point), &forged, error)).collect();
    for (name, point) in [("short", vec![9; 31]), ("long", vec![9; 33]), ("none", vec![]), ("no point", vec![0x02; 32])]
    {
        rows.push(misconfigured(name, &x(&point), &forged, error));
    }
    rows
}

fn a_private_part_in_the_configuration(world: &World) -> Vec<Row> {
    let found = "expected a public key, found a private or secret part";
    let mut rows = private_keys(world, found);
    let ec = SigningKey::cached(Algorithm::ES256);
    let token = ec.token(None, &world.claims(&json!({})));
    let one = |member: &str, value: &Value| {
        let jwk = with(&ec.public_jwk(None, true), &json!({member: value}));
        misconfigured(member, &jwk, &token, &format!("jwk.{member}: {found}"))
    };
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        rows.extend([
            one(member, &json!("AAAA")),
            one(member, &json!("")),
            one(member, &json!([])),
            one(member, &Value::Null),
        ]);
    }
    rows
}

fn private_keys(world: &World, found: &str) -> Vec<Row> {
    let algorithms = [
        Algorithm::RS256,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::ES256K,
        Algorithm::EdDSA,
    ];
    algorithms
        .map(|algorithm| {
            let key = SigningKey::cached(algorithm);
            let error = match algorithm.family() {
                kit::issuer::Family::Rsa => {
                    ["d", "p", "q", "dp", "dq", "qi"].map(|member| format!("jwk.{member}: {found}")).join("; ")
                }
                _ => format!("jwk.d: {found}"),
            };
            let token = key.token(None, &world.claims(&json!({})));
            misconfigured(&format!("{algorithm}"), &key.private_jwk(None, true), &token, &error)
        })
        .into()
}

fn secrets_that_are_too_short(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for length in [0, 1, 16, 31] {
        let key = SigningKey::from_shared_secret(Algorithm::HS256, &vec![b's'; length]);
        let token = key.token(None, &world.claims(&json!({})));
        let error = "jwk.k: expected a secret of at least 32 bytes";
        rows.push(misconfigured(&format!("{length} bytes"), &key.public_jwk(None, false), &token, error));
    }
    for (algorithm, length, fits) in
        [(Algorithm::HS384, 47, "HS256"), (Algorithm::HS512, 63, "HS256, HS384"), (Algorithm::HS512, 32, "HS256")]
    {
        let key = SigningKey::from_shared_secret(algorithm, &vec![b's'; length]);
        let token = key.token(None, &world.claims(&json!({})));
        let error = format!("jwk.alg: expected what fits this key: {fits}");
        rows.push(misconfigured(
            &format!("{algorithm} with {length} bytes"),
            &key.public_jwk(None, true),
            &token,
            &error,
        ));
        // Without `alg`, a key allows only the hashes that are not longer than the key.
        let rejection = format!("alg {algorithm} is not allowed for this key");
        let config = format!("parameter: X-Token\njwk: {}", key.public_jwk(None, false));
        rows.push(row("unnamed", config, vec![get().token(&token).invalid(&rejection)]));
    }
    rows
}
