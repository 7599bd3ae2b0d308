//! YAML becomes values, as many as a document may have.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess as _, Visitor};
use serde_yaml::mapping::Entry;
use serde_yaml::{Mapping, Value};

/// Lists and maps inside one another. A configuration has some five; a JWK may hold members that are not looked at.
pub(super) const MAX_LEVELS: u32 = 64;

/// What the values of a document may take once its aliases are expanded: four times what its text may have.
pub(super) const MAX_EXPANDED_BYTES: usize = 4 << 20;

/// What a value counts beside its text, so that many small ones are bounded, too.
const BYTES_PER_VALUE: usize = 16;

/// Reads YAML text. The error names a place, or a limit, but never a value.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let room = Cell::new(MAX_EXPANDED_BYTES);
    let value = Bounded { levels: MAX_LEVELS, room: &room }.deserialize(serde_yaml::Deserializer::from_str(text));
    value.map_err(|error| {
        let words = error.to_string();
        match error.location() {
            // The library counts aliases, too, and stops at 100 for each value of the document.
            _ if words.starts_with("repetition limit") => too_large(),
            // Here the library's words would repeat the value, which may be a secret.
            Some(at) if words.contains("invalid value") => {
                format!("a value does not fit its tag at line {} column {}", at.line(), at.column())
            }
            None if words.contains("invalid value") => "a value does not fit its tag".to_owned(),
            _ => words,
        }
    })
}

fn too_large() -> String {
    format!("expected at most {MAX_EXPANDED_BYTES} bytes of values, aliases expanded")
}

/// Reads one value. The library hands it over piece by piece, aliases expanded, so it can be stopped in time. Tags are
/// dropped: no field asks for one.
#[derive(Clone, Copy)]
struct Bounded<'r> {
    /// How many levels may still follow.
    levels: u32,
    /// How many bytes may still follow.
    room: &'r Cell<usize>,
}

impl Bounded<'_> {
    /// Takes the room of a value that has a text of `bytes`.
    fn take<E: Error>(self, bytes: usize) -> Result<Self, E> {
        let room = self.room.get().checked_sub(bytes).and_then(|room| room.checked_sub(BYTES_PER_VALUE));
        self.room.set(room.ok_or_else(|| E::custom(too_large()))?);
        Ok(self)
    }

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
