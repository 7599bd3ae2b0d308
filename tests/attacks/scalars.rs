//! T10: ECDSA and EdDSA signatures whose numbers are out of range, at its limits, or encoded differently.

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{Row, Step, World, get, row};
use serde_json::json;

use crate::encodings::{base64url, der, der_integer, difference, from_base64url, segments, sum};

attacks! {
    t10_ecdsa_numbers_of_zero_and_of_the_order_and_beyond: EITHER, ecdsa_numbers_of_zero_and_of_the_order_and_beyond;
    t10_good_ecdsa_signatures_of_every_shape_pass: EITHER, good_ecdsa_signatures_of_every_shape_pass;
    t10_ecdsa_signatures_written_in_another_way: EITHER, ecdsa_signatures_written_in_another_way;
    t10_eddsa_numbers_and_points_out_of_range: EITHER, eddsa_numbers_and_points_out_of_range;
}

const CURVES: [Algorithm; 4] = [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::ES256K];

fn config(key: &SigningKey) -> String {
    format!("parameter: X-Token\njwk: {}", key.public_jwk(None, true))
}

fn forged(text: &str, signature: &[u8]) -> Step {
    get().token(format!("{text}.{}", base64url(signature))).invalid("signature verification failed")
}

fn good(text: &str, signature: &[u8]) -> Step {
    get().token(format!("{text}.{}", base64url(signature))).passes()
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The order of the curve's group.
fn order(algorithm: Algorithm) -> Vec<u8> {
    hex(match algorithm {
        Algorithm::ES256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Algorithm::ES384 => {
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        }
        // 521 bits, in 66 bytes.
        Algorithm::ES512 => {
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
             a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
        }
        _ => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    })
}

/// Valid signatures over different signing inputs, each with its two numbers.
fn signatures(world: &World, key: &SigningKey) -> impl Iterator<Item = (String, Vec<u8>, Vec<u8>)> {
    let claims = world.claims(&json!({}));
    let key = key.clone();
    (0..4000).map(move |number| {
        let mut claims = claims.clone();
        claims["number"] = json!(number);
        let token = key.token(None, &claims);
        let [header, payload, signature] = segments(&token);
        let signature = from_base64url(signature);
        let (r, s) = signature.split_at(signature.len() / 2);
        (format!("{header}.{payload}"), r.to_vec(), s.to_vec())
    })
}

/// CVE-2022-21449 and similar ones.
fn ecdsa_numbers_of_zero_and_of_the_order_and_beyond(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in CURVES {
        let key = SigningKey::cached(algorithm);
        let (text, r, s) = signatures(world, &key).next().unwrap();
        let n = order(algorithm);
        let size = n.len();
        let one = [&vec![0; size - 1][..], &[1]].concat();
        let high = [&[0x80][..], &vec![0; size - 1]].concat();
        let odd = [
            vec![0; size],
            one.clone(),
            difference(&n, &one),
            n.clone(),
            sum(&n, &one).unwrap(),
            vec![0xff; size],
            high,
            [&[0x7f][..], &vec![0xff; size - 1]].concat(),
        ];
        let mut steps = vec![good(&text, &[&r[..], &s].concat())];
        for number in &odd {
            steps.push(forged(&text, &[&number[..], &s].concat()));
            steps.push(forged(&text, &[&r[..], number].concat()));
            steps.extend(odd.iter().map(|other| forged(&text, &[&number[..], other].concat())));
        }
        // Numbers that are equal modulo the order, if they fit.
        for (r, s) in [(sum(&r, &n), Some(s.clone())), (Some(r.clone()), sum(&s, &n))] {
            steps.extend(r.zip(s).map(|(r, s)| forged(&text, &[r, s].concat())));
        }
        steps.push(forged(&text, &[&s[..], &r].concat()));
        steps.push(forged(&text, &[difference(&n, &r), s.clone()].concat()));
        rows.push(row(format!("{algorithm}"), config(&key), steps));
    }
    rows
}

/// A condition on `r` and `s`.
type Shape = fn(&[u8], &[u8]) -> bool;

/// The shapes for curves whose order fills all bits of its bytes.
const OF_WHOLE_BYTES: [(&str, Shape); 6] = [
    ("both high", |r, s| r[0] >= 0x80 && s[0] >= 0x80),
    ("r high", |r, s| r[0] >= 0x80 && s[0] < 0x80),
    ("s high", |r, s| r[0] < 0x80 && s[0] >= 0x80),
    ("both low", |r, s| r[0] < 0x80 && s[0] < 0x80),
    ("r short", |r, _| r[0] == 0 && r[1] < 0x80),
    ("r short and high", |r, _| r[0] == 0 && r[1] >= 0x80),
];

/// Envoy expects DER. There, a number with its high bit set gets a leading zero, and other leading zeros are dropped.
/// Valid signatures of each shape must pass, whether Envoy or Wasm verifies them. So must both values of `s` that
/// verify [RFC 7518 3.4].
fn good_ecdsa_signatures_of_every_shape_pass(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in CURVES {
        let key = SigningKey::cached(algorithm);
        let n = order(algorithm);
        let mut steps = Vec::new();
        let mut wanted: Vec<(&str, Shape)> = match algorithm {
            // The first byte is 0 or 1, so the second byte decides how DER begins.
            Algorithm::ES512 => vec![
                ("both of 521 bits", |r, s| r[0] == 1 && s[0] == 1),
                ("r of 520 bits", |r, _| r[0] == 0 && r[1] >= 0x80),
                ("s of 520 bits", |_, s| s[0] == 0 && s[1] >= 0x80),
                ("both shorter", |r, s| r[0] == 0 && r[1] < 0x80 && s[0] == 0 && s[1] < 0x80),
                ("r shorter by two bytes", |r, _| r[0] == 0 && r[1] == 0),
            ],
            _ => OF_WHOLE_BYTES.to_vec(),
        };
        for (text, r, s) in signatures(world, &key) {
            if wanted.is_empty() {
                break;
            }
            for s in [s.clone(), difference(&n, &s)] {
                if let Some(index) = wanted.iter().position(|(_, is_so)| is_so(&r, &s)) {
                    wanted.remove(index);
                    steps.push(good(&text, &[&r[..], &s].concat()));
                    steps.push(good(&text, &[r.clone(), difference(&n, &s)].concat()));
                }
            }
        }
        assert!(wanted.is_empty(), "{algorithm}: none with {:?}", wanted[0].0);
        rows.push(row(format!("{algorithm}"), config(&key), steps));
    }
    rows
}

/// Encodings that other libraries accept: DER, numbers of other lengths, hexadecimal, little-endian, base64 text.
fn ecdsa_signatures_written_in_another_way(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in CURVES {
        let key = SigningKey::cached(algorithm);
        let mut steps = Vec::new();
        for (text, r, s) in signatures(world, &key).take(4) {
            let sequence = [der_integer(&r), der_integer(&s)].concat();
            let in_der = der(0x30, &sequence);
            let padded = |signature: &[u8]| {
                let mut padded = signature.to_vec();
                padded.resize(2 * r.len(), 0);
                padded
            };
            let reversed = |number: &[u8]| number.iter().rev().copied().collect::<Vec<_>>();
            let digits: String = r.iter().chain(&s).map(|byte| format!("{byte:02x}")).collect();
            steps.extend(
                [
                    in_der.clone(),
                    padded(&in_der),
                    [&in_der[..], &[0]].concat(),
                    sequence,
                    [&[0][..], &r, &[0], &s].concat(),
                    [reversed(&r), reversed(&s)].concat(),
                    digits.into_bytes(),
                    base64url([&r[..], &s].concat()).into_bytes(),
                    r.clone(),
                    [&r[1..], &s[1..]].concat(),
                    // The overflow in HAProxy: DER with a huge number.
                    der(0x30, &[der_integer(&vec![0x7f; 4000]), der_integer(&s)].concat()),
                ]
                .map(|signature| forged(&text, &signature)),
            );
        }
        rows.push(row(format!("{algorithm}"), config(&key), steps));
    }
    rows
}

/// `S + L` equals `S` modulo `L` but must not verify [RFC 8032 5.1.7]. Points of small order allow forgeries.
fn eddsa_numbers_and_points_out_of_range(world: &World) -> Vec<Row> {
    let key = SigningKey::cached(Algorithm::EdDSA);
    let order = hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    let mut steps = Vec::new();
    for (text, r, s) in signatures(world, &key).take(8) {
        steps.push(good(&text, &[&r[..], &s].concat()));
        let reversed = |number: &[u8]| number.iter().rev().copied().collect::<Vec<u8>>();
        let mut number = reversed(&s);
        for _ in 0..7 {
            number = sum(&number, &order).unwrap();
            steps.push(forged(&text, &[r.clone(), reversed(&number)].concat()));
        }
        let mut negated = r.clone();
        negated[31] ^= 0x80;
        steps.push(forged(&text, &[&negated[..], &s].concat()));
        for point in small_order_points() {
            steps.push(forged(&text, &[&point[..], &[0; 32]].concat()));
            steps.push(forged(&text, &[&point[..], &s].concat()));
        }
        steps.push(forged(&text, &[&s[..], &r].concat()));
    }
    vec![row("EdDSA", config(&key), steps)]
}

/// Encodings of the points of order 1, 2, 4 and 8, canonical and some that are not.
pub(crate) fn small_order_points() -> Vec<Vec<u8>> {
    [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .map(hex)
    .to_vec()
}
