//! Splits and decodes a token, leniently, with a note on everything that the filter rejects.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Notes;
use crate::json::Json;

/// A decoded token.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) header: Json,
    pub(super) claims: Json,
    pub(super) signature_bytes: usize,
}

/// Why there are no claims.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// `token`, `header`, `payload` or `signature`.
    pub(super) part: &'static str,
    /// What is wrong, as the end of a sentence.
    pub(super) problem: String,
    /// The header, if it could be decoded.
    pub(super) header: Option<Box<Json>>,
}

/// Decodes a token. Adds a note for everything that the filter rejects.
///
/// # Errors
/// If there are no claims to show.
pub(super) fn take_apart(raw: &[u8], notes: &mut Notes) -> Result<Parts, Unreadable> {
    let text = std::str::from_utf8(raw)
        .map_err(|error| unreadable("token", format!("is not UTF-8: see byte {}", error.valid_up_to() + 1)))?;
    if raw.len() > jwt_auth::MAX_TOKEN_BYTES {
        let limit = jwt_auth::MAX_TOKEN_BYTES;
        notes.add("too-long", format!("the token has {} bytes; the limit is {limit} (I400JD)", raw.len()));
    }
    let token = bare(text, notes);
    let segments: Vec<&str> = token.split('.').collect();
    match segments.as_slice() {
        [""] => Err(unreadable("token", "is empty")),
        [header, payload, signature] => {
            let header = object("header", header, notes)?;
            let rest = claims(payload, notes).and_then(|claims| Ok((claims, decode("signature", signature, notes)?)));
            match rest {
                Ok((claims, signature)) => Ok(Parts { header, claims, signature_bytes: signature.len() }),
                Err(error) => Err(Unreadable { header: Some(Box::new(header)), ..error }),
            }
        }
        [header, _, _, _, _] => {
            notes.add(
                "encrypted",
                "five segments: an encrypted token (JWE, RFC 7516), which the filter does not support (I400JD)",
            );
            let header = Some(Box::new(object("header", header, notes)?));
            Err(Unreadable {
                header,
                ..unreadable("payload", "is encrypted: the claims can't be read without the key")
            })
        }
        others => {
            Err(unreadable("token", format!("has {}; a JWT has 3: header.payload.signature", count(others.len()))))
        }
    }
}

fn count(segments: usize) -> String {
    if segments == 1 { "1 segment".to_owned() } else { format!("{segments} segments") }
}

fn unreadable(part: &'static str, problem: impl Into<String>) -> Unreadable {
    Unreadable { part, problem: problem.into(), header: None }
}

/// The token without what is often copied with it.
fn bare(text: &str, notes: &mut Notes) -> String {
    const BEARER: &str = "Bearer";
    let mut token = text.trim();
    if token.len() != text.len() {
        notes.add("white-space", "white space around the token: accepted in a header, an error in other places");
    }
    for quote in ['"', '\''] {
        if let Some(inner) = token.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            token = inner;
            notes.add("quotes", format!("{quote} around the token: the filter only removes double quotes in a cookie"));
        }
    }
    if let Some((scheme, rest)) = token.split_at_checked(BEARER.len())
        && scheme.eq_ignore_ascii_case(BEARER)
        && rest.starts_with(char::is_whitespace)
    {
        token = rest.trim_start();
        notes.add("bearer", "starts with Bearer: the filter only removes this in a header");
    }
    if token.contains(char::is_whitespace) {
        notes.add("white-space-inside", "white space inside the token, ignored here; the filter rejects it (I400JD)");
    }
    token.split_whitespace().collect()
}

fn object(part: &'static str, segment: &str, notes: &mut Notes) -> Result<Json, Unreadable> {
    Json::parse(&decode(part, segment, notes)?).map_err(|problem| unreadable(part, problem))
}

fn claims(segment: &str, notes: &mut Notes) -> Result<Json, Unreadable> {
    let payload = decode("payload", segment, notes)?;
    let is_token = std::str::from_utf8(&payload).is_ok_and(|text| {
        let text = text.trim_matches('"');
        text.starts_with("eyJ") && matches!(text.split('.').count(), 3 | 5)
    });
    if is_token {
        notes.add("nested", "a nested token (RFC 7519, section 5.2), which the filter does not support (I400JD)");
        return Err(unreadable("payload", "is another token: decode and inspect that one"));
    }
    Json::parse(&payload).map_err(|problem| unreadable("payload", problem))
}

/// The bytes of a segment: of base64url as in RFC 7515 or, with a note, of other variants of base64.
fn decode(part: &'static str, segment: &str, notes: &mut Notes) -> Result<Vec<u8>, Unreadable> {
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
        notes.add("padded", format!("the {part} has padding with = (I400JD)"));
    }
    if translated != unpadded {
        notes.add("standard-alphabet", format!("the {part} has + or /: it is base64 instead of base64url (I400JD)"));
    }
    if URL_SAFE_NO_PAD.decode(&translated).is_err() {
        notes.add("trailing-bits", format!("the last character of the {part} has unused bits (I400JD)"));
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
        None => format!("is not base64url: its length can't be {}", segment.len()),
    }
}
