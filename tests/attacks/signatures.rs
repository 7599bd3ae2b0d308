//! T10: signatures of every wrong length, by other keys, and over other signing inputs.

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{Row, Step, World, get, row};
use serde_json::json;

use crate::encodings::{base64url, from_base64url, segments, sum};

attacks! {
    t10_ecdsa_signatures_of_every_wrong_length: EITHER, ecdsa_signatures_of_every_wrong_length;
    t10_eddsa_and_hmac_signatures_of_every_wrong_length: EITHER, eddsa_and_hmac_signatures_of_every_wrong_length;
    t10_rsa_signatures_of_wrong_lengths_and_out_of_range: EITHER, rsa_signatures_of_wrong_lengths_and_out_of_range;
    t10_signatures_of_other_texts_and_other_keys: EITHER, signatures_of_other_texts_and_other_keys;
}

fn config(key: &SigningKey) -> String {
    format!("parameter: X-Token\njwk: {}", key.public_jwk(None, true))
}

fn forged(text: &str, signature: &[u8]) -> Step {
    get().token(format!("{text}.{}", base64url(signature))).invalid("signature verification failed")
}

/// A valid token, as signing input and signature.
fn signed(world: &World, key: &SigningKey) -> (String, Vec<u8>) {
    let token = key.token(None, &world.claims(&json!({})));
    let [header, payload, signature] = segments(&token);
    (format!("{header}.{payload}"), from_base64url(signature))
}

/// Each length from 0 to twice the right one: truncated, padded with zeros at either end, and repeated.
fn wrong_lengths(world: &World, algorithm: Algorithm) -> Row {
    let key = SigningKey::cached(algorithm);
    let (text, good) = signed(world, &key);
    let right = good.len();
    let mut steps = vec![get().token(format!("{text}.{}", base64url(&good))).passes()];
    for length in (0..=2 * right).filter(|length| *length != right) {
        let repeated: Vec<u8> = good.iter().copied().cycle().take(length).collect();
        steps.push(forged(&text, &repeated));
        if let Some(missing) = length.checked_sub(right) {
            let zeros = vec![0; missing];
            steps.push(forged(&text, &[&zeros[..], &good].concat()));
            steps.push(forged(&text, &[&good[..], &zeros].concat()));
        } else {
            steps.push(forged(&text, &good[right - length..]));
        }
    }
    row(format!("lengths for {algorithm}"), config(&key), steps)
}

fn ecdsa_signatures_of_every_wrong_length(world: &World) -> Vec<Row> {
    [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::ES256K]
        .map(|algorithm| wrong_lengths(world, algorithm))
        .into()
}

fn eddsa_and_hmac_signatures_of_every_wrong_length(world: &World) -> Vec<Row> {
    [Algorithm::EdDSA, Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
        .map(|algorithm| wrong_lengths(world, algorithm))
        .into()
}

/// Also `s + n` in the right length: it equals `s` modulo `n`, but is out of range [RFC 8017 8.2.2].
fn rsa_signatures_of_wrong_lengths_and_out_of_range(world: &World) -> Vec<Row> {
    const LENGTHS: [usize; 18] = [0, 1, 2, 31, 32, 64, 127, 128, 254, 255, 257, 258, 259, 384, 511, 512, 1024, 8192];
    let modulus = || from_base64url(SigningKey::cached(Algorithm::RS256).public_jwk(None, true)["n"].as_str().unwrap());
    let of = |algorithm: Algorithm| {
        let key = SigningKey::cached(algorithm);
        let (text, good) = signed(world, &key);
        let mut steps = vec![get().token(format!("{text}.{}", base64url(&good))).passes()];
        for length in LENGTHS {
            steps.push(forged(&text, &good.iter().copied().cycle().take(length).collect::<Vec<_>>()));
            steps.push(forged(&text, &vec![0; length]));
            steps.push(forged(&text, &vec![0xff; length]));
            if let Some(missing) = length.checked_sub(good.len()) {
                steps.push(forged(&text, &[&vec![0; missing][..], &good].concat()));
            }
        }
        let n = modulus();
        let one = [&[0; 255][..], &[1]].concat();
        for number in [vec![0; 256], one.clone(), n.clone(), crate::encodings::difference(&n, &one), vec![0xff; 256]] {
            steps.push(forged(&text, &number));
        }
        // `s + n` fits only if `s` is small enough. This is so for one of a few tokens.
        let twin = (0..400).find_map(|number| {
            let text = format!("{text}{}", "A".repeat(4 * (number % 50)));
            let signature = key.sign_raw(text.as_bytes());
            sum(&signature, &n).map(|twin| forged(&text, &twin))
        });
        steps.extend(twin);
        row(format!("{algorithm}"), config(&key), steps)
    };
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
        .map(of)
        .into()
}

/// A signature is valid for exactly one signing input and one key.
fn signatures_of_other_texts_and_other_keys(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let key = SigningKey::cached(algorithm);
        let (text, good) = signed(world, &key);
        let (_, of_another_token) = {
            let token = key.token(None, &world.claims(&json!({"sub": "bob"})));
            let [header, payload, signature] = segments(&token);
            (format!("{header}.{payload}"), from_base64url(signature))
        };
        let [header, payload] = text.split('.').collect::<Vec<_>>().try_into().unwrap();
        let mut steps = vec![
            forged(&text, &of_another_token),
            forged(&text, &key.sign_raw(payload.as_bytes())),
            forged(&text, &key.sign_raw(header.as_bytes())),
            forged(&text, &key.sign_raw(&from_base64url(payload))),
            forged(&text, &key.sign_raw(format!("{text}.").as_bytes())),
            forged(&text, &key.sign_raw(format!("{header}{payload}").as_bytes())),
            forged(&text, &key.sign_raw(format!("{payload}.{header}").as_bytes())),
            forged(&text, &key.sign_raw(b"")),
            forged(&text, base64url(&good).as_bytes()),
            forged(&text, text.as_bytes()),
            forged(&text, &good.iter().rev().copied().collect::<Vec<_>>()),
            forged(&text, &good.iter().map(|byte| !byte).collect::<Vec<_>>()),
        ];
        for bit in [0, 1, 7, 8 * good.len() / 2, 8 * good.len() - 8, 8 * good.len() - 1] {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            steps.push(forged(&text, &flipped));
        }
        if algorithm.family() != kit::issuer::Family::Rsa {
            let stranger = SigningKey::generate(algorithm);
            steps.push(forged(&text, &stranger.sign_raw(text.as_bytes())));
        }
        rows.push(row(format!("{algorithm}"), config(&key), steps));
    }
    rows
}
