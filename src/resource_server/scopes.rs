//! `requiredScopes`, and the scopes of a token ([RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).

use crate::claims::Claims;
use crate::document::{Faults, Field, Section};
use crate::json::Value;
use crate::rejection::{Invalid, Rejection};

/// The most scopes in `any` and in `all`. They are compared with those of the token, which has room for some thousand.
const MAX_SCOPES: usize = 64;

/// `requiredScopes`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequiredScopes {
    any: Vec<String>,
    all: Vec<String>,
    /// What a token needs at least: all of `all` and the first of `any`.
    least: Option<String>,
}

impl RequiredScopes {
    /// Reads `requiredScopes`. `None` after an error.
    ///
    /// Configuration errors: neither `any` nor `all`, an empty list, a text that is no scope, an unknown field.
    pub(super) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let any = list(&mut section, "any", faults);
        let all = list(&mut section, "all", faults);
        section.finish(faults);
        let (any, all) = (any?, all?);
        if any.is_empty() && all.is_empty() {
            faults.report(field.path(), "expected any or all");
        }
        let first = any.first().filter(|first| !all.contains(first));
        let least: Vec<&str> = all.iter().chain(first).map(String::as_str).collect();
        let least = (!least.is_empty()).then(|| least.join(" "));
        Some(Self { any, all, least })
    }

    /// The scopes that a challenge names, separated by spaces.
    pub(super) fn for_challenge(&self) -> Option<&str> {
        self.least.as_deref()
    }

    /// Checks the scopes of a token.
    ///
    /// # Errors
    /// A403JT when they are not written as scopes are; A403JS when some are missing.
    pub(crate) fn check(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.any.is_empty() && self.all.is_empty() {
            return Ok(());
        }
        let granted = granted(claims).ok_or(Invalid::Scopes)?;
        let has = |scope: &String| granted.contains(&scope.as_str());
        let is_enough = self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has));
        if is_enough { Ok(()) } else { Err(Rejection::ScopeMissing) }
    }
}

/// Reads a list of scopes; an empty one if the field is not there.
fn list(section: &mut Section, name: &str, faults: &mut Faults) -> Option<Vec<String>> {
    let Some(field) = section.optional(name) else { return Some(Vec::new()) };
    let fields = field.list_of_at_most(MAX_SCOPES, faults)?;
    if fields.is_empty() {
        faults.report(field.path(), "expected at least one element");
    }
    scopes(&fields, faults)
}

/// Reads scopes. `None` after an error.
///
/// Configuration errors: a text that is no scope.
pub(super) fn scopes(fields: &[Field], faults: &mut Faults) -> Option<Vec<String>> {
    let scope = |field: &Field, faults: &mut Faults| {
        let text = field.name(faults)?;
        if !is_scope(&text) {
            faults.report(field.path(), "expected a scope: visible ASCII characters without \" and \\");
            return None;
        }
        Some(text)
    };
    let scopes: Vec<_> = fields.iter().map(|field| scope(field, faults)).collect();
    scopes.into_iter().collect()
}

/// The scopes of a token: `scope`, a string ([RFC 9068 §2.2.3](https://www.rfc-editor.org/rfc/rfc9068#section-2.2.3)),
/// or if there is none, `scp`, a string or a list. `None` if they are something else.
fn granted<'c>(claims: &'c Claims) -> Option<Vec<&'c str>> {
    let scopes = match (claims.find("scope"), claims.find("scp")) {
        (Some(Value::String(text)), _) | (None, Some(Value::String(text))) => words(text),
        (None, Some(Value::Array(elements))) => elements.iter().map(Value::as_str).collect::<Option<_>>()?,
        (None, None) => Vec::new(),
        (Some(_), _) | (None, Some(_)) => return None,
    };
    scopes.iter().all(|scope| is_scope(scope)).then_some(scopes)
}

fn words(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split(' ').collect() }
}

