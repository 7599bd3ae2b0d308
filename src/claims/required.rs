//! `requiredClaims`: what the claims of a token must be for a request to pass.

use crate::document::{Faults, Field, Section};
use crate::json::Value;
use crate::rejection::Rejection;
use crate::text::Excerpt;

/// The most entries.
const MAX_ENTRIES: usize = 64;

/// The most values of all entries together. Each may be compared with each element of a claim, and a token has room for
/// some thousand elements.
const MAX_VALUES: usize = 256;

/// The longest `claimName`, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// How many bytes of a claim's name a message contains.
const NAME_EXCERPT_BYTES: usize = 64;

/// The claims that are lists of words separated by spaces
/// ([RFC 8693 §4.2](https://www.rfc-editor.org/rfc/rfc8693#section-4.2)).
const LISTS_OF_WORDS: [&str; 2] = ["scope", "scp"];

/// One entry of `requiredClaims`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequiredClaim {
    /// `claimName`, found as a claim of `claimParameters` is.
    name: String,
    condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// The claim is there, and is not `null`; or, for `false`, it is not.
    Exists(bool),
    /// `equals` and `oneOf`: the claim is one of these.
    OneOf(Vec<Expected>),
    /// The claim is an array with one of these as an element, or is one of these itself.
    Contains(Vec<Expected>),
}

/// A value of the configuration. A claim of another type never equals it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    String(String),
    /// A whole number. Others have no single spelling.
    Number(i64),
    Bool(bool),
}

impl RequiredClaim {
    /// Reads `requiredClaims`. `None` after an error.
    ///
    /// Configuration errors: no entry or too many, a missing or unknown field, none or several of `equals`, `oneOf`,
    /// `contains` and `exists`, a value that is not a string, a whole number or a bool.
    pub(crate) fn parse_all(field: &Field, faults: &mut Faults) -> Option<Vec<Self>> {
        let fields = field.list_of_at_most(MAX_ENTRIES, faults)?;
        if fields.is_empty() {
            faults.report(field.path(), "expected at least one element");
        }
        let entries: Vec<_> = fields.iter().map(|field| Self::parse(field, faults)).collect();
        let entries: Vec<Self> = entries.into_iter().collect::<Option<_>>()?;
        let values: usize = entries.iter().map(|entry| entry.condition.values().len()).sum();
        if values > MAX_VALUES {
            faults.report(field.path(), format!("expected at most {MAX_VALUES} values, found {values}"));
        }
        Some(entries)
    }

    fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let mut section = field.section(faults)?;
        let name = section.required("claimName", faults);
        let name = name.and_then(|field| field.name_of_at_most(MAX_NAME_BYTES, faults));
        let condition = Condition::parse(&mut section, field.path(), faults);
        section.finish(faults);
        Some(Self { name: name?, condition: condition? })
    }

    /// `claimName`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Checks the claim that has its name. `None` if there is none.
    ///
    /// # Errors
    /// A403JC with the configured name when it is not as required.
    pub(super) fn check(&self, claim: Option<&Value>) -> Result<(), Rejection> {
        if self.condition.holds(&self.name, claim) {
            return Ok(());
        }
        Err(Rejection::ClaimNotAccepted { name: Excerpt::new(self.name.as_bytes(), NAME_EXCERPT_BYTES) })
    }
}

impl Condition {
    fn parse(section: &mut Section, path: &str, faults: &mut Faults) -> Option<Self> {
        let exists = section.optional("exists");
        let equals = section.optional("equals");
        let one_of = section.optional("oneOf");
        let contains = section.optional("contains");
        match (exists, equals, one_of, contains) {
            (Some(field), None, None, None) => field.boolean(faults).map(Self::Exists),
            (None, Some(field), None, None) => Some(Self::OneOf(vec![Expected::parse(&field, faults)?])),
            (None, None, Some(field), None) => {
                let values = field.list(faults)?;
                Expected::parse_all(&field, &values, faults).map(Self::OneOf)
            }
            (None, None, None, Some(field)) => {
                let values = field.one_or_many(faults)?;
                Expected::parse_all(&field, &values, faults).map(Self::Contains)
            }
            _ => {
                faults.report(path, "expected one of equals, oneOf, contains and exists");
                None
            }
        }
    }

    fn values(&self) -> &[Expected] {
        match self {
            Self::Exists(_) => &[],
            Self::OneOf(values) | Self::Contains(values) => values,
        }
    }

    fn holds(&self, name: &str, claim: Option<&Value>) -> bool {
        match (self, claim) {
            (Self::Exists(expected), claim) => claim.is_some() == *expected,
            (_, None) => false,
            (Self::Contains(accepted), Some(Value::Array(elements))) => {
                elements.iter().any(|element| accepted.iter().any(|expected| expected.is(element)))
            }
            (Self::Contains(accepted), Some(Value::String(words))) if LISTS_OF_WORDS.contains(&name) => {
                words.split(' ').any(|word| accepted.iter().any(|expected| expected.is_string(word)))
            }
            (Self::Contains(accepted) | Self::OneOf(accepted), Some(value)) => {
                accepted.iter().any(|expected| expected.is(value))
            }
        }
    }
}

impl Expected {
    fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        if let Some(text) = field.as_string() {
            return Some(Self::String(text.to_owned()));
        }
        if let Some(value) = field.as_boolean() {
            return Some(Self::Bool(value));
        }
        let number = field.as_whole_number().map(Self::Number);
        if number.is_none() {
            faults.report(field.path(), "expected a string, a whole number, true or false");
        }
        number
    }

    fn parse_all(list: &Field, fields: &[Field], faults: &mut Faults) -> Option<Vec<Self>> {
        if fields.is_empty() {
            faults.report(list.path(), "expected at least one element");
        }
        fields.iter().map(|field| Self::parse(field, faults)).collect()
    }

    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::String(text)) => self.is_string(text),
            (Self::Number(number), Value::Number(digits)) => digits.parse() == Ok(*number),
            (Self::Bool(expected), Value::Bool(value)) => expected == value,
            _ => false,
        }
    }

    fn is_string(&self, text: &str) -> bool {
        matches!(self, Self::String(expected) if expected == text)
    }
}

#[cfg(test)]
mod tests;
