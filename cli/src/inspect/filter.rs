//! The filter's own answers to a token, as far as it has one without the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::{Host, MAX_TOKEN_BYTES, NumericDate, Plugin, Rejection};

use crate::state::{self, Memory};

/// A key of our own, which is none of a secret: claims are signed with it only to be asked about.
const SECRET: &[u8; 32] = b"not a secret: it signs questions";

/// What the filter says.
#[derive(Debug)]
pub(super) struct Answers {
    /// To the token as it came, in a header: the refusal of one that it can't read.
    pub(super) unreadable: Option<Rejection>,
    /// To the claims, were the signature good and the configuration bare of rules; `None` where it would not get to them.
    pub(super) claims: Option<Result<(), Rejection>>,
}

/// Asks the filter about the token and, with a signature of our own, about its claims.
pub(super) fn ask(raw: &[u8], now: NumericDate) -> Answers {
    let unreadable = match decide(raw, now) {
        Err(rejection) if refuses_to_read(&rejection) => Some(rejection),
        Ok(()) | Err(_) => None,
    };
    // In a token that can be read nothing but a payload stands between dots.
    let payload =
        std::str::from_utf8(raw).ok().filter(|_| unreadable.is_none()).and_then(|text| text.split('.').nth(1));
    let question = payload.map(signed).filter(|question| question.len() <= MAX_TOKEN_BYTES);
    let claims = question.map(|question| decide(question.as_bytes(), now));
    Answers { unreadable, claims }
}

fn decide(token: &[u8], now: NumericDate) -> Result<(), Rejection> {
    let configuration = format!(
        "{{parameter: t, parameterLocation: header, jwk: {{kty: oct, alg: HS256, k: {}}}}}",
        URL_SAFE_NO_PAD.encode(SECRET)
    );
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    let memory = Memory::default();
    let host = Host { shared_data: &memory, signatures: None };
    state::decide(&plugin, &[("t".to_owned(), token.to_vec())], false, now, host).map(|_| ())
}

/// Whether the filter stopped before it had a token in its hands.
fn refuses_to_read(rejection: &Rejection) -> bool {
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
