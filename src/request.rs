//! A request as the filter sees it, and the token in it.

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode;

use crate::header_map::Header;
use crate::rejection::{Invalid, Rejection};

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

/// One `name=value` of a query or a form, as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    /// The bytes between two `&`.
    pub(crate) raw: &'a [u8],
}

impl<'a> Parameter<'a> {
    /// The parameters of a query or a form, empty ones included.
    pub(crate) fn all(encoded: &'a [u8]) -> impl Iterator<Item = Self> {
        encoded.split(|&byte| byte == b'&').map(|raw| Self { raw })
    }

    fn split(self) -> (&'a [u8], &'a [u8]) {
        let mut parts = self.raw.splitn(2, |&byte| byte == b'=');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }

    /// Whether a server could read the name as `name`: percent-decoded, with `+` as a space or as itself.
    pub(crate) fn is_named(self, name: &str) -> bool {
        self.names().iter().any(|decoded| decoded.as_ref() == name.as_bytes())
    }

    /// Whether a server could take this parameter for `name`: by [`Self::is_named`]; as a member of an array or object of
    /// that name, `name[]`, `name[0]`, `name[key]`, as PHP, Rails and `qs` do; or by what PHP makes of a name, which drops
    /// spaces in front, ends at a zero byte and has `_` for ` `, `.` and `[`.
    pub(crate) fn can_stand_for(self, name: &str) -> bool {
        self.names().iter().any(|decoded| {
            let spaces = decoded.iter().take_while(|&&byte| byte == b' ').count();
            let trimmed = decoded.get(spaces..).unwrap_or_default();
            let ended = trimmed.split(|&byte| byte == 0).next().unwrap_or_default();
            is_name_or_member(decoded, name.as_bytes()) || is_name_or_member(ended, name.as_bytes())
        })
    }

    fn names(self) -> [Cow<'a, [u8]>; 2] {
        let (name, _) = self.split();
        [decode(name), Cow::from(percent_decode(name))]
    }

    /// The value, decoded.
    pub(crate) fn value(self) -> Cow<'a, [u8]> {
        decode(self.split().1)
    }
}

fn is_name_or_member(read: &[u8], name: &[u8]) -> bool {
    let is_folded = |byte: u8| b"_ .[".contains(&byte);
    let is_same = |(one, other): (&u8, &u8)| one == other || (is_folded(*one) && is_folded(*other));
    read.split_at_checked(name.len())
        .is_some_and(|(head, rest)| head.iter().zip(name).all(is_same) && (rest.is_empty() || rest.starts_with(b"[")))
}

/// Decodes `application/x-www-form-urlencoded` text: `+` is a space, `%XX` a byte, a stray `%` itself.
fn decode(encoded: &[u8]) -> Cow<'_, [u8]> {
    if !encoded.contains(&b'+') {
        return Cow::from(percent_decode(encoded));
    }
    let spaced: Vec<u8> = encoded.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    Cow::Owned(percent_decode(&spaced).collect())
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
pub enum Location {
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
    pub(crate) locations: Vec<Location>,
}

impl TokenSource {
    /// The token of the request: from the first place that holds one that is not blank. `None` when there is none.
    ///
    /// Two different values in that place are A403JT: a filter that verifies one while the backend uses the other guards
    /// nothing.
    pub(crate) fn find<'r>(&self, request: Request<'r>) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
        for &location in &self.locations {
            let token = match location {
                Location::Header => only_value(self.in_headers(request)),
                Location::Query => only_value(self.in_query(request)),
                Location::Cookie => only_value(self.in_cookies(request)),
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

    fn in_query<'r>(&self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let query = request.target().and_then(|target| target.query);
        let parameters = query.into_iter().flat_map(Parameter::all);
        let named = parameters.filter(|parameter| parameter.is_named(&self.parameter));
        named.map(|parameter| trimmed(parameter.value()))
    }

    fn in_cookies<'r>(&self, request: Request<'r>) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let cookies = request.values("cookie").flat_map(Cookie::all);
        cookies.filter_map(|cookie| cookie.value_of(&self.parameter)).map(|value| Cow::Borrowed(value.trim_ascii()))
    }
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
