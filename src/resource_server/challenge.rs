//! The value of `WWW-Authenticate` ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)): fixed
//! words and values of the configuration, nothing of the client's.

use std::fmt::Write as _;

use crate::rejection::Challenge;

/// A challenge of the scheme `Bearer` ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3), with
/// `resource_metadata` of [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1)). `None` if the answer has
/// no challenge.
pub(super) fn bearer(
    realm: &str,
    resource_metadata: Option<&str>,
    scope: Option<&str>,
    challenge: Challenge,
) -> Option<String> {
    let error = match challenge {
        Challenge::None => return None,
        Challenge::WithoutError => None,
        Challenge::Error(error, description) => Some((error, description)),
    };
    let optional = [
        ("resource_metadata", resource_metadata),
        ("scope", scope),
        ("error", error.map(|(error, _)| error)),
        ("error_description", error.map(|(_, description)| description)),
    ];
    let mut text = "Bearer realm=".to_owned();
    push_quoted(&mut text, realm);
    for (name, value) in optional {
        if let Some(value) = value {
            // Writing to a string never fails.
            let _ = write!(text, ", {name}=");
            push_quoted(&mut text, value);
        }
    }
    Some(text)
}

/// Appends a `quoted-string` ([RFC 9110 §5.6.4](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.4)).
fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_has_fixed_words_and_quoted_values_of_the_configuration() {
        let error = Challenge::Error("invalid_token", "The token is expired");
        assert_eq!(bearer("a", None, None, Challenge::None), None);
        assert_eq!(bearer("a", None, None, Challenge::WithoutError).unwrap(), r#"Bearer realm="a""#);
        assert_eq!(
            bearer(r#"a "b\c""#, Some("https://a.example/x"), Some("read write"), error).unwrap(),
            "Bearer realm=\"a \\\"b\\\\c\\\"\", resource_metadata=\"https://a.example/x\", scope=\"read write\", \
             error=\"invalid_token\", error_description=\"The token is expired\""
        );
    }
}
