//! A request with a bound token passes only if each check of RFC 9449 §4.3 holds, as a small model says that shares no
//! code with the filter. No proof, whatever its bytes, makes the filter panic.
//!
//! Input: a digit for the client and one for the form. Then, for 0: a line with the header of a proof (if empty, the
//! usual one) and its claims (the same), which the client signs; `JWK`, `PRIVATE`, `ALG`, `ATH` and `NOW` stand for its
//! values. For 1: changes of four bytes to a valid proof: kind, position, value. For 2: the values of the header DPoP, one
//! on each line.

use kit::issuer::{SigningKey, base64url};
use ring::signature::{self as rings, UnparsedPublicKey};
use serde_json::Value;

use crate::bound;
use crate::htu::UrlOf;
use crate::json::{Json, member};
use crate::world::{Input, NOW};

/// The usual header and claims of a proof.
pub const HEADER: &str = r#"{"typ":"dpop+jwt","alg":"ALG","jwk":JWK}"#;
/// The usual claims of a proof.
pub const CLAIMS: &str = r#"{"jti":"j","htm":"GET","htu":"https://api.example/p","iat":NOW,"ath":"ATH"}"#;

const MAX_PROOF_BYTES: usize = 8192;
const MAX_JTI_BYTES: usize = 1024;
const MAX_AGE: f64 = 60.0;
const MAX_AHEAD: f64 = 5.0;

/// How deep a header and claims may nest.
const MAX_HEADER_DEPTH: usize = 8;
const MAX_DEPTH: usize = 64;

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let client = input.choice(bound::ALGORITHMS.len());
    let proofs = match input.choice(3) {
        0 => {
            let header = Some(input.line()).filter(|line| !line.is_empty()).unwrap_or(HEADER.as_bytes());
            let claims = Some(input.rest()).filter(|rest| !rest.is_empty()).unwrap_or(CLAIMS.as_bytes());
            vec![signed(client, header, claims)]
        }
        1 => {
            let mut proof = signed(client, HEADER.as_bytes(), CLAIMS.as_bytes());
            for change in input.rest().chunks_exact(4).take(4) {
                mutate(&mut proof, change);
            }
            vec![proof]
        }
        _ => input.rest().split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect(),
    };
    let proofs: Vec<&[u8]> = proofs.iter().map(Vec::as_slice).collect();
    let shown = || proofs.join(&b"\n"[..]).escape_ascii().to_string();
    let plugin = bound::plugin(&[bound::ORIGIN]);
    let model = model(client, &proofs);
    match bound::decide(&plugin, client, bound::TARGET.as_bytes(), &proofs) {
        Ok(()) => assert!(model.is_ok(), "{model:?}: {}", shown()),
        Err(message) => {
            let is_of_proof = message.starts_with(bound::INVALID_PROOF);
            let is_of_key = message == "Invalid JWT: claim cnf does not bind the token to the key of the proof";
            assert!(is_of_proof || is_of_key, "{message}: {}", shown());
            assert_ne!(model, Ok(Certainty::Certain), "{message}: {}", shown());
        }
    }
}

/// A proof with this header and these claims, after the words that stand for the client's values are replaced.
fn signed(client: usize, header: &[u8], claims: &[u8]) -> Vec<u8> {
    let key = bound::key(client);
    let values = [
        ("JWK", key.public_jwk(None, false).to_string()),
        ("PRIVATE", key.private_jwk(None, false).to_string()),
        ("ALG", bound::ALGORITHMS[client].to_owned()),
        ("ATH", bound::hash(bound::token(client))),
        ("NOW", NOW.to_string()),
    ];
    let filled = |text: &[u8]| values.iter().fold(text.to_vec(), |text, (word, value)| replaced(&text, word, value));
    key.token_raw(&filled(header), &filled(claims)).into_bytes()
}