/// Whether the text is a `scope-token`.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse_for_test;
    use crate::signature::Verified;

    fn parse(text: &str) -> Result<RequiredScopes, Vec<String>> {
        parse_for_test(text, |field, faults| RequiredScopes::parse(&field, faults))
            .map_err(|error| error.faults().iter().map(ToString::to_string).collect())
    }

    fn check(required: &str, claims: &str) -> Result<(), Rejection> {
        let verified = Verified::for_test(claims);
        parse(required).unwrap().check(&Claims::read(&verified).unwrap())
    }

    #[test]
    fn any_and_all_must_both_hold() {
        for (required, granted, expected) in [
            ("{all: [a, b]}", "b a", true),
            ("{all: [a, b]}", "a", false),
            ("{any: [a, b]}", "b", true),
            ("{any: [a, b]}", "c", false),
            ("{any: [a, b], all: [c]}", "c a", true),
            ("{any: [a, b], all: [c]}", "a b", false),
            ("{any: [a, b], all: [c]}", "c", false),
            ("{all: [read]}", "read:all", false),
            ("{all: [read]}", "reader", false),
            ("{all: [read]}", "READ", false),
            ("{all: [read]}", "", false),
        ] {
            let expected = if expected { Ok(()) } else { Err(Rejection::ScopeMissing) };
            assert_eq!(check(required, &format!(r#"{{"scope":"{granted}"}}"#)), expected, "{required} {granted}");
            assert_eq!(check(required, &format!(r#"{{"scp":"{granted}"}}"#)), expected, "scp: {required} {granted}");
        }
    }

    #[test]
    fn scopes_are_those_of_scope_or_else_of_scp() {
        let missing = Err(Rejection::ScopeMissing);
        let malformed = Err(Invalid::Scopes.into());
        for (claims, expected) in [
            (r#"{"scp":["a","b"]}"#, Ok(())),
            (r#"{"scope":"b","scp":["a"]}"#, missing.clone()),
            (r#"{"scope":null,"scp":"a"}"#, Ok(())),
            ("{}", missing.clone()),
            (r#"{"scp":[]}"#, missing.clone()),
            (r#"{"scp":["b a"]}"#, malformed.clone()),
            (r#"{"scp":["a",1]}"#, malformed.clone()),
            (r#"{"scp":{"a":true}}"#, malformed.clone()),
            (r#"{"scope":["a"]}"#, malformed.clone()),
            (r#"{"scope":"b  a"}"#, malformed.clone()),
            (r#"{"scope":"a "}"#, malformed.clone()),
            (r#"{"scope":"a\tb"}"#, malformed.clone()),
            (r#"{"scope":"a \"b\""}"#, malformed.clone()),
            (r#"{"scope":"a \u00e9"}"#, malformed),
        ] {
            assert_eq!(check("{all: [a]}", claims), expected, "{claims}");
        }
    }

    #[test]
    fn a_challenge_names_what_a_token_needs_at_least() {
        for (required, expected) in [
            ("{all: [a, b]}", "a b"),
            ("{any: [c, d], all: [a]}", "a c"),
            ("{any: [c], all: [c]}", "c"),
            ("{any: [d]}", "d"),
        ] {
            assert_eq!(parse(required).unwrap().for_challenge(), Some(expected));
        }
        assert_eq!(RequiredScopes::default().for_challenge(), None);
    }

    #[test]
    fn every_error_names_its_field() {
        const SCOPE: &str = "expected a scope: visible ASCII characters without \" and \\";
        for (text, expected) in [
            ("{}", "expected any or all".to_owned()),
            ("{any: a}", "any: expected a list".to_owned()),
            ("{any: [], all: [a]}", "any: expected at least one element".to_owned()),
            ("{all: ['a b']}", format!("all[0]: {SCOPE}")),
            ("{all: ['a\"b']}", format!("all[0]: {SCOPE}")),
            ("{all: [é]}", format!("all[0]: {SCOPE}")),
            ("{all: [a], one: [b]}", "one: unknown field".to_owned()),
        ] {
            assert_eq!(parse(text).unwrap_err(), [expected], "{text}");
        }
    }
}
