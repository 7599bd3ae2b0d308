//! The filter's own check of signatures and the host's agree on signatures derived from good ones.
//!
//! The host is a twin of Envoy's `verify_signature` that reads the message by hand and verifies with `ring`, which shares no
//! code with the filter's libraries.
//!
//! Input: a digit for the algorithm, one for the text, then triples of what to do, where, and a byte to do it with.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jwt_auth::{Host, HostSignatures, Plugin, Rejection};
use kit::issuer::{Algorithm, SigningKey, base64url};
use ring::signature::{self as rings, UnparsedPublicKey};
use serde_json::{Value, json};

use super::world::{self, Headers, Input, Memory, NOW};

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
    // A token that was accepted before would not be verified once more.
    let cache = json!({"maxEntries": 0});
    let configuration = json!({"parameter": "t", "parameterLocation": "header", "jwk": jwk, "tokenCache": cache});
    let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
    assert_eq!(plugin.faults(), None);
    let token = format!("{text}.{}", base64url(&signature));
    let headers: Headers = vec![("t".to_owned(), token.into_bytes())];
    let twin = Twin { calls: Cell::new(0) };
    let own = world::decide(&plugin, &headers, false);
    let host = Host { shared_data: &Memory::default(), signatures: Some(&twin) };
    let hosts = world::decide_on(NOW, &plugin, &headers, false, host);
    assert_eq!(own, hosts, "{algorithm} {}", signature.escape_ascii());
    let code = own.as_ref().map_or_else(Rejection::code, |_| "pass");
    if signature == good {
        assert_eq!(code, "pass");
    }
    let is_unique = algorithm.starts_with("RS") && signature != good;
    assert!(!is_unique || code == "A403JT", "a second signature of RSASSA-PKCS1-v1_5: {}", signature.escape_ascii());
    assert_eq!(twin.calls.get(), 1, "the host was not asked, or twice");
}

/// One of the ways in which a signature is spoilt, at a place, with a byte.
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

/// The other `s` that verifies: the order of the curve less this one.
fn negate(signature: &mut Vec<u8>) {
    if let Ok(good) = p256::ecdsa::Signature::from_slice(signature) {
        let (r, s) = good.split_scalars();
        *signature = p256::ecdsa::Signature::from_scalars(r, -s).expect("s is not zero").to_bytes().to_vec();
    } else if let Ok(good) = p384::ecdsa::Signature::from_slice(signature) {
        let (r, s) = good.split_scalars();
        *signature = p384::ecdsa::Signature::from_scalars(r, -s).expect("s is not zero").to_bytes().to_vec();
    }
}

/// A public key, a text to be signed and its signature; each is made once.
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
            let (jwk, signature) = sign(algorithm, text.as_bytes());
            (jwk, text, signature)
        })
        .clone()
}

/// Keys that are the same in every run; all of them sign without chance.
fn sign(algorithm: &str, text: &[u8]) -> (Value, Vec<u8>) {
    use p256::ecdsa::signature::Signer as _;
    let ec = |curve: &str, point: &[u8]| {
        let (x, y) = point[1..].split_at(point.len() / 2);
        json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
    };
    match algorithm {
        "ES256" => {
            let key = p256::ecdsa::SigningKey::from_slice(&[0x11; 32]).expect("a scalar");
            let signature: p256::ecdsa::Signature = key.sign(text);
            (ec("P-256", key.verifying_key().to_sec1_point(false).as_bytes()), signature.to_vec())
        }
        "ES384" => {
            let key = p384::ecdsa::SigningKey::from_slice(&[0x22; 48]).expect("a scalar");
            let signature: p384::ecdsa::Signature = key.sign(text);
            (ec("P-384", key.verifying_key().to_sec1_point(false).as_bytes()), signature.to_vec())
        }
        _ => {
            let algorithm = Algorithm::from_name(algorithm).expect("an algorithm of the list");
            let key = SigningKey::sample_private_key().with_algorithm(algorithm);
            (key.public_jwk(None, false), key.sign_raw(text))
        }
    }
}

/// A host that does as Envoy does, with another library.
struct Twin {
    calls: Cell<usize>,
}

impl HostSignatures for Twin {
    fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.calls.set(self.calls.get() + 1);
        let [hash, key, signature, text] = fields(message);
        let (algorithm, bits) = algorithm_of(hash, key);
        match UnparsedPublicKey::new(algorithm, bits).verify(text, signature) {
            Ok(()) => Some(vec![0x08, 0x01]),
            Err(_) => Some([b"\x12\x03".as_slice(), b"bad"].concat()),
        }
    }
}

/// The four fields of the message, each of them once and in this order.
fn fields(message: &[u8]) -> [&[u8]; 4] {
    let mut rest = message;
    let fields = [1, 2, 3, 4].map(|number| {
        assert_eq!(rest[0], number << 3 | 2, "the key of field {number}");
        rest = &rest[1..];
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = rest[0];
            rest = &rest[1..];
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        let (field, behind) = rest.split_at(length);
        rest = behind;
        field
    });
    assert!(rest.is_empty(), "bytes behind the message");
    fields
}

/// How ring is to verify, and the key as ring takes it: what stands in the BIT STRING of the SubjectPublicKeyInfo.
fn algorithm_of<'k>(hash: &[u8], key: &'k [u8]) -> (&'static dyn rings::VerificationAlgorithm, &'k [u8]) {
    // RFC 5280 section 4.1.2.7, RFC 5480 section 2, RFC 3279 section 2.3.1, each up to the BIT STRING's first byte of bits.
    const P256: &[u8] =
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\0";
    const P384: &[u8] = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\0\x22\x03\x62\0";
    const RSA_2048: &[u8] =
        b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0\x03\x82\x01\x0f\0";
    let prefixes: [(&[u8], &[u8], &'static dyn rings::VerificationAlgorithm); 5] = [
        (b"sha256", P256, &rings::ECDSA_P256_SHA256_ASN1),
        (b"sha384", P384, &rings::ECDSA_P384_SHA384_ASN1),
        (b"sha256", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA256),
        (b"sha384", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA384),
        (b"sha512", RSA_2048, &rings::RSA_PKCS1_2048_8192_SHA512),
    ];
    prefixes
        .into_iter()
        .find_map(|(name, prefix, algorithm)| Some((algorithm, key.strip_prefix(prefix).filter(|_| name == hash)?)))
        .unwrap_or_else(|| panic!("{} of {}", hash.escape_ascii(), key.escape_ascii()))
}