fn replaced(text: &[u8], word: &str, value: &str) -> Vec<u8> {
    let mut rest = text;
    let mut all = Vec::with_capacity(text.len());
    while let Some((&first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(word.as_bytes()) {
            all.extend_from_slice(value.as_bytes());
            rest = behind;
        } else {
            all.push(first);
            rest = behind;
        }
    }
    all
}

/// Applies a change to the text of a proof.
fn mutate(proof: &mut Vec<u8>, change: &[u8]) {
    let &[what, high, low, value] = change else { return };
    let at = usize::from(u16::from_be_bytes([high, low])) % proof.len().max(1);
    match what % 7 {
        0 if !proof.is_empty() => proof[at] ^= 1 << (value % 8),
        1 if !proof.is_empty() => proof[at] = value,
        2 => proof.insert(at, value),
        3 if !proof.is_empty() => drop(proof.remove(at)),
        4 => proof.truncate(at),
        5 => proof.extend(std::iter::repeat_n(value, at)),
        _ => proof.extend_from_within(at..),
    }
}

/// How sure it is that a request passes.
#[derive(Debug, PartialEq)]
enum Certainty {
    Certain,
    /// The JWK has members that the filter looks at, and the model does not.
    DependsOnKey,
}

/// Which check of RFC 9449 §4.3 fails, by its number there.
fn model(client: usize, proofs: &[&[u8]]) -> Result<Certainty, u8> {
    // 1: one header
    let &[proof] = proofs else { return Err(1) };
    let proof = proof.trim_ascii();
    // 2: a well-formed JWT
    let parts: Vec<&[u8]> = proof.split(|&byte| byte == b'.').collect();
    let &[header_text, claims_text, signature] = parts.as_slice() else { return Err(2) };
    if proof.len() > MAX_PROOF_BYTES {
        return Err(2);
    }
    let header = decoded(header_text).and_then(|text| Json::object(&text, MAX_HEADER_DEPTH)).ok_or(2)?;
    let claims = decoded(claims_text).and_then(|text| Json::object(&text, MAX_DEPTH)).ok_or(2)?;
    let signature = decoded(signature).ok_or(2)?;
    let text = |members: &[(String, Json)], name: &str| match member(members, name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    };
    // 4, 5
    text(&header, "typ").filter(|media_type| media_type.eq_ignore_ascii_case("dpop+jwt")).ok_or(4)?;
    let algorithm = text(&header, "alg").filter(|name| bound::ALGORITHMS.contains(&name.as_str())).ok_or(5)?;
    if member(&header, "crit").is_some() {
        return Err(5);
    }
    // 7, and the last one: a public key, and that of the token
    let key = bound::key(client);
    let Some(Json::Object(jwk)) = member(&header, "jwk") else { return Err(7) };
    let Value::Object(expected) = key.public_jwk(None, false) else { return Err(7) };
    if !expected.iter().all(|(name, value)| text(jwk, name).as_deref() == value.as_str()) {
        return Err(12);
    }
    if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|name| member(jwk, name).is_some()) {
        return Err(7);
    }
    // 6
    let signing_input = [header_text, b".", claims_text].concat();
    if algorithm != bound::ALGORITHMS[client] || !is_signed(&key, &signing_input, &signature) {
        return Err(6);
    }
    // 3, 8 to 12
    text(&claims, "jti").filter(|id| (1..=MAX_JTI_BYTES).contains(&id.len())).ok_or(3)?;
    text(&claims, "htm").filter(|method| method == "GET").ok_or(8)?;
    let url = UrlOf::read(&[bound::ORIGIN, bound::TARGET].concat());
    text(&claims, "htu").filter(|htu| UrlOf::read(htu) == url).ok_or(9)?;
    let times = ["iat", "exp", "nbf"].map(|name| match member(&claims, name) {
        Some(Json::Number(text)) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Some).ok_or(11),
        Some(_) => Err(11),
        None => Ok(None),
    });
    let [issued_at, expiration, not_before] = times;
    let (issued_at, _, _) = (issued_at?.ok_or(11)?, expiration?, not_before?);
    if !(f64::from(NOW) - MAX_AGE..=f64::from(NOW) + MAX_AHEAD).contains(&issued_at) {
        return Err(11);
    }
    text(&claims, "ath").filter(|hash| *hash == bound::hash(bound::token(client))).ok_or(12)?;
    Ok(if jwk.len() == expected.len() { Certainty::Certain } else { Certainty::DependsOnKey })
}

/// Whether ring accepts the signature.
fn is_signed(key: &SigningKey, text: &[u8], signature: &[u8]) -> bool {
    let jwk = key.public_jwk(None, false);
    let coordinate = |name: &str| jwk[name].as_str().and_then(|text| decoded(text.as_bytes())).unwrap_or_default();
    let verifies = |algorithm: &'static dyn rings::VerificationAlgorithm, key: &[u8]| {
        UnparsedPublicKey::new(algorithm, key).verify(text, signature).is_ok()
    };
    match jwk["crv"].as_str() {
        Some("Ed25519") => verifies(&rings::ED25519, &coordinate("x")),
        _ => verifies(&rings::ECDSA_P256_SHA256_FIXED, &[vec![4], coordinate("x"), coordinate("y")].concat()),
    }
}

/// The bytes of base64url without padding. Only the text that encodes them is accepted.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text {
        let value = ALPHABET.iter().position(|other| other == byte)?;
        bits = (bits << 6 | u32::try_from(value).ok()?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    (base64url(&bytes).as_bytes() == text).then_some(bytes)
}
