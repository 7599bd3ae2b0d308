//! The value of `WWW-Authenticate` ([RFC 9110 §11.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)): fixed
//! words and values of the configuration, nothing of the client's.

use std::fmt::Write as _;

use crate::rejection::Challenge;

/// What all challenges have.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) realm: &'a str,
    pub(super) resource_metadata: Option<&'a str>,
    pub(super) scope: Option<&'a str>,
}

impl Common<'_> {
    /// A challenge of a scheme ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3), with `resource_metadata` of
    /// [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1) and `algs` of
    /// [RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    pub(super) fn challenge(self, scheme: &str, algorithms: Option<&str>, challenge: Challenge) -> String {
        let error = match challenge {
            Challenge::None | Challenge::WithoutError => None,
            Challenge::Error(error, description) => Some((error, description)),
        };
        let optional = [
            ("resource_metadata", self.resource_metadata),
            ("scope", self.scope),
            ("algs", algorithms),
            ("error", error.map(|(error, _)| error)),
            ("error_description", error.map(|(_, description)| description)),
        ];
        let mut text = format!("{scheme} realm=");
        push_quoted(&mut text, self.realm);
        for (name, value) in optional {
            if let Some(value) = value {
                // Writing to a string never fails.
                let _ = write!(text, ", {name}=");
                push_quoted(&mut text, value);
            }
        }
        text
    }
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
        let common = |realm, resource_metadata, scope| Common { realm, resource_metadata, scope };
        assert_eq!(common("a", None, None).challenge("Bearer", None, Challenge::WithoutError), r#"Bearer realm="a""#);
        assert_eq!(
            common("a", None, None).challenge("DPoP", Some("ES256 PS256"), Challenge::WithoutError),
            r#"DPoP realm="a", algs="ES256 PS256""#
        );
        assert_eq!(
            common(r#"a "b\c""#, Some("https://a.example/x"), Some("read write")).challenge("Bearer", None, error),
            "Bearer realm=\"a \\\"b\\\\c\\\"\", resource_metadata=\"https://a.example/x\", scope=\"read write\", \
             error=\"invalid_token\", error_description=\"The token is expired\""
        );
    }
}
