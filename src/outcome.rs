//! `outcome`: writes each decision to Envoy's filter state, for later filters and the access log.

use crate::document::{Faults, Field};
use crate::mapping::{Admission, Edits};
use crate::rejection::Rejection;

const DEFAULT_PREFIX: &str = "jwt_auth";

/// The longest prefix in bytes. It is copied for each request, so it should be short.
const MAX_PREFIX_BYTES: usize = 32;

/// The name of the filter state entry that a decision is written to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    code_name: String,
}

impl Outcome {
    /// Reads `outcome`. `None` after an error.
    ///
    /// Configuration errors: a prefix other than `[a-z][a-z0-9_]{0,31}`; an unknown field.
    pub(crate) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let prefix = match section.optional("prefix") {
            None => Some(DEFAULT_PREFIX),
            Some(field) => prefix(&field, faults),
        };
        section.finish(faults);
        Some(Self { code_name: format!("{}_code", prefix?) })
    }

    /// The name and value of the entry for a decision. The name is `<prefix>_code`. The value is `OK`, `BYPASSED` (the
    /// request had no token and was forwarded) or the code of the rejection.
    pub(crate) fn entry(&self, decision: Result<&Edits, &Rejection>) -> (&str, &'static str) {
        let code = match decision {
            Ok(Edits { admission: Admission::Authenticated, .. }) => "OK",
            Ok(Edits { admission: Admission::WithoutToken, .. }) => "BYPASSED",
            Err(rejection) => rejection.code(),
        };
        (&self.code_name, code)
    }
}

fn prefix<'a>(field: &Field<'a>, faults: &mut Faults) -> Option<&'a str> {
    let prefix = field.string(faults)?;
    let is_valid = prefix.len() <= MAX_PREFIX_BYTES
        && prefix.starts_with(|first: char| first.is_ascii_lowercase())
        && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_valid {
        let expected = "expected a lower-case letter, then up to 31 lower-case letters, digits and underscores";
        faults.report(field.path(), expected);
    }
    is_valid.then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse_for_test;

    fn code_name(text: &str) -> Result<String, Vec<String>> {
        parse_for_test(text, |field, faults| Outcome::parse(&field, faults))
            .map(|outcome| outcome.code_name)
            .map_err(|error| error.faults().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_prefix_has_a_default_and_a_limit() {
        let longest = "a".repeat(32);
        for (text, expected) in [
            ("{}", "jwt_auth_code".to_owned()),
            ("{prefix: jwt_auth}", "jwt_auth_code".to_owned()),
            ("{prefix: a}", "a_code".to_owned()),
            ("{prefix: z9_}", "z9__code".to_owned()),
            (&format!("{{prefix: {longest}}}"), format!("{longest}_code")),
        ] {
            assert_eq!(code_name(text), Ok(expected), "{text}");
        }
        let problem = "prefix: expected a lower-case letter, then up to 31 lower-case letters, digits and underscores";
        for prefix in ["''", "A", "9a", "_a", "a-b", "a.b", "aé", "\"a\\0\"", &"a".repeat(33)] {
            assert_eq!(code_name(&format!("{{prefix: {prefix}}}")), Err(vec![problem.to_owned()]), "{prefix}");
        }
        assert_eq!(code_name("{prefix: 5}"), Err(vec!["prefix: expected a string".to_owned()]));
        assert_eq!(code_name("true"), Err(vec!["expected a map of fields".to_owned()]));
    }

    #[test]
    fn the_entry_has_the_code_of_the_decision() {
        let outcome = Outcome { code_name: "jwt_auth_code".to_owned() };
        let without_token = Edits { admission: Admission::WithoutToken, ..Edits::default() };
        for (decision, code) in [
            (Ok(&Edits::default()), "OK"),
            (Ok(&without_token), "BYPASSED"),
            (Err(&Rejection::TokenMissing), "I400JR"),
            (Err(&Rejection::HostFailure), "S503HF"),
        ] {
            assert_eq!(outcome.entry(decision), ("jwt_auth_code", code));
        }
    }
}
