//! Decodes a JWS in compact serialization ([RFC 7515 §3.1](https://www.rfc-editor.org/rfc/rfc7515#section-3.1)). It
//! verifies nothing.

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::{Object, Value};
use crate::rejection::{Invalid, Rejection};
use crate::text::Excerpt;

/// The longest token that is decoded, in bytes. Envoy accepts about 60 KiB of headers and common servers 8 KiB; the
/// largest tokens in use, with hundreds of groups, stay below 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How deep the JSON of the JOSE header may nest. Registered members need three levels. The header is read before the
/// signature is verified, so a forged one must be cheap to read.
pub const MAX_HEADER_DEPTH: u32 = 8;

/// How many bytes of a malformed token the message of I400JD quotes: enough to recognise its kind, too few to replay
/// it.
const EXCERPT_BYTES: usize = 16;

/// How many bytes of a `kid` or an `alg` a message quotes.
const NAME_EXCERPT_BYTES: usize = 64;

/// A decoded token whose signature is not verified yet. Its payload is private: only `signature::verify` gives it to
/// others.
pub(crate) struct Token<'a> {
    header: Rc<JoseHeader>,
    signing_input: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A cache of one JOSE header. Most tokens of one key have the same header, byte for byte.
#[derive(Debug, Default)]
pub(crate) struct LastHeader(RefCell<Option<ReadHeader>>);

#[derive(Debug)]
struct ReadHeader {
    segment: Box<[u8]>,
    header: Rc<JoseHeader>,
}

/// The members of a JOSE header that the filter uses. It ignores `jku`, `jwk`, `x5u`, `x5c` and all others.
#[derive(Debug)]
struct JoseHeader {
    algorithm: Option<String>,
    key_id: KeyId,
    critical: bool,
    /// `typ`. `None` also if it is not a string.
    media_type: Option<String>,
}

/// The `kid` of a token ([RFC 7515 §4.1.4](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.4)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyId {
    /// No `kid`.
    Absent,
    /// The `kid`.
    String(String),
    /// The JSON of a `kid` that is not a string. No key has such a `kid`.
    NotString(String),
}

impl KeyId {
    /// The `kid` for a message; `None` when the token has none.
    pub(crate) fn excerpt(&self) -> Option<Excerpt> {
        match self {
            Self::Absent => None,
            Self::String(kid) | Self::NotString(kid) => Some(Excerpt::new(kid.as_bytes(), NAME_EXCERPT_BYTES)),
        }
    }
}

impl<'a> Token<'a> {
    /// Decodes the token `raw`: three segments of unpadded base64url, the first of them a JSON object.
    ///
    /// # Errors
    /// I400JD for anything else, and for a token of more than [`MAX_TOKEN_BYTES`].
    pub(crate) fn decode(raw: &'a [u8], last_header: &LastHeader) -> Result<Self, Rejection> {
        Self::split(raw, last_header).ok_or_else(|| malformed(raw))
    }

    fn split(raw: &'a [u8], last_header: &LastHeader) -> Option<Self> {
        if raw.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut dots = memchr::memchr_iter(b'.', raw);
        let (first, second) = (dots.next()?, dots.next()?);
        if dots.next().is_some() {
            return None;
        }
        let (signing_input, signature) = (raw.get(..second)?, raw.get(second.checked_add(1)?..)?);
        let (header, payload) = (raw.get(..first)?, signing_input.get(first.checked_add(1)?..)?);
        Some(Self {
            header: last_header.read(header)?,
            signing_input,
            payload: decode_base64url(payload)?,
            signature: decode_base64url(signature)?,
        })
    }

    /// The `kid` of the JOSE header.
    pub(crate) fn key_id(&self) -> &KeyId {
        &self.header.key_id
    }

    /// The `alg` of the JOSE header ([RFC 7515 §4.1.1](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1)).
    ///
    /// # Errors
    /// A403JT when `alg` is missing or not a string, and when there is a `crit`, even an empty one: the filter supports
    /// no extension ([RFC 7515 §4.1.11](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11)).
    pub(crate) fn algorithm(&self) -> Result<&str, Invalid> {
        if self.header.critical {
            return Err(Invalid::CriticalHeader);
        }
        self.header.algorithm.as_deref().ok_or(Invalid::AlgorithmMissing)
    }

    /// Whether `typ` says that this is an access token, in any case, with or without `application/`
    /// ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4),
    /// [RFC 7515 §4.1.9](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9)).
    pub(crate) fn is_access_token(&self) -> bool {
        let names = ["at+jwt", "application/at+jwt"];
        let media_type = self.header.media_type.as_deref();
        media_type.is_some_and(|media_type| names.iter().any(|name| media_type.eq_ignore_ascii_case(name)))
    }

    /// The signing input: the header segment, a dot and the payload segment, as they were sent
    /// ([RFC 7515 §5.2](https://www.rfc-editor.org/rfc/rfc7515#section-5.2)).
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// The decoded signature, of any length.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The decoded payload. Only for `signature::verify`, once the signature is verified.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }
}

impl LastHeader {
    /// The header in `segment`, parsed unless it is the cached one. `None` when it is malformed.
    fn read(&self, segment: &[u8]) -> Option<Rc<JoseHeader>> {
        if let Ok(last) = self.0.try_borrow()
            && let Some(last) = last.as_ref().filter(|last| *last.segment == *segment)
        {
            return Some(last.header.clone());
        }
        let header = Rc::new(JoseHeader::parse(&decode_base64url(segment)?)?);
        if let Ok(mut last) = self.0.try_borrow_mut() {
            *last = Some(ReadHeader { segment: segment.into(), header: header.clone() });
        }
        Some(header)
    }
}

impl JoseHeader {
    fn parse(text: &[u8]) -> Option<Self> {
        let members = Object::parse(text, MAX_HEADER_DEPTH)?;
        Some(Self {
            algorithm: members.get("alg").and_then(Value::as_str).map(str::to_owned),
            key_id: match members.get("kid") {
                None => KeyId::Absent,
                Some(Value::String(kid)) => KeyId::String(kid.to_string()),
                Some(other) => KeyId::NotString(other.to_string()),
            },
            critical: members.get("crit").is_some(),
            media_type: members.get("typ").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// Strict base64url: no padding, `+`, `/` or white space, and unused bits at the end are zero
/// ([RFC 7515 §2](https://www.rfc-editor.org/rfc/rfc7515#section-2)).
pub(crate) fn decode_base64url(segment: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}

/// I400JD, which quotes the beginning of the malformed token.
pub(crate) fn malformed(raw: &[u8]) -> Rejection {
    Rejection::Malformed { token: Excerpt::new(raw, EXCERPT_BYTES) }
}

/// The `alg` of a token for a message.
pub(crate) fn name_excerpt(name: &str) -> Excerpt {
    Excerpt::new(name.as_bytes(), NAME_EXCERPT_BYTES)
}

#[cfg(test)]
mod tests;
