//! A token taken apart as far as a reader of good will can, with a note of each thing that the filter would not forgive.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Oddity;
use crate::json::Json;

/// A token of three parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) header: Json,
    pub(super) claims: Json,
    pub(super) signature_bytes: usize,
}

/// Why there are no claims to be shown.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// `token`, `header`, `payload` or `signature`.
    pub(super) part: &'static str,
    /// What is wrong with it.
    pub(super) problem: String,
    /// The header, where it can be read.
    pub(super) header: Option<Box<Json>>,
}

/// Takes a token apart; notes in `oddities` what had to be forgiven.
pub(super) fn take_apart(raw: &[u8], oddities: &mut Vec<Oddity>) -> Result<Parts, Unreadable> {
    let text = std::str::from_utf8(raw)
        .map_err(|error| unreadable("token", format!("is not text: byte {} is not UTF-8", error.valid_up_to() + 1)))?;
    if raw.len() > jwt_auth::MAX_TOKEN_BYTES {
        let limit = jwt_auth::MAX_TOKEN_BYTES;
        note(oddities, "too-long", format!("the token has {} bytes; the limit is {limit} (I400JD)", raw.len()));
    }
    let token = bare(text, oddities);
    let segments: Vec<&str> = token.split('.').collect();
    match segments.as_slice() {
        [""] => Err(unreadable("token", "is empty")),
        [header, payload, signature] => {
            let header = object("header", header, oddities)?;
            let payload_bytes = match decode("payload", payload, oddities) {
                Ok(bytes) => bytes,
                Err(error) => return Err(Unreadable { header: Some(Box::new(header)), ..error }),
            };
            let claims = match claims(&payload_bytes, oddities) {
                Ok(claims) => claims,
                Err(problem) => return Err(Unreadable { part: "payload", problem, header: Some(Box::new(header)) }),
            };
            let signature = match decode("signature", signature, oddities) {
                Ok(bytes) => bytes,
                Err(error) => return Err(Unreadable { header: Some(Box::new(header)), ..error }),
            };
            Ok(Parts { header, claims, signature_bytes: signature.len() })
        }
        [header, _, _, _, _] => {
            note(
                oddities,
                "encrypted",
                "five parts: an encrypted token (JWE, RFC 7516), which the filter does not read (I400JD)",
            );
            let header = object("header", header, oddities)?;
            let problem = "is encrypted: only who has the key can read the claims".to_owned();
            Err(Unreadable { part: "payload", problem, header: Some(Box::new(header)) })
        }
        others => Err(unreadable(
            "token",
            format!("has {} with dots between, and a JWT has 3: header.payload.signature", count(others.len())),
        )),
    }
}

fn count(parts: usize) -> String {
    if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") }
}

fn unreadable(part: &'static str, problem: impl Into<String>) -> Unreadable {
    Unreadable { part, problem: problem.into(), header: None }
}

fn note(oddities: &mut Vec<Oddity>, id: &'static str, what: impl Into<String>) {
    oddities.push(Oddity { id, what: what.into() });
}

/// The token without what people copy along with it.
fn bare(text: &str, oddities: &mut Vec<Oddity>) -> String {
    const BEARER: &str = "Bearer";
    let mut token = text.trim();
    if token.len() != text.len() {
        note(oddities, "white-space", "white space around it: fine in a header, a fault in other places");
    }
    for quote in ['"', '\''] {
        if let Some(inner) = token.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            token = inner;
            note(
                oddities,
                "quotes",
                format!("{quote} around it: the filter drops double quotes of a cookie, and no others"),
            );
        }
    }
    if let Some((scheme, rest)) = token.split_at_checked(BEARER.len())
        && scheme.eq_ignore_ascii_case(BEARER)
        && rest.starts_with(char::is_whitespace)
    {
        token = rest.trim_start();
        note(oddities, "bearer", "Bearer in front: the filter drops it in a header, and in no other place");
    }
    if token.contains(char::is_whitespace) {
        note(oddities, "white-space-inside", "white space inside, left out here; the filter refuses it (I400JD)");
    }
    token.split_whitespace().collect()
}

fn object(part: &'static str, segment: &str, oddities: &mut Vec<Oddity>) -> Result<Json, Unreadable> {
    Json::parse(&decode(part, segment, oddities)?).map_err(|problem| unreadable(part, problem))
}

fn claims(payload: &[u8], oddities: &mut Vec<Oddity>) -> Result<Json, String> {
    let is_token = std::str::from_utf8(payload).is_ok_and(|text| {
        let text = text.trim_matches('"');
        text.starts_with("eyJ") && matches!(text.split('.').count(), 3 | 5)
    });
    if is_token {
        note(
            oddities,
            "nested",
            "another token inside (RFC 7519, section 5.2), which the filter does not read (I400JD)",
        );
        return Err("is another token, and no claims: decode it and inspect that one".to_owned());
    }
    Json::parse(payload)
}

/// The bytes of a segment, strictly as of RFC 7515 or, noted as odd, in other dialects of base64.
fn decode(part: &'static str, segment: &str, oddities: &mut Vec<Oddity>) -> Result<Vec<u8>, Unreadable> {
    const ANY_END: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_END);

    if let Ok(bytes) = URL_SAFE_NO_PAD.decode(segment) {
        return Ok(bytes);
    }
    let unpadded = segment.trim_end_matches('=');
    let translated = unpadded.replace('+', "-").replace('/', "_");
    let bytes = LENIENT.decode(&translated).map_err(|_| unreadable(part, not_base64url(unpadded)))?;
    if unpadded.len() != segment.len() {
        note(oddities, "padded", format!("the {part} is padded with =, which a JWT has not (I400JD)"));
    }
    if translated != unpadded {
        note(oddities, "standard-alphabet", format!("the {part} has + or /: base64 for base64url (I400JD)"));
    }
    if URL_SAFE_NO_PAD.decode(&translated).is_err() {
        note(oddities, "trailing-bits", format!("the {part}'s last character has bits that say nothing (I400JD)"));
    }
    Ok(bytes)
}

fn not_base64url(segment: &str) -> String {
    let alien = segment
        .char_indices()
        .find(|(_, character)| !(character.is_ascii_alphanumeric() || "-_+/".contains(*character)));
    match alien {
        Some((index, character)) => {
            format!("is not base64url: {} at character {}", character.escape_unicode(), index + 1)
        }
        None => format!("is not base64url: of a length of {}, so characters are missing or too many", segment.len()),
    }
}
