//! Claims as they go into a token: in the order given, numbers with their own digits, no name twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object to be.
#[derive(Debug, Default)]
pub(crate) struct Claims(Vec<(String, Box<RawValue>)>);

impl Claims {
    /// Reads a JSON object without a name that stands twice, at any depth: the filter takes no other.
    pub(crate) fn parse(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice::<NoDuplicates>(json)?;
        serde_json::from_slice(json)
    }

    /// Whether there is a claim of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The JSON of the claim of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find_map(|(other, value)| (other == name).then_some(value.as_ref()))
    }

    /// Adds a claim whose name is not there yet.
    pub(crate) fn push(&mut self, name: impl Into<String>, value: Box<RawValue>) {
        self.0.push((name.into(), value));
    }

    /// All of `other`, after those of this one whose names it does not have.
    pub(crate) fn overridden_by(mut self, other: Self) -> Self {
        self.0.retain(|(name, _)| !other.contains(name));
        self.0.extend(other.0);
        self
    }
}

/// Whether a text is the JSON of one value, without a name that stands twice in any object of it.
pub(crate) fn is_json(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<NoDuplicates>(text).map(|NoDuplicates| ())
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ClaimsVisitor;
        impl<'de> Visitor<'de> for ClaimsVisitor {
            type Value = Claims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
                let mut claims = Vec::new();
                while let Some(claim) = map.next_entry()? {
                    claims.push(claim);
                }
                Ok(Claims(claims))
            }
        }
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

/// Any JSON value but one in which an object has a name twice.
struct NoDuplicates;

impl<'de> Deserialize<'de> for NoDuplicates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoDuplicates)
    }
}

impl<'de> Visitor<'de> for NoDuplicates {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while let Some(Self) = elements.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, Self)) = map.next_entry::<String, Self>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(format_args!("{name:?} stands twice")));
            }
            names.insert(name);
        }
        Ok(self)
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
    fn a_name_that_stands_twice_is_found_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"{"o":{"a":1,"a":1}}"#, r#"{"l":[{"a":1,"a":1}]}"#]
        {
            let error = Claims::parse(text.as_bytes()).expect_err(text).to_string();
            assert!(error.starts_with("\"a\" stands twice at line 1"), "{error}");
        }
        for text in ["[]", "1", "", "{} {}", "{\"a\":}"] {
            assert!(Claims::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn options_win_over_the_file() {
        let file = Claims::parse(br#"{"sub":"file","a":1}"#).expect("claims");
        let options = Claims::parse(br#"{"sub":"option","b":2}"#).expect("claims");
        let joined = serde_json::to_string(&file.overridden_by(options)).expect("JSON");
        assert_eq!(joined, r#"{"a":1,"sub":"option","b":2}"#);
    }
}
