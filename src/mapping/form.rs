//! Claims as parameters of a form: a body of `application/x-www-form-urlencoded`.

use std::rc::Rc;

use super::query;
use crate::request::{ParameterNames, Request};

/// What to do with a form's body, once all of it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormEdit {
    /// The parameters that the filter owns.
    owned: Rc<ParameterNames>,
    /// The same, each with its encoded value if there is one.
    targets: Vec<(String, Option<Vec<u8>>)>,
}

/// What a request's body is to one who wants to edit a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// There is none, or one that no backend reads parameters from.
    NoForm,
    /// A form as it can be edited.
    Form,
    /// It may be a form, but not one that can be looked into: multipart, encoded, in another charset, of several types at once,
    /// or of none.
    Opaque,
}

impl FormEdit {
    pub(super) fn new(owned: &Rc<ParameterNames>, targets: &[(&str, Option<&[u8]>)]) -> Self {
        let copied = |&(name, value): &(&str, Option<&[u8]>)| (name.to_owned(), value.map(<[u8]>::to_vec));
        Self { owned: Rc::clone(owned), targets: targets.iter().map(copied).collect() }
    }

    /// The body for the backend: what stands for a target is gone, the values stand at the end, all other bytes stay.
    pub fn rewrite(&self, body: &[u8]) -> Vec<u8> {
        let targets: Vec<_> = self.targets.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        query::edited(Some(body), &self.owned, &targets).unwrap_or_default()
    }
}

impl Body {
    /// What the headers say of the body [RFC 9110 §8.3, §8.4].
    pub(super) fn of(request: Request) -> Self {
        if !request.has_body() {
            return Self::NoForm;
        }
        let mut types = request.values("content-type");
        match (types.next(), types.next()) {
            (Some(only), None) if is_form(only) && is_plain(request) => Self::Form,
            // Rack and Bottle read a body without a type as a form.
            (None, _) => Self::Opaque,
            _ if request.values("content-type").any(is_like_form) => Self::Opaque,
            _ => Self::NoForm,
        }
    }
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Whether this is one type, and a form whose bytes are ASCII's: a client that names another charset would have its names decoded by it.
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

/// Whether a lenient backend could take this for a form. Each has its own rule for where a type ends and begins, and some
/// look for a word anywhere in it; so does this, and past all signs: `x-url-encoded` was a form once.
fn is_like_form(value: &[u8]) -> bool {
    !value.iter().any(u8::is_ascii_alphanumeric) || has_word(value, b"urlencoded") || has_word(value, b"multipart")
}

fn has_word(value: &[u8], word: &[u8]) -> bool {
    let letters: Vec<u8> =
        value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    letters.windows(word.len()).any(|part| part == word)
}

/// Whether the body comes as it is.
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
    fn a_body_is_a_form_by_its_type_alone_and_opaque_when_it_could_hide_one() {
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
    fn a_form_has_the_target_once_at_the_end_and_keeps_all_other_bytes() {
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
