//! The filter and the host agree on signatures derived from valid ones.
//!
//! The host is [`RingSignatures`], which shares no code with the filter's libraries.
//!
//! Input: a digit for the algorithm, one for the signing input, then changes of three bytes: kind, position, value.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jwt_auth::{Host, Plugin, Rejection};
use kit::host::{Headers, Memory, RingSignatures};
use kit::issuer::{Algorithm, SigningKey, base64url};
use serde_json::{Value, json};

use crate::world::{self, Input, NOW};

const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "RS256", "RS384", "RS512"];
const TEXTS: usize = 4;

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let algorithm = ALGORITHMS[input.choice(ALGORITHMS.len())];
    let (jwk, text, good) = signed(algorithm, input.choice(TEXTS));
    let mut signature = good.clone();
    for change in input.rest().chunks_exact(3).take(8) {
        mutate(&mut signature, change[0], change[1], change[2]);
    }
    // Without a cache, because a cached token would not be verified again.
    let cache = json!({"maxEntries": 0});
    let configuration = json!({"parameter": "t", "parameterLocation": "header", "jwk": jwk, "tokenCache": cache});
    let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
    assert_eq!(plugin.faults(), None);
    let token = format!("{text}.{}", base64url(&signature));
    let headers: Headers = vec![("t".to_owned(), token.into_bytes())];
    let signatures = RingSignatures::default();
    let own = world::decide(&plugin, &headers, false);
    let host = Host { shared_data: &Memory::default(), signatures: Some(&signatures), random: || None };
    let hosts = world::decide_on(NOW, &plugin, &headers, false, host);
    assert_eq!(own, hosts, "{algorithm} {}", signature.escape_ascii());
    let code = own.as_ref().map_or_else(Rejection::code, |_| "pass");
    if signature == good {
        assert_eq!(code, "pass");
    }
    let is_unique = algorithm.starts_with("RS") && signature != good;
    assert!(!is_unique || code == "A403JT", "a second signature of RSASSA-PKCS1-v1_5: {}", signature.escape_ascii());
    assert_eq!(signatures.calls(), 1, "the host was not called exactly once");
}

/// Applies a change to the signature.
fn mutate(signature: &mut Vec<u8>, what: u8, place: u8, with: u8) {
    let half = signature.len() / 2;
    let at = usize::from(place) % signature.len().max(1);
    match what % 10 {
        0 if !signature.is_empty() => signature[at] ^= 1 << (with % 8),
        1 if !signature.is_empty() => signature[at] = with,
        2 => signature.insert(at.min(signature.len()), with),
        3 if !signature.is_empty() => drop(signature.remove(at)),
        4 => signature.truncate(at),
        5 => signature.extend(std::iter::repeat_n(with, usize::from(place) % 70)),
        6 => signature[..half].fill(with),
        7 => signature[half..].fill(with),
        8 => signature.rotate_left(half),
        _ => negate(signature),
    }
}

/// Replaces `s` with the other one that verifies: the order of the curve minus `s`.
fn negate(signature: &mut Vec<u8>) {
    if let Ok(good) = p256::ecdsa::Signature::from_slice(signature) {
        let (r, s) = good.split_scalars();
        *signature = p256::ecdsa::Signature::from_scalars(r, -s).expect("s is not zero").to_bytes().to_vec();
    } else if let Ok(good) = p384::ecdsa::Signature::from_slice(signature) {
        let (r, s) = good.split_scalars();
        *signature = p384::ecdsa::Signature::from_scalars(r, -s).expect("s is not zero").to_bytes().to_vec();
    }
}

/// A public key, a signing input and its signature. Each is made once.
fn signed(algorithm: &'static str, number: usize) -> (Value, String, Vec<u8>) {
    type Made = HashMap<(&'static str, usize), (Value, String, Vec<u8>)>;
    static MADE: Mutex<Option<Made>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.get_or_insert_default()
        .entry((algorithm, number))
        .or_insert_with(|| {
            let header = json!({"alg": algorithm}).to_string();
            let claims = json!({"exp": NOW + 3600, "n": number}).to_string();
            let text = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
            let key = key(algorithm);
            let signature = key.sign_raw(text.as_bytes());
            (key.public_jwk(None, false), text, signature)
        })
        .clone()
}

/// Keys that are the same in every run. Their signatures are deterministic.
fn key(algorithm: &str) -> SigningKey {
    let algorithm = Algorithm::from_name(algorithm).expect("an algorithm of the list");
    match algorithm {
        Algorithm::ES256 => SigningKey::from_scalar(algorithm, &[0x11; 32]),
        Algorithm::ES384 => SigningKey::from_scalar(algorithm, &[0x22; 48]),
        _ => SigningKey::sample_private_key().with_algorithm(algorithm),
    }
}
