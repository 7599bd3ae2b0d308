//! Claims as parameters of a form, which is a body of type `application/x-www-form-urlencoded`.

use std::rc::Rc;

use super::query;
use crate::request::{ParameterNames, Request};

/// How to edit the body of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormEdit {
    /// The parameters that only the filter may set.
    owned: Rc<ParameterNames>,
    /// The same parameters with their encoded values; `None` if the claim is missing.
    targets: Vec<(String, Option<Vec<u8>>)>,
}

/// Whether a request's body is a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// No body, or one in which no backend looks for parameters.
    NoForm,
    /// A form that can be edited.
    Form,
    /// Possibly a form, but one that can't be read: it is multipart, compressed, in another charset, or has several
    /// types or none.
    Opaque,
}

impl FormEdit {
    pub(super) fn new(owned: &Rc<ParameterNames>, targets: &[(&str, Option<&[u8]>)]) -> Self {
        let copied = |&(name, value): &(&str, Option<&[u8]>)| (name.to_owned(), value.map(<[u8]>::to_vec));
        Self { owned: Rc::clone(owned), targets: targets.iter().map(copied).collect() }
    }

    /// Edits the complete body: removes the parameters that a backend could read as a target, and appends the values.
    /// All other bytes stay the same.
    pub fn rewrite(&self, body: &[u8]) -> Vec<u8> {
        let targets: Vec<_> = self.targets.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        query::edited(Some(body), &self.owned, &targets).unwrap_or_default()
    }
}

impl Body {
    /// Reads `content-type` and `content-encoding`
    /// ([RFC 9110 §8.3](https://www.rfc-editor.org/rfc/rfc9110#section-8.3),
    /// [§8.4](https://www.rfc-editor.org/rfc/rfc9110#section-8.4)).
    pub(super) fn of(request: Request) -> Self {
        if !request.has_body() {
            return Self::NoForm;
        }
        let mut types = request.values("content-type");
        match (types.next(), types.next()) {
            (Some(only), None) if is_form(only) && is_plain(request) => Self::Form,
            // Rack and Bottle parse a body without a type as a form.
            (None, _) => Self::Opaque,
            _ if request.values("content-type").any(is_like_form) => Self::Opaque,
            _ => Self::NoForm,
        }
    }
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Whether this is the type of a form, alone and with no charset but those that extend ASCII. With another charset, a
/// backend would decode other names than the filter.
fn is_form(value: &[u8]) -> bool {
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let is_known = |charset: &[u8]| {
        [b"utf-8".as_slice(), b"us-ascii", b"iso-8859-1"].iter().any(|known| charset.eq_ignore_ascii_case(known))
    };
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(FORM))
        && !has_word(value, b"multipart")
        && !value.contains(&b',')
        && parts.all(|parameter| match parameter.split_at_checked(b"charset".len()) {
            Some((name, value)) if name.eq_ignore_ascii_case(b"charset") => {
                let value = value.trim_ascii_start().strip_prefix(b"=").unwrap_or_default().trim_ascii_start();
                is_known(value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value))
            }
            _ => true,
        })
}

/// Whether a lenient backend could parse this type as a form.
///
/// Backends differ in where a type begins and ends, and some search it for a word. So this searches for the words, and
/// ignores punctuation, because `x-url-encoded` is an old name of forms.
fn is_like_form(value: &[u8]) -> bool {
    !value.iter().any(u8::is_ascii_alphanumeric) || has_word(value, b"urlencoded") || has_word(value, b"multipart")
}

fn has_word(value: &[u8], word: &[u8]) -> bool {
    let letters: Vec<u8> =
        value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    letters.windows(word.len()).any(|part| part == word)
}

