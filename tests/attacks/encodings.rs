//! Different encodings of the same value: percent-encoded names, headers with underscores, public keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Decodes strict base64url.
pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The three segments of a token.
pub(crate) fn segments(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// Every spelling that percent-decodes to `name`: each letter unencoded, or encoded with lower or upper case hex
/// digits.
pub(crate) fn percent_spellings(name: &str) -> Vec<String> {
    name.chars().fold(vec![String::new()], |spellings, letter| {
        let mut ways =
            vec![letter.to_string(), format!("%{:02x}", u32::from(letter)), format!("%{:02X}", u32::from(letter))];
        ways.dedup();
        spellings.iter().flat_map(|spelling| ways.iter().map(move |way| format!("{spelling}{way}"))).collect()
    })
}

/// Every header name that a backend reads as `name` if it treats `-` and `_` as equal, in lower, upper and mixed case.
pub(crate) fn header_twins(name: &str) -> Vec<String> {
    let twins = name.chars().fold(vec![String::new()], |twins, letter| {
        let ways = if letter == '-' { vec!['-', '_'] } else { vec![letter] };
        twins.iter().flat_map(|twin| ways.iter().map(move |way| format!("{twin}{way}"))).collect()
    });
    twins.into_iter().flat_map(|twin| [twin.to_ascii_lowercase(), twin.to_ascii_uppercase(), twin]).collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986. Does not use the filter's crate, so that the tests
/// are independent of it.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The public key of a JWK in every encoding that a library could use as a secret by mistake.
pub(crate) fn public_key_encodings(jwk: &Value) -> Vec<Vec<u8>> {
    let member = |name: &str| from_base64url(jwk[name].as_str().unwrap_or_default());
    let text = |name: &str| jwk[name].as_str().unwrap_or_default().as_bytes().to_vec();
    let mut forms = vec![
        jwk.to_string().into_bytes(),
        serde_json::to_string_pretty(jwk).unwrap().into_bytes(),
        format!("{{\"keys\":[{jwk}]}}").into_bytes(),
    ];
    match jwk["kty"].as_str().unwrap() {
        "RSA" => {
            let pkcs1 = der(0x30, &[der_integer(&member("n")), der_integer(&member("e"))].concat());
            let spki = spki(&[&RSA_ENCRYPTION[..], &[5, 0]].concat(), &pkcs1);
            forms.extend(pem("RSA PUBLIC KEY", &pkcs1));
            forms.extend(pem("PUBLIC KEY", &spki));
            forms.extend([pkcs1, spki, member("n"), text("n"), der_integer(&member("n"))]);
        }
        "EC" => {
            let point = [vec![4], member("x"), member("y")].concat();
            let curve: &[u8] = match jwk["crv"].as_str().unwrap() {
                "P-256" => P256,
                "P-384" => P384,
                "P-521" => P521,
                _ => SECP256K1,
            };
            let spki = spki(&[EC_PUBLIC_KEY, curve].concat(), &point);
            forms.extend(pem("PUBLIC KEY", &spki));
            forms.extend([spki, point.clone(), point[1..].to_vec(), member("x"), text("x")]);
            let compressed = 2 + (point[point.len() - 1] & 1);
            forms.push([vec![compressed], member("x")].concat());
        }
        _ => {
            let spki = spki(ED25519, &member("x"));
            forms.extend(pem("PUBLIC KEY", &spki));
            forms.extend([spki, member("x"), text("x")]);
        }
    }
    forms
}

const RSA_ENCRYPTION: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
const P521: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x23];
const SECP256K1: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x0a];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    der(0x30, &[der(0x30, algorithm), der(3, &[&[0], key].concat())].concat())
}

/// PEM with and without its last newline, with CR LF, and with a leading space (CVE-2026-34950).
fn pem(label: &str, der: &[u8]) -> Vec<Vec<u8>> {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let text = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"));
    [
        text.clone(),
        format!("{text}\n"),
        format!("{text}\n").replace('\n', "\r\n"),
        format!(" {text}"),
        format!(" {text}\n"),
        base64,
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// A DER value: tag, length and content.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

/// A DER INTEGER for an unsigned number.
pub(crate) fn der_integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let digits = &number[zeros.min(number.len() - 1)..];
    let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
    der(2, &[sign, digits].concat())
}

/// The sum of two big-endian numbers, in as many bytes as `one` has. `None` if it does not fit.
pub(crate) fn sum(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut digits = one.to_vec();
    let mut carry = 0_u16;
    for (index, digit) in digits.iter_mut().rev().enumerate() {
        let added = other.len().checked_sub(index + 1).map_or(0, |place| other[place]);
        let total = u16::from(*digit) + u16::from(added) + carry;
        *digit = total as u8;
        carry = total >> 8;
    }
    (carry == 0).then_some(digits)
}

/// `one` minus `other`, both big-endian with the same length. `one` must be the larger number.
pub(crate) fn difference(one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut digits = one.to_vec();
    let mut borrow = 0_i16;
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        let rest = i16::from(*digit) - i16::from(other[index]) - borrow;
        *digit = rest as u8;
        borrow = i16::from(rest < 0);
    }
    digits
}
