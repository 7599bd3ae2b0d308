//! A request as the filter sees it, and the token in it.

use std::borrow::Cow;

use memchr::memchr;

use crate::header_map::Header;
use crate::rejection::{Invalid, Rejection};

mod parameters;

pub(crate) use parameters::{MAX_NAME_BYTES, ParameterNames};

/// A request's head: the headers as the host has them, pseudo headers included, names in lower case.
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

    /// The head of a request that has more to come.
    pub fn with_body(self) -> Self {
        Self { has_body: true, ..self }
    }

    /// Whether more is to come.
    pub(crate) fn has_body(self) -> bool {
        self.has_body
    }

    /// All headers.
    pub(crate) fn headers(self) -> &'a [Header<'a>] {
        self.headers
    }

    /// The values of the header of this name, in order.
    pub(crate) fn values(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
    }

    /// The target of the request; CONNECT has none.
    pub(crate) fn target(self) -> Option<Target<'a>> {
        self.values(":path").next().map(Target::new)
    }
}

/// The path of a request and its query, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a [u8],
    /// What stands behind the first `?`.
    pub(crate) query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    fn new(target: &'a [u8]) -> Self {
        let mut parts = target.splitn(2, |&byte| byte == b'?');
        Self { path: parts.next().unwrap_or_default(), query: parts.next() }
    }
}

/// One `name=value` of a `cookie` header, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cookie<'a> {
    /// The bytes between two `;`, white space included.
    pub(crate) raw: &'a [u8],
}

impl<'a> Cookie<'a> {
    /// The cookies of one header value [RFC 6265 §4.2].
    pub(crate) fn all(header: &'a [u8]) -> impl Iterator<Item = Self> {
        header.split(|&byte| byte == b';').map(|raw| Self { raw })
    }

    /// The value of the cookie if it is of exactly this name; quotes around it are removed.
    pub(crate) fn value_of(self, name: &str) -> Option<&'a [u8]> {
        let mut parts = self.raw.splitn(2, |&byte| byte == b'=');
        if parts.next()?.trim_ascii() != name.as_bytes() {
            return None;
        }
        let value = parts.next()?.trim_ascii();
        Some(value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value))
    }
}

/// Where a token may stand in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenLocation {
    /// A header, which may have `Bearer` in front of the token.
    Header,
    /// A query parameter, percent-encoded.
    Query,
    /// A cookie.
    Cookie,
}

/// `parameter` and `parameterLocation`: where the configuration says the token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenSource {
    pub(crate) parameter: String,
    /// The places to look into, in this order.
    pub(crate) locations: Vec<TokenLocation>,
    /// The parameter as it is found in a query.
    names: ParameterNames,
}

impl TokenSource {
    pub(crate) fn new(parameter: String, locations: Vec<TokenLocation>) -> Self {
        let names = ParameterNames::new([parameter.as_str()]);
        Self { parameter, locations, names }
    }

    /// The token of the request: from the first place that holds one that is not blank. `None` when there is none.
    ///
    /// Two different values in that place are A403JT: a filter that verifies one while the backend uses the other guards
    /// nothing.
    pub(crate) fn find<'r>(&'r self, request: Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
        for &location in &self.locations {
            let token = match location {
                TokenLocation::Header => only_value(self.in_headers(request)),
                TokenLocation::Query => only_value(self.in_query(request)),
                TokenLocation::Cookie => only_value(self.in_cookies(request)),
            }?;
            if token.is_some() {
                return Ok(token);
            }
        }
        Ok(None)
    }

    /// Envoy joins some repeated headers with `,`, which no token contains, so the parts of a joined value count as values.
    fn in_headers<'r>(&self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let values = request.headers().iter().filter(|(name, _)| name.eq_ignore_ascii_case(&self.parameter));
        values.flat_map(|&(_, value)| split(b',', value)).map(|part| Cow::Borrowed(without_bearer(part.trim_ascii())))
    }

    /// What any parser reads under the name counts: the backend may be written for that one.
    fn in_query<'r>(&'r self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let query = request.target().and_then(|target| target.query).unwrap_or_default();
        self.names.values_in(query).map(trimmed)
    }

    fn in_cookies<'r>(&self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let cookies = request.values("cookie").flat_map(Cookie::all);
        cookies.filter_map(|cookie| cookie.value_of(&self.parameter)).map(|value| Cow::Borrowed(value.trim_ascii()))
    }
}

/// Whether a text can name a header or a cookie [RFC 9110 §5.6.2].
pub(crate) fn is_http_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The one value among `values`, if it is not blank.
fn only_value<'r>(mut values: impl Iterator<Item = Cow<'r, [u8]>>) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
    let Some(first) = values.next() else {
        return Ok(None);
    };
    if values.any(|other| other != first) {
        return Err(Invalid::SeveralTokens.into());
    }
    Ok((!first.is_empty()).then_some(first))
}

/// The parts of a text between separators; as `slice::split`, but a long text without one is looked through at once.
fn split(separator: u8, text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let parts = memchr(separator, text).and_then(|at| Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)));
        let (part, behind) = parts.unzip();
        rest = behind;
        Some(part.unwrap_or(text))
    })
}

/// Removes the scheme `Bearer`, in any case, and the white space behind it [RFC 6750 §2.1].
fn without_bearer(value: &[u8]) -> &[u8] {
    const SCHEME: usize = "Bearer".len();
    match value.split_at_checked(SCHEME) {
        Some((scheme, rest))
            if scheme.eq_ignore_ascii_case(b"Bearer") && rest.first().is_none_or(u8::is_ascii_whitespace) =>
        {
            rest.trim_ascii_start()
        }
        _ => value,
    }
}

fn trimmed(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match value {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.trim_ascii()),
        Cow::Owned(bytes) => Cow::Owned(bytes.trim_ascii().to_vec()),
    }
}

#[cfg(test)]
mod tests;
