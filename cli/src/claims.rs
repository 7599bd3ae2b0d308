//! The claims of a new token: in the order given, with the digits of their numbers, without duplicates.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::Json;

/// A JSON object.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Claims(IndexMap<String, Box<RawValue>>);

impl Claims {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// What is wrong, also if there are duplicate members at any depth: the filter rejects them.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let object = Json::parse(json)?;
        if let Some(duplicate) = object.duplicates.first() {
            return Err(format!("has a {duplicate}"));
        }
        serde_json::from_slice(json).map(Self).map_err(|error| format!("is not JSON: {error}"))
    }

    /// Whether there is a claim with this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The JSON of a claim.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(|value| &**value)
    }

    /// Adds a claim.
    pub(crate) fn push(&mut self, name: impl Into<String>, value: Box<RawValue>) {
        self.0.insert(name.into(), value);
    }

    /// These claims, without the ones that `other` has, too, and then those of `other`.
    pub(crate) fn overridden_by(mut self, other: Self) -> Self {
        self.0.retain(|name, _| !other.contains(name));
        self.0.extend(other.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_keep_their_order_and_digits() {
        let text = r#"{"z":9007199254740993,"a":1.10,"o":{"b":[1e2,null,true,"\u00e4"],"a":-0}}"#;
        let claims = Claims::parse(text.as_bytes()).expect("claims");
        assert_eq!(serde_json::to_string(&claims).expect("JSON"), text);
    }

    #[test]
    fn a_duplicate_member_is_an_error_at_any_depth() {
        for (text, column) in [
            (r#"{"a":1,"a":2}"#, 8),
            (r#"{"a":1,"\u0061":2}"#, 8),
            (r#"{"o":{"a":1,"a":1}}"#, 13),
            (r#"{"l":[{"a":1,"a":1}]}"#, 14),
        ] {
            let error = format!("has a duplicate member \"a\" at line 1 column {column}");
            assert_eq!(Claims::parse(text.as_bytes()).expect_err(text), error);
        }
        for text in ["[]", "1", "", "{} {}", "{\"a\":}"] {
            assert!(Claims::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn options_override_the_file() {
        let file = Claims::parse(br#"{"sub":"file","a":1}"#).expect("claims");
        let options = Claims::parse(br#"{"sub":"option","b":2}"#).expect("claims");
        let joined = serde_json::to_string(&file.overridden_by(options)).expect("JSON");
        assert_eq!(joined, r#"{"a":1,"sub":"option","b":2}"#);
    }
}
