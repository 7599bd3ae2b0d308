//! Claims as headers.

use std::rc::Rc;

use crate::config::is_http_token;
use crate::edits::HeaderEdit;
use crate::request::{Cookie, Location, Request, TokenSource};

/// Headers that say how the message travels: they belong to the connection and the framing, and a claim in one of them
/// could split a request in two [RFC 9110 §7.6.1, RFC 9112 §6].
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

/// Whether a claim may go into the header of this name; else what is expected.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if !is_http_token(name) {
        return Err("expected a header name of letters, digits and !#$%&'*+-.^_`|~");
    }
    if FRAMING.iter().any(|framing| is_same_name(framing, name)) {
        return Err("expected a header that is not for the connection or the framing of the message");
    }
    Ok(())
}

/// Whether two names are one header to a backend: in any case, and with `_` for `-`, since CGI and its heirs know only one
/// of the two; some of them know only one of all that is no letter or digit. A `:` stays one: `:path` and its like are no
/// headers of the client's, however a target is called.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    let canonical = |byte: u8| match byte {
        b':' => byte,
        _ if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'-',
    };
    one.len() == other.len() && one.bytes().map(canonical).eq(other.bytes().map(canonical))
}

/// The text as a header value: UTF-8 as it is. A control character, which could end the line, can't be sent; nor can a space
/// at either end, which is no part of a header's value, so that two texts would arrive as one [RFC 9110 §5.5]. (A tab is a
/// control character.)
pub(super) fn encode(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.chars().any(char::is_control) {
        return Err("has control characters, which a header can't carry");
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err("begins or ends with a space, which HTTP removes from a header");
    }
    Ok(text.as_bytes().to_vec())
}

/// Removes the accepted token if it is to be hidden; then, for each target, every header that stands for it but is not called
/// so, and puts the value in.
pub(super) fn edits<'v>(
    request: Request,
    targets: impl Iterator<Item = (&'v Rc<str>, Option<&'v Rc<[u8]>>)>,
    hidden_token: Option<&TokenSource>,
) -> Vec<HeaderEdit> {
    let mut edits = hidden_token.map_or_else(Vec::new, |token| token_removal(request, token));
    for (name, value) in targets {
        let mut removed: Vec<&str> = Vec::new();
        for &(sent, _) in request.headers() {
            let is_replaced = || value.is_some() && sent.eq_ignore_ascii_case(name);
            if is_same_name(sent, name) && !is_replaced() && !removed.contains(&sent) {
                removed.push(sent);
                edits.push(HeaderEdit::Remove(sent.into()));
            }
        }
        if let Some(value) = value {
            let is_there = request.values(name).next().is_some();
            let put = if is_there { HeaderEdit::Set } else { HeaderEdit::Add };
            edits.push(put(name.clone(), value.clone()));
        }
    }
    edits
}

fn token_removal(request: Request, token: &TokenSource) -> Vec<HeaderEdit> {
    let mut edits = Vec::new();
    if token.locations.contains(&Location::Header) && request.values(&token.parameter).next().is_some() {
        edits.push(HeaderEdit::Remove(token.parameter.as_str().into()));
    }
    if token.locations.contains(&Location::Cookie) {
        edits.extend(without_cookie(request, &token.parameter));
    }
    edits
}

/// Takes the cookie of this name out; the others keep their bytes and order. Several `cookie` headers become one, as HTTP/2
/// asks for on the way to HTTP/1 [RFC 9113 §8.2.3].
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

/// Joins cookies with `;` and the space that each brought along, or one where a header began.
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
