//! Claims as parameters of the query.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{Location, Parameter, Request, TokenSource};

/// Everything is encoded but the unreserved characters [RFC 3986 §2.3], so that no value can become two.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text as it stands in a query.
pub(super) fn encode(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}

/// The request's `:path` with the values of the targets behind the parameters that stay, which keep their bytes and order.
/// `None` when nothing changes, and for CONNECT, which has no path.
pub(super) fn edited_target(
    request: Request,
    targets: &[(&str, Option<&[u8]>)],
    hidden_token: Option<&TokenSource>,
) -> Option<Vec<u8>> {
    let target = request.target()?;
    let hidden = hidden_token.filter(|token| token.locations.contains(&Location::Query));
    let is_removed = |parameter: &Parameter| {
        targets.iter().any(|(name, _)| parameter.can_stand_for(name))
            || hidden.is_some_and(|token| parameter.is_named(&token.parameter))
    };
    let mut removed = false;
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for parameter in target.query.into_iter().flat_map(Parameter::all) {
        if is_removed(&parameter) {
            removed = true;
        } else {
            parts.push(parameter.raw.to_vec());
        }
    }
    let kept = parts.len();
    parts.extend(targets.iter().filter_map(|&(name, value)| Some([&encode(name), b"=".as_slice(), value?].concat())));
    if !removed && parts.len() == kept {
        return None;
    }
    if target.query == Some(b"") {
        // A lone `?` holds one empty parameter, which would leave a `&` in front.
        parts.remove(0);
    }
    let query = parts.join(&b'&');
    let mut edited = target.path.to_vec();
    if !parts.is_empty() {
        edited.push(b'?');
        edited.extend_from_slice(&query);
    }
    Some(edited)
}
