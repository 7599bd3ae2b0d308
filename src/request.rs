//! The head of a request, and how the token is found in it.

use std::borrow::Cow;

use memchr::memchr;

use crate::header_map::Header;
use crate::rejection::{Invalid, Rejection};

mod credentials;
mod parameters;

pub(crate) use parameters::{MAX_NAME_BYTES, ParameterNames};

/// The head of a request: its headers in the host's order, with pseudo headers such as `:path`, and whether a body
/// follows.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    headers: &'a [Header<'a>],
    has_body: bool,
}

impl<'a> Request<'a> {
    /// The head of a request without a body.
    pub fn new(headers: &'a [Header<'a>]) -> Self {
        Self { headers, has_body: false }
    }

    /// The same head for a request that has a body or trailers.
    pub fn with_body(self) -> Self {
        Self { has_body: true, ..self }
    }

    /// Whether a body or trailers follow the head.
    pub(crate) fn has_body(self) -> bool {
        self.has_body
    }

    /// All headers, with pseudo headers.
    pub(crate) fn headers(self) -> &'a [Header<'a>] {
        self.headers
    }

    /// The values of all headers with this name, in order. Case does not matter in the name.
    pub(crate) fn values(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
    }

    /// Whether Envoy would convert a local response to one of gRPC. This must be the same rule as Envoy's own.
    pub(crate) fn is_grpc(self) -> bool {
        let content_type = self.values("content-type").next();
        self.values(":path").next().is_some()
            && content_type
                .and_then(|value| value.strip_prefix(b"application/grpc"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
    }

    /// Path and query of the request; `None` for CONNECT, which has no `:path`.
    pub(crate) fn target(self) -> Option<Target<'a>> {
        self.values(":path").next().map(Target::new)
    }
}

/// The path and the query of a request, still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a [u8],
    /// The bytes after the first `?`.
    pub(crate) query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    fn new(target: &'a [u8]) -> Self {
        let mut parts = target.splitn(2, |&byte| byte == b'?');
        Self { path: parts.next().unwrap_or_default(), query: parts.next() }
    }
}

/// One `name=value` pair of a `cookie` header, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie<'a> {
    /// The bytes between two `;`, with white space.
    pub(crate) raw: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// The cookies of one header value ([RFC 6265 §4.2](https://www.rfc-editor.org/rfc/rfc6265#section-4.2)).
    pub(crate) fn all(header: &'a [u8]) -> impl Iterator<Item = Self> {
        header.split(|&byte| byte == b';').map(|raw| Self { raw })
    }

    /// The value of the cookie without surrounding quotes, or `None` if the cookie has another name.
    pub(crate) fn value_of(self, name: &str) -> Option<&'a [u8]> {
        let mut parts = self.raw.splitn(2, |&byte| byte == b'=');
        if parts.next()?.trim_ascii() != name.as_bytes() {
            return None;
        }
        let value = parts.next()?.trim_ascii();
        Some(value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value))
    }
}

/// A part of a request in which the token is looked for: `parameterLocation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLocation {
    /// A header. `Bearer` and white space in front of the token are ignored.
    Header,
    /// A query parameter. Its value is percent-decoded.
    Query,
    /// A cookie. Quotes around its value are ignored.
    Cookie,
}

/// `parameter` and `parameterLocation`: the name of the token's parameter and where to look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenSource {
    pub(crate) parameter: String,
    /// The locations to search, in this order.
    pub(crate) locations: Vec<TokenLocation>,
    /// The schemes of which one is required. Empty if none is, and `Bearer` is ignored.
    schemes: &'static [&'static str],
    /// The parameter in every spelling that some parser of queries accepts.
    names: ParameterNames,
}

impl TokenSource {
    pub(crate) fn new(parameter: String, locations: Vec<TokenLocation>) -> Self {
        let names = ParameterNames::new([parameter.as_str()]);
        Self { parameter, locations, schemes: &[], names }
    }

    /// The same source, for an OAuth 2.0 resource server: a header without the scheme `Bearer`, or `DPoP` if it is
    /// accepted, has no token.
    pub(crate) fn requiring_scheme(self, accepts_dpop: bool) -> Self {
        Self { schemes: if accepts_dpop { &["Bearer", "DPoP"] } else { &["Bearer"] }, ..self }
    }

    /// Whether the scheme `DPoP` is accepted.
    pub(crate) fn accepts_dpop(&self) -> bool {
        self.schemes.contains(&"DPoP")
    }

    /// Whether the token has the scheme `DPoP` ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    pub(crate) fn has_dpop_scheme(&self, request: Request) -> bool {
        self.header_parts(request).any(|part| credentials::after_scheme(part, b"DPoP").is_some())
    }

    /// The token of the request, from the first location that has one. A blank value counts as no token.
    ///
    /// # Errors
    /// A403JT when that location has two different values: the filter could verify one while the backend uses the
    /// other.
    pub(crate) fn find<'r>(&'r self, request: Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
        for &location in &self.locations {
            let token = match location {
                TokenLocation::Header if !self.schemes.is_empty() => {
                    credentials::only_token(self.header_parts(request), self.schemes)
                }
                TokenLocation::Header => only_value(self.header_parts(request).map(without_bearer).map(Cow::Borrowed)),
                TokenLocation::Query => only_value(self.in_query(request)),
                TokenLocation::Cookie => only_value(self.in_cookies(request)),
            }?;
            if token.is_some() {
                return Ok(token);
            }
        }
        Ok(None)
    }

    /// Envoy joins some repeated headers with `,`. No token contains a comma, so each part counts as a value of its
    /// own.
    fn header_parts<'r>(&self, request: Request<'r>) -> impl Iterator<Item = &'r [u8]> {
        let values = request.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case(&self.parameter));
        values.flat_map(|&(_, value)| split(b',', value)).map(<[u8]>::trim_ascii)
    }

    /// A value counts if any known parser would read it under this name: the backend may use that parser.
    fn in_query<'r>(&'r self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let query = request.target().and_then(|target| target.query).unwrap_or_default();
        self.names.values_in(query).map(trimmed)
    }

    fn in_cookies<'r>(&self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let cookies = request.values("cookie").flat_map(Cookie::all);
        cookies.filter_map(|cookie| cookie.value_of(&self.parameter)).map(|value| Cow::Borrowed(value.trim_ascii()))
    }
}

/// Whether `name` can be the name of a header or a cookie: a `token` of HTTP
/// ([RFC 9110 §5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2)).
pub(crate) fn is_http_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The one value that all `values` are equal to, unless it is blank. A403JT when they differ.
fn only_value<'r>(mut values: impl Iterator<Item = Cow<'r, [u8]>>) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.any(|other| other != first) {
        return Err(Invalid::SeveralTokens.into());
    }
    Ok((!first.is_empty()).then_some(first))
}

/// The parts of `text` between separators. As `slice::split`, but faster on a long text without a separator.
fn split(separator: u8, text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let parts = memchr(separator, text).and_then(|at| Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)));
        let (part, after) = parts.unzip();
        rest = after;
        Some(part.unwrap_or(text))
    })
}

/// Removes the scheme `Bearer`, in upper or lower case, and the white space after it
/// ([RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)).
fn without_bearer(value: &[u8]) -> &[u8] {
    credentials::after_scheme(value, b"Bearer").unwrap_or(value)
}

fn trimmed(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match value {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.trim_ascii()),
        Cow::Owned(bytes) => Cow::Owned(bytes.trim_ascii().to_vec()),
    }
}

#[cfg(test)]
mod tests;