/// Whether the body has no `content-encoding` but `identity`.
fn is_plain(request: Request) -> bool {
    request.values("content-encoding").all(|value| {
        let value = value.trim_ascii();
        value.is_empty() || value.eq_ignore_ascii_case(b"identity")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(headers: &[(&str, &str)]) -> Body {
        let headers: Vec<_> = headers.iter().map(|&(name, value)| (name, value.as_bytes())).collect();
        assert_eq!(Body::of(Request::new(&headers)), Body::NoForm, "without a body");
        Body::of(Request::new(&headers).with_body())
    }

    #[test]
    fn only_an_exact_type_is_a_form_and_a_similar_one_is_opaque() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for (headers, expected) in [
            (&[("content-type", FORM)][..], Body::Form),
            (&[("content-type", "APPLICATION/X-WWW-Form-UrlEncoded ; charset=utf-8")], Body::Form),
            (&[("content-type", "application/x-www-form-urlencoded; a=b ;Charset = \"ISO-8859-1\"")], Body::Form),
            (&[("content-type", "application/x-www-form-urlencoded;charset=ibm037")], Body::Opaque),
            (&[("content-type", "application/x-www-form-urlencoded; charset=utf-8; charset=\"utf-16\"")], Body::Opaque),
            (&[("content-type", "application/x-www-form-urlencoded; charset")], Body::Opaque),
            (&[("content-type", "application/x-www-form-urlencoded x")], Body::Opaque),
            (&[("content-type", FORM), ("content-encoding", "identity")], Body::Form),
            (&[("content-type", FORM), ("content-encoding", "gzip")], Body::Opaque),
            (&[("content-type", FORM), ("content-encoding", "identity, br")], Body::Opaque),
            (&[("content-type", "multipart/form-data; boundary=a")], Body::Opaque),
            (&[("content-type", "Multipart/Mixed")], Body::Opaque),
            (&[("content-type", "multipart/form-data; boundary=\"a,b\"")], Body::Opaque),
            (&[("content-type", "text/plain, application/x-www-form-urlencoded")], Body::Opaque),
            (&[("content-type", FORM), ("content-type", FORM)], Body::Opaque),
            (&[("content-type", "text/plain"), ("content-type", "multipart/form-data")], Body::Opaque),
            (&[("content-type", "application/json")], Body::NoForm),
            (&[("content-type", "application/json"), ("content-encoding", "gzip")], Body::NoForm),
            (&[("content-type", "application/x-www-form-urlencodedx")], Body::Opaque),
            (&[("content-type", "application/x-www-form-urlencoded; a=multipart/form-data")], Body::Opaque),
            (&[("content-type", "application/x-url-encoded")], Body::Opaque),
            (&[("content-type", "text/plain; a=URLENCODED")], Body::Opaque),
            (&[("content-type", " ")], Body::Opaque),
            (&[("content-type", "application/grpc+proto")], Body::NoForm),
            (&[("content-type", "text/a, text/b")], Body::NoForm),
            (&[], Body::Opaque),
        ] {
            assert_eq!(body_of(headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_value_is_appended_once_and_all_other_bytes_stay() {
        let edit = |targets: &[(&str, Option<&[u8]>)]| {
            FormEdit::new(&Rc::new(ParameterNames::new(targets.iter().map(|(name, _)| *name))), targets)
        };
        let removal = edit(&[("userId", None)]);
        let edit = edit(&[("userId", Some(b"7".as_slice())), ("role", None)]);
        for (body, expected) in [
            ("", "userId=7"),
            ("a=%2f+&&b", "a=%2f+&&b&userId=7"),
            ("userId=1&a=2&%75serId=3&userId[]=4&role=admin&rol%65[0]=x&userid=5", "a=2&userid=5&userId=7"),
            ("userId=1", "userId=7"),
            ("a=1\r\n", "a=1\r\n&userId=7"),
        ] {
            assert_eq!(String::from_utf8(edit.rewrite(body.as_bytes())).unwrap(), expected, "{body:?}");
        }
        assert_eq!(edit.rewrite(b"\xff=\x80"), b"\xff=\x80&userId=7");
        assert_eq!(removal.rewrite(b"userId=1"), b"");
        assert_eq!(removal.rewrite(b"a&&b"), b"a&&b");
    }
}
