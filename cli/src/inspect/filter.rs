//! What the filter itself says about a token, without its key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::{MAX_TOKEN_BYTES, NumericDate, Rejection};

use crate::jwk::Jwk;
use crate::offline;

/// A key to sign the claims with, so that the filter can check them. It protects nothing.
const SECRET: &[u8; 32] = b"not a secret: it signs questions";

/// The answers of the filter.
#[derive(Debug)]
pub(super) struct Answers {
    /// The rejection, if the filter can't read the token in a header.
    pub(super) unreadable: Option<Rejection>,
    /// The decision on the claims, if the signature is valid and the configuration has no rules; `None` if the filter
    /// would not read them.
    pub(super) claims: Option<Result<(), Rejection>>,
}

/// Asks the filter about the token and, with another signature, about its claims.
pub(super) fn ask(raw: &[u8], now: NumericDate) -> Answers {
    let unreadable = match decide(raw, now) {
        Err(rejection) if is_unreadable(&rejection) => Some(rejection),
        Ok(()) | Err(_) => None,
    };
    // A token that can be read has its payload between two dots.
    let payload =
        std::str::from_utf8(raw).ok().filter(|_| unreadable.is_none()).and_then(|text| text.split('.').nth(1));
    let question = payload.map(signed).filter(|question| question.len() <= MAX_TOKEN_BYTES);
    let claims = question.map(|question| decide(question.as_bytes(), now));
    Answers { unreadable, claims }
}

fn decide(token: &[u8], now: NumericDate) -> Result<(), Rejection> {
    let jwk = Jwk {
        kty: "oct".to_owned(),
        alg: Some("HS256".to_owned()),
        k: Some(URL_SAFE_NO_PAD.encode(SECRET).into()),
        ..Jwk::default()
    };
    offline::decide_on_token(&offline::plugin(&jwk), token, now).map(drop)
}

/// Whether the filter could not read a token.
fn is_unreadable(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::Malformed { .. } | Rejection::TokenMissing | Rejection::Invalid(jwt_auth::Invalid::SeveralTokens)
    )
}

fn signed(payload_segment: &str) -> String {
    let text = format!("{}.{payload_segment}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#));
    let signature = hmac_sha256::HMAC::mac(text.as_bytes(), SECRET);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
