//! The credentials of `Authorization` ([RFC 9110 §11.4](https://www.rfc-editor.org/rfc/rfc9110#section-11.4)).

use std::borrow::Cow;

use crate::rejection::{Invalid, Rejection};

/// The token of the one part that has one of the schemes. Other schemes are no token. A blank token counts as none.
///
/// # Errors
/// A403JT when another part differs, whatever its scheme: the backend might use that one.
pub(super) fn only_token<'r>(
    parts: impl Iterator<Item = &'r [u8]>,
    schemes: &[&str],
) -> Result<Option<Cow<'r, [u8]>>, Rejection> {
    let parts: Vec<_> = parts.collect();
    let token_of =
        |part: &&'r [u8]| schemes.iter().find_map(|scheme| Some((scheme, after_scheme(part, scheme.as_bytes())?)));
    let Some((scheme, token)) = parts.iter().find_map(token_of) else { return Ok(None) };
    if parts.iter().any(|part| token_of(part) != Some((scheme, token))) {
        return Err(Invalid::SeveralTokens.into());
    }
    Ok((!token.is_empty()).then_some(Cow::Borrowed(token)))
}

/// What follows the scheme, which is in upper or lower case, and the white space after it. `None` if the value has
/// another scheme.
pub(super) fn after_scheme<'v>(value: &'v [u8], scheme: &[u8]) -> Option<&'v [u8]> {
    let (found, rest) = value.split_at_checked(scheme.len())?;
    let is_scheme = found.eq_ignore_ascii_case(scheme) && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_scheme.then(|| rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(values: &[&str]) -> Result<Option<String>, String> {
        let parts = values.iter().flat_map(|value| value.split(',')).map(|part| part.trim().as_bytes());
        only_token(parts, &["Bearer"])
            .map(|token| token.map(|token| String::from_utf8(token.into_owned()).unwrap()))
            .map_err(|rejection| rejection.code().to_owned())
    }

    #[test]
    fn only_a_value_with_the_scheme_bearer_is_a_token() {
        for (values, expected) in [
            (&["Bearer a.b.c"][..], Some("a.b.c")),
            (&["bEARER   a.b.c"], Some("a.b.c")),
            (&["Bearer a.b.c", "Bearer a.b.c"], Some("a.b.c")),
            (&["a.b.c"], None),
            (&["Basic YTpi"], None),
            (&["DPoP a.b.c"], None),
            (&["Digest username=\"a\", realm=\"b\""], None),
            (&["Bearera.b.c"], None),
            (&["Bearer"], None),
            (&["Bearer "], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(find(values), Ok(expected.map(str::to_owned)), "{values:?}");
        }
    }

    #[test]
    fn a_token_beside_anything_else_is_several_tokens() {
        for values in [
            &["Bearer a", "Bearer b"][..],
            &["Bearer a, Bearer b"],
            &["Bearer a", "Basic YTpi"],
            &["Basic YTpi", "Bearer a"],
            &["Basic YTpi, Bearer a"],
            &["Bearer a", "DPoP a"],
            &["Bearer a", "a"],
            &["Bearer a", ""],
            &["Bearer a,"],
            &["Bearer", "Bearer a"],
        ] {
            assert_eq!(find(values), Err("A403JT".to_owned()), "{values:?}");
        }
    }
}
