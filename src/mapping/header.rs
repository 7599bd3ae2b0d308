//! Claims as headers.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::edits::HeaderEdit;
use crate::request::{Cookie, Request, TokenLocation, TokenSource, is_http_token};

/// Headers of the connection ([RFC 9110 §7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)) and of the
/// framing ([RFC 9112 §6](https://www.rfc-editor.org/rfc/rfc9112#section-6)). A claim in one of them could split the
/// request in two.
const FRAMING: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Checks whether a claim may be forwarded in the header `name`. The error is the text of the configuration
/// error.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if !is_http_token(name) {
        return Err("expected a header name of letters, digits and !#$%&'*+-.^_`|~");
    }
    if FRAMING.iter().any(|framing| is_same_name(framing, name)) {
        return Err("expected a header that is not for the connection or the framing of the message");
    }
    Ok(())
}

/// Whether a backend could read two names as the same header.
///
/// Case does not matter. All characters but letters and digits count as the same, because CGI and its successors
/// replace `-` with `_`, and some of them replace every other character, too. Only `:` differs from the rest: a target
/// such as `_path` must not remove the pseudo header `:path`.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    one.len() == other.len() && folded(one).eq(folded(other))
}

fn folded(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().map(|byte| match byte {
        b':' => byte,
        _ if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'-',
    })
}

/// The headers that only the filter may set. The lookup is a binary search, because a request can have thousands of
/// headers.
#[derive(Debug)]
pub(super) struct OwnedHeaders {
    /// Sorted by [`order`], each with its position among the targets.
    sorted: Vec<(Rc<str>, usize)>,
}

impl OwnedHeaders {
    /// `names` are those of the header targets in their order. No two of them may be the same header.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n Rc<str>>) -> Self {
        let mut sorted: Vec<_> = names.enumerate().map(|(position, name)| (name.clone(), position)).collect();
        sorted.sort_by(|(one, _), (other, _)| order(one, other));
        Self { sorted }
    }

    /// The position of the target that is the same header as `name`.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let found = self.sorted.binary_search_by(|(target, _)| order(target, name)).ok()?;
        self.sorted.get(found).map(|(_, position)| *position)
    }
}

/// An order in which two names are equal if [`is_same_name`] is true.
fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| folded(one).cmp(folded(other)))
}

/// Encodes a text as a header value: UTF-8, unchanged. The error is what is wrong with the text.
///
/// Control characters, tabs included, are errors, because they could end the line. So are spaces at either end, because
/// recipients remove them ([RFC 9110 §5.5](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)), and two different
/// texts would arrive as the same.
pub(super) fn encode(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("has control characters, which a header can't carry");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("begins or ends with a space, which HTTP removes from a header");
    }
    Ok(text.as_bytes().to_vec())
}

/// The header edits: they remove the accepted token if it is hidden, then for each target remove every header that a
/// backend could read as the target, and insert the value. `names` are those of `targets`.
pub(super) fn edits<'v>(
    request: Request,
    names: &OwnedHeaders,
    targets: impl Iterator<Item = (&'v Rc<str>, Option<&'v Rc<[u8]>>)>,
    hidden_token: Option<&TokenSource>,
) -> Vec<HeaderEdit> {
    let mut edits = hidden_token.map_or_else(Vec::new, |token| token_removal(request, token));
    edits.extend(connection_edit(request, names));
    let owned = request.headers().iter().filter_map(|&(sent, _)| Some((names.position(sent)?, sent)));
    let mut owned: Vec<(usize, &str)> = owned.collect();
    owned.sort_by_key(|&(position, _)| position);
    let mut by_target = owned.chunk_by(|(one, _), (other, _)| one == other).peekable();
    for (position, (name, value)) in targets.enumerate() {
        let is_mine = |group: &&[(usize, &str)]| group.first().is_some_and(|&(other, _)| other == position);
        let mut removed = BTreeSet::new();
        let mut is_sent = false;
        for &(_, sent) in by_target.next_if(is_mine).unwrap_or_default() {
            let is_exact = sent.eq_ignore_ascii_case(name);
            is_sent |= is_exact;
            let is_replaced = is_exact && value.is_some();
            if !is_replaced && removed.insert(sent) {
                edits.push(HeaderEdit::Remove(sent.into()));
            }
        }
        if let Some(value) = value {
            let put = if is_sent { HeaderEdit::Set } else { HeaderEdit::Add };
            edits.push(put(name.clone(), value.clone()));
        }
    }
    edits
}

/// Removes the names of owned headers from `connection`. The next hop would remove the headers that it names
/// ([RFC 9110 §7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1)). Envoy removes `connection` itself, except
/// for an upgrade.
fn connection_edit(request: Request, names: &OwnedHeaders) -> Option<HeaderEdit> {
    let options =
        || request.values("connection").flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let is_owned = |option: &&[u8]| str::from_utf8(option).is_ok_and(|name| names.position(name).is_some());
    if !options().any(|option| is_owned(&option)) {
        return None;
    }
    let kept: Vec<&[u8]> = options().filter(|option| !option.is_empty() && !is_owned(option)).collect();
    Some(if kept.is_empty() {
        HeaderEdit::Remove("connection".into())
    } else {
        HeaderEdit::Set("connection".into(), kept.join(b", ".as_slice()).into())
    })
}

fn token_removal(request: Request, token: &TokenSource) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    if token.locations.contains(&TokenLocation::Header) && request.values(&token.parameter).next().is_some() {
        edits.push(HeaderEdit::Remove(token.parameter.as_str().into()));
    }
    if token.accepts_dpop() && request.values("dpop").next().is_some() {
        edits.push(HeaderEdit::Remove("dpop".into()));
    }
    if token.locations.contains(&TokenLocation::Cookie) {
        edits.extend(without_cookie(request, &token.parameter));
    }
    edits
}

/// Removes the cookie `name`. The others keep their bytes and their order. Several `cookie` headers become one, as
/// required from HTTP/2 to HTTP/1 ([RFC 9113 §8.2.3](https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3)).
fn without_cookie(request: Request, name: &str) -> Option<HeaderEdit> {
    let mut found = false;
    let mut kept: Vec<&[u8]> = Vec::new();
    for header in request.values("cookie") {
        for cookie in Cookie::all(header) {
            if cookie.value_of(name).is_some() {
                found = true;
            } else {
                kept.push(cookie.raw);
            }
        }
    }
    if !found {
        return None;
    }
    let rest = join_cookies(&kept);
    Some(if rest.is_empty() {
        HeaderEdit::Remove("cookie".into())
    } else {
        HeaderEdit::Set("cookie".into(), rest.into())
    })
}

/// Joins cookies with `;`. Each keeps its white space in front; the first of a header, which has none, gets a space.
fn join_cookies(cookies: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::new();
    for cookie in cookies {
        if joined.is_empty() {
            joined.extend_from_slice(cookie.trim_ascii_start());
            continue;
        }
        joined.push(b';');
        if !cookie.first().is_some_and(u8::is_ascii_whitespace) {
            joined.push(b' ');
        }
        joined.extend_from_slice(cookie);
    }
    joined
}
