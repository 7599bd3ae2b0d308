//! `allowCorsPreflight`: the question of a browser whether a page may send a request
//! ([Fetch §3.3.2](https://fetch.spec.whatwg.org/#http-requests)).

use super::edits::HeaderEdit;
use super::header::is_same_name;
use crate::request::Request;

/// Headers by which backends take a request for one of another method.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Whether the request is a preflight: method OPTIONS, both headers, no body.
pub(super) fn is_preflight(request: Request) -> bool {
    let has = |name| request.values(name).next().is_some_and(|value| !value.trim_ascii().is_empty());
    let is_options = request.values(":method").eq([b"OPTIONS".as_slice()]);
    is_options && !request.has_body() && has("origin") && has("access-control-request-method")
}

/// The edits that remove what would make it a request of another method.
pub(super) fn without_method_override(request: Request) -> impl Iterator<Item = HeaderEdit> {
    let overrides = |name: &str| METHOD_OVERRIDES.iter().any(|other| is_same_name(other, name));
    let sent = request.headers().iter().map(|(name, _)| *name).filter(move |name| overrides(name));
    sent.map(|name| HeaderEdit::Remove(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::Header;

    const PREFLIGHT: [Header; 3] =
        [(":method", b"OPTIONS"), ("origin", b"https://a.example"), ("access-control-request-method", b"POST")];

    #[test]
    fn only_options_with_both_headers_and_without_a_body_is_a_preflight() {
        assert!(is_preflight(Request::new(&PREFLIGHT)));
        assert!(!is_preflight(Request::new(&PREFLIGHT).with_body()));
        for left_out in 0..PREFLIGHT.len() {
            let headers: Vec<Header> = PREFLIGHT
                .into_iter()
                .enumerate()
                .filter(|(index, _)| *index != left_out)
                .map(|(_, header)| header)
                .collect();
            assert!(!is_preflight(Request::new(&headers)), "{headers:?}");
        }
        for method in [&b"options"[..], b"GET", b"OPTIONS ", b""] {
            assert!(!is_preflight(Request::new(&[(":method", method), PREFLIGHT[1], PREFLIGHT[2]])));
        }
        assert!(!is_preflight(Request::new(&[PREFLIGHT[0], ("origin", b" "), PREFLIGHT[2]])));
    }

    #[test]
    fn every_spelling_of_a_method_override_is_removed() {
        let headers: [Header; 5] = [
            ("x-http-method-override", b"DELETE"),
            ("x_http_method", b"DELETE"),
            ("X-Method-Override", b"DELETE"),
            ("x-http-methods", b"a"),
            ("origin", b"b"),
        ];
        let removed: Vec<_> = without_method_override(Request::new(&headers)).collect();
        let expected = ["x-http-method-override", "x_http_method", "X-Method-Override"]
            .map(|name| HeaderEdit::Remove(name.into()));
        assert_eq!(removed, expected);
    }
}
