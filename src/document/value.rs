//! Reads YAML into values, with limits.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess as _, Visitor};
use serde_yaml::mapping::Entry;
use serde_yaml::{Mapping, Value};

/// The deepest nesting of lists and maps. A configuration has about five levels, plus those of members of a JWK that
/// are ignored.
pub(super) const MAX_LEVELS: u32 = 64;

/// The most bytes of values after aliases are expanded: four times the size limit of the document.
pub(super) const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// What is counted for a value in addition to its text, so that many small values are limited, too.
const BYTES_PER_VALUE: usize = 16;

/// Reads YAML text.
///
/// # Errors
///
/// A message with a position, a limit or a duplicate key. It never contains a value, which could be a secret.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let room = Cell::new(MAX_EXPANDED_BYTES);
    let value = Bounded { levels: MAX_LEVELS, room: &room }.deserialize(serde_yaml::Deserializer::from_str(text));
    value.map_err(|error| {
        let message = error.to_string();
        match error.location() {
            // The library has a limit of its own for aliases: 100 per value of the document.
            _ if message.starts_with("repetition limit") => too_large(),
            // The message of the library would contain the value.
            Some(at) if message.contains("invalid value") => {
                format!("a value does not fit its tag at line {} column {}", at.line(), at.column())
            }
            None if message.contains("invalid value") => "a value does not fit its tag".to_owned(),
            _ => message,
        }
    })
}

fn too_large() -> String {
    format!("expected at most {MAX_EXPANDED_BYTES} bytes of values, aliases expanded")
}

/// Reads one value and stops at a limit. The library expands aliases while it passes the parts of the value. Tags are
/// ignored, because no field uses one.
#[derive(Clone, Copy)]
struct Bounded<'r> {
    /// How many more levels are allowed.
    levels: u32,
    /// How many more bytes are allowed.
    room: &'r Cell<usize>,
}

impl Bounded<'_> {
    /// Subtracts a value with a text of `bytes` from the allowed bytes.
    fn take<E: Error>(self, bytes: usize) -> Result<Self, E> {
        let room = self.room.get().checked_sub(bytes).and_then(|room| room.checked_sub(BYTES_PER_VALUE));
        self.room.set(room.ok_or_else(|| E::custom(too_large()))?);
        Ok(self)
    }

    /// The limits inside of a list or map.
    fn inner<E: Error>(self) -> Result<Self, E> {
        let levels = self.take(0)?.levels.checked_sub(1);
        let levels = levels.ok_or_else(|| E::custom(format_args!("expected at most {MAX_LEVELS} levels")))?;
        Ok(Self { levels, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.take(0).map(|_| Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.take(0).map(|_| Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.take(0).map(|_| Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.take(0).map(|_| Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.take(0).map(|_| Value::Number(value.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len()).map(|_| Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut sequence = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            sequence.push(element);
        }
        Ok(Value::Sequence(sequence))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut mapping = Mapping::new();
        while let Some(key) = members.next_key_seed(inner)? {
            match mapping.entry(key) {
                Entry::Occupied(entry) => return Err(duplicate(entry.key())),
                Entry::Vacant(entry) => entry.insert(members.next_value_seed(inner)?),
            };
        }
        Ok(Value::Mapping(mapping))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_tag, contents) = data.variant::<String>()?;
        contents.newtype_variant_seed(self)
    }
}

fn duplicate<E: Error>(key: &Value) -> E {
    match key {
        Value::String(name) => E::custom(format_args!("duplicate entry with key {name:?}")),
        _ => E::custom("duplicate entry"),
    }
}
