//! Algorithms: the key fixes the algorithm.

use crate::issuer::{Algorithm, Family, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Row, Step, World, get, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({}));
    Algorithm::ALL
        .into_iter()
        .flat_map(|algorithm| [named(algorithm, &claims), unnamed(algorithm, &claims)])
        .chain([confusion(&claims), critical(&claims)])
        .collect()
}

/// A key with `alg` allows only this algorithm, and only the right signature.
fn named(algorithm: Algorithm, claims: &Value) -> Row {
    let key = SigningKey::cached(algorithm);
    let token = key.token(None, claims);
    let steps = std::iter::once(get().token(&token).passes())
        .chain(forgeries(&token))
        .chain(others(algorithm).map(|(other, signer)| {
            get().token(signer.token(None, claims)).invalid(&format!("alg {other} is not allowed for this key"))
        }))
        .collect();
    row(
        format!("{algorithm}: a key that names it verifies it and nothing else"),
        format!("parameter: X-Token\njwk: {}", key.public_jwk(None, true)),
        steps,
    )
}

/// A key without `alg` allows all algorithms of its type, and no others.
fn unnamed(algorithm: Algorithm, claims: &Value) -> Row {
    let key = SigningKey::cached(algorithm);
    let steps = std::iter::once(get().token(key.token(None, claims)).passes())
        .chain(others(algorithm).map(|(other, signer)| {
            let request = get().token(signer.token(None, claims));
            if other.family() == algorithm.family() {
                request.passes()
            } else {
                request.invalid(&format!("alg {other} is not allowed for this key"))
            }
        }))
        .collect();
    row(
        format!("{algorithm}: a key that names none allows what its type allows"),
        format!("parameter: X-Token\njwk: {}", key.public_jwk(None, false)),
        steps,
    )
}

/// The other algorithms with a key for each: the same key if the family is the same.
fn others(algorithm: Algorithm) -> impl Iterator<Item = (Algorithm, SigningKey)> {
    Algorithm::ALL.into_iter().filter(move |other| *other != algorithm).map(|other| (other, SigningKey::cached(other)))
}

/// The token with its signature or its signing input changed.
fn forgeries(token: &str) -> Vec<Step> {
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let flipped = |index: usize| {
        let mut bytes = signature.clone();
        bytes[index] ^= 1;
        bytes
    };
    let half = signature.len() / 2;
    let zeroed = |range: std::ops::Range<usize>| {
        let mut bytes = signature.clone();
        bytes[range].fill(0);
        bytes
    };
    let mut forged: Vec<Vec<u8>> = vec![
        flipped(0),
        flipped(half),
        flipped(signature.len() - 1),
        Vec::new(),
        signature[..signature.len() - 1].to_vec(),
        signature[1..].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], &signature[..]].concat(),
        vec![0; signature.len()],
        vec![0xff; signature.len()],
        zeroed(0..half),
        zeroed(half..signature.len()),
        signature.repeat(2),
        vec![0x30; 8192],
    ];
    forged.dedup();
    let with = |text: &str, signature: &[u8]| {
        get().token(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))).invalid("signature verification failed")
    };
    let (header, payload) = text.split_once('.').unwrap();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["sub"] = json!("mallory");
    let changed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    forged.iter().map(|bytes| with(text, bytes)).chain([with(&changed, &signature)]).collect()
}

/// Values of `alg` that are not an algorithm, and a public key used as a secret.
fn confusion(claims: &Value) -> Row {
    let key = SigningKey::cached(Algorithm::RS256);
    let jwk = key.public_jwk(None, false);
    let payload = claims.to_string();
    let with_header = |header: Value| key.token_raw(header.to_string().as_bytes(), payload.as_bytes());
    let mut steps = Vec::new();
    for header in [json!({}), json!({"alg": null}), json!({"alg": 256}), json!({"alg": ["RS256"]})] {
        steps.push(get().token(with_header(header)).invalid("header alg is missing or not a string"));
    }
    for name in ["none", "None", "nOnE", "", "rs256", "RS256 ", "HS256", "EdDSA", "RS1"] {
        let token = with_header(json!({"alg": name}));
        let reason = format!("alg {name} is not allowed for this key");
        let unsigned = token.rsplit_once('.').unwrap().0;
        steps.push(get().token(&token).invalid(&reason));
        steps.push(get().token(format!("{unsigned}.")).invalid(&reason));
    }
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [jwk.to_string().into_bytes(), jwk["n"].as_str().unwrap().as_bytes().to_vec(), modulus] {
        let forged = SigningKey::from_shared_secret(Algorithm::HS256, &secret).token(None, claims);
        steps.push(get().token(forged).invalid("alg HS256 is not allowed for this key"));
    }
    row("a token can't choose another algorithm than its key's", format!("parameter: X-Token\njwk: {jwk}"), steps)
}

/// `crit` with different values.
fn critical(claims: &Value) -> Row {
    let key = SigningKey::cached(Algorithm::EdDSA);
    let steps = [
        json!({"alg": "EdDSA", "crit": []}),
        json!({"alg": "EdDSA", "crit": ["exp"], "exp": 1}),
        json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}),
        json!({"alg": "EdDSA", "crit": ["b64"], "b64": true}),
        json!({"alg": "EdDSA", "crit": null}),
        json!({"alg": "none", "crit": []}),
    ]
    .iter()
    .map(|header| {
        let token = key.token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes());
        get().token(token).invalid("header crit is not supported")
    })
    .chain([get()
        .token(key.token_raw(br#"{"alg":"EdDSA","typ":"at+jwt","cty":1,"zip":"DEF"}"#, claims.to_string().as_bytes()))
        .passes()])
    .collect();
    assert_eq!(Algorithm::EdDSA.family(), Family::Ed25519);
    row(
        "crit is rejected, unknown header members are ignored",
        format!("parameter: X-Token\njwk: {}", key.public_jwk(None, true)),
        steps,
    )
}
