//! A configuration document: YAML, JSON or a `google.protobuf.Struct` becomes fields, and reading them collects all faults.
//!
//! It knows no field by name and imports no other module of the crate.

mod faults;
mod fields;
mod outline;
mod value;

pub(crate) use faults::Faults;
pub use faults::{ConfigError, Fault, Warning};
pub(crate) use fields::{Field, Section};

use prost::Message as _;
use prost_types::Struct;
use prost_types::value::Kind;
use serde_yaml::{Mapping, Value};

use outline::{MAX_BRACKETS, MAX_DIRECTIVES, MAX_MARKS, Outline};
use value::MAX_LEVELS;

/// The largest configuration: ten times what 100 keys with certificates, or 256 claims with 1,000 issuers take. Reading costs
/// time on Envoy's main thread and on each worker, and up to 40 times its size of memory.
const MAX_BYTES: usize = 1 << 20;

/// Reads YAML text, of which JSON is a part, or the wire bytes of a `google.protobuf.Struct`: Envoy unwraps a
/// `StringValue` to its text, but hands a `Struct` over as it is encoded. One fault, that of the document as a whole, where it
/// can't be read or is past a limit.
///
/// No text can be taken for a Struct: each of its entries holds the control byte 0x12, which YAML does not allow.
pub(crate) fn read(configuration: &[u8]) -> Result<Value, Fault> {
    if configuration.len() > MAX_BYTES {
        let found = configuration.len();
        return Err(Fault::new("", format!("expected at most {MAX_BYTES} bytes, found {found}")));
    }
    if let Some(value) = read_struct(configuration) {
        return value;
    }
    let text = std::str::from_utf8(configuration).map_err(|_| Fault::new("", "expected UTF-8 text"))?;
    if text.trim().is_empty() {
        return Err(Fault::new("", "expected a plugin configuration, found nothing"));
    }
    check_outline(Outline::of(text))?;
    // The library's words name a place, or a key that stands twice, but never a value, which could be a secret.
    value::parse(text).map_err(|error| Fault::new("", format!("expected one YAML document: {error}")))
}

fn check_outline(outline: Outline) -> Result<(), Fault> {
    let problem = match outline {
        Outline { brackets, .. } if brackets > MAX_BRACKETS => format!("expected at most {MAX_LEVELS} levels"),
        Outline { marks, .. } if marks > MAX_MARKS => {
            format!("expected at most {MAX_MARKS} lines, commas, colons, dashes and brackets, found {marks}")
        }
        Outline { directives, .. } if directives > MAX_DIRECTIVES => {
            format!("expected at most {MAX_DIRECTIVES} lines that begin with %, found {directives}")
        }
        _ => return Ok(()),
    };
    Err(Fault::new("", problem))
}

/// `None` where the bytes are no Struct. A Struct's own decoder stops at 100 messages inside one another, which are 33 maps or
/// 50 lists, so its values are never deeper than those of a text may be.
fn read_struct(bytes: &[u8]) -> Option<Result<Value, Fault>> {
    match Struct::decode(bytes) {
        Ok(decoded) if !decoded.fields.is_empty() => to_mapping(decoded).map(Ok),
        Err(error) if bytes.contains(&0x12) && error.to_string().contains("recursion limit") => {
            Some(Err(Fault::new("", format!("expected at most 33 levels in a Struct (text may have {MAX_LEVELS})"))))
        }
        Ok(_) | Err(_) => None,
    }
}

fn to_mapping(decoded: Struct) -> Option<Value> {
    let mut mapping = Mapping::new();
    for (name, value) in decoded.fields {
        mapping.insert(Value::String(name), to_value(value)?);
    }
    Some(Value::Mapping(mapping))
}

fn to_value(value: prost_types::Value) -> Option<Value> {
    Some(match value.kind? {
        Kind::NullValue(_) => Value::Null,
        Kind::NumberValue(number) => Value::Number(number.into()),
        Kind::StringValue(text) => Value::String(text),
        Kind::BoolValue(value) => Value::Bool(value),
        Kind::StructValue(inner) => to_mapping(inner)?,
        Kind::ListValue(list) => Value::Sequence(list.values.into_iter().map(to_value).collect::<Option<_>>()?),
    })
}

/// Reads a YAML text with one of the readers of a part of the configuration, for that reader's tests.
#[cfg(test)]
pub(crate) fn parse_for_test<T>(
    text: &str,
    read: impl FnOnce(Field, &mut Faults) -> Option<T>,
) -> Result<T, ConfigError> {
    let document = self::read(text.as_bytes())?;
    let mut faults = Faults::default();
    let value = read(Field::root(&document), &mut faults);
    value.ok_or_else(|| faults.into_result().unwrap_err())
}

#[cfg(test)]
mod tests;
