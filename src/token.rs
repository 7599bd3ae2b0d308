//! A JWS in compact serialization, taken apart but not yet believed [RFC 7515 §3.1].

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::json::{Object, Value};
use crate::rejection::{Invalid, Rejection};
use crate::text::Excerpt;

/// The longest token that is looked at, in bytes. Envoy and common servers take some 60 and 8 KiB of headers; the largest
/// tokens in use (hundreds of groups) stay below 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How deep the header's JSON may nest. Registered members need three levels; nobody has signed the text yet when it is
/// read, so it must not cost much.
pub const MAX_HEADER_DEPTH: u32 = 8;

/// How much of an unreadable token goes into the message of I400JD: enough to recognise its kind, too little to replay it.
const EXCERPT_BYTES: usize = 16;

/// How much of a `kid` or an `alg` goes into a message.
const NAME_EXCERPT_BYTES: usize = 64;

/// A token of three well-formed segments. Nothing in it is proved, and its claims can't be reached: only a good signature
/// opens them.
pub(crate) struct Token<'a> {
    header: Rc<JoseHeader>,
    signing_input: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The header that was read last. The tokens of one key mostly have the same one, to the letter.
#[derive(Debug, Default)]
pub(crate) struct LastHeader(RefCell<Option<ReadHeader>>);

#[derive(Debug)]
struct ReadHeader {
    segment: Box<[u8]>,
    header: Rc<JoseHeader>,
}

/// What the filter reads of a JOSE header. `jku`, `jwk`, `x5u`, `x5c` and the rest are not even kept.
#[derive(Debug)]
struct JoseHeader {
    algorithm: Option<String>,
    key_id: KeyId,
    critical: bool,
}

/// The `kid` of a token [RFC 7515 §4.1.4].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyId {
    /// No `kid`.
    Absent,
    /// A `kid`.
    Text(String),
    /// A `kid` that is not a string and so is no key's: its JSON text.
    NotText(String),
}

impl KeyId {
    /// The `kid` for a message.
    pub(crate) fn excerpt(&self) -> Option<Excerpt> {
        match self {
            Self::Absent => None,
            Self::Text(kid) | Self::NotText(kid) => Some(Excerpt::new(kid.as_bytes(), NAME_EXCERPT_BYTES)),
        }
    }
}

impl<'a> Token<'a> {
    /// Takes `raw` apart: at most [`MAX_TOKEN_BYTES`], exactly three segments, strict unpadded base64url, a header that is
    /// a JSON object. Anything else is I400JD.
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

    /// The `kid` that the token names.
    pub(crate) fn key_id(&self) -> &KeyId {
        &self.header.key_id
    }

    /// The algorithm that the token names, once it is sure that the header asks for nothing the filter does not do.
    ///
    /// A missing or non-string `alg` and every `crit`, even an empty one, are A403JT [RFC 7515 §4.1.1, §4.1.11].
    pub(crate) fn algorithm(&self) -> Result<&str, Invalid> {
        if self.header.critical {
            return Err(Invalid::CriticalHeader);
        }
        self.header.algorithm.as_deref().ok_or(Invalid::AlgorithmMissing)
    }

    /// The bytes that are signed: header and payload segment as they came [RFC 7515 §5.2].
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    /// The decoded signature, of any length.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Gives up the payload and the bytes that are signed; for `signature::verify`, which does so only once the signature
    /// is proved.
    pub(crate) fn into_payload(self) -> (Vec<u8>, &'a [u8]) {
        (self.payload, self.signing_input)
    }
}

impl LastHeader {
    /// The header of this segment.
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
                Some(Value::String(kid)) => KeyId::Text(kid.to_string()),
                Some(other) => KeyId::NotText(other.to_string()),
            },
            critical: members.get("crit").is_some(),
        })
    }
}

/// Strict: no padding, no `+/`, no white space, no stray bits at the end [RFC 7515 §2].
fn decode_base64url(segment: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(segment).ok()
}

/// The refusal of a token that can't be read, I400JD, with the beginning of the token.
pub(crate) fn malformed(raw: &[u8]) -> Rejection {
    Rejection::Malformed { token: Excerpt::new(raw, EXCERPT_BYTES) }
}

/// The algorithm name of a token for a message.
pub(crate) fn name_excerpt(name: &str) -> Excerpt {
    Excerpt::new(name.as_bytes(), NAME_EXCERPT_BYTES)
}

#[cfg(test)]
mod tests;
