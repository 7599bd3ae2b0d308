//! Reads a configuration document (YAML, JSON or a `google.protobuf.Struct`) field by field, and collects all errors.
//!
//! Which fields exist is up to its users. It imports no other module of the crate.

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

/// The largest configuration: ten times the size of 100 keys with certificates, or of 256 claims with 1,000 issuers.
///
/// Each worker and Envoy's main thread read it, which uses up to 40 times its size of memory.
const MAX_BYTES: usize = 1 << 20;

/// Reads YAML (and so JSON), or an encoded `google.protobuf.Struct`. Envoy passes the text of a `StringValue`, but a
/// `Struct` in its encoding.
///
/// Text can't be mistaken for a Struct: each entry of a Struct contains the control byte 0x12, which YAML forbids.
///
/// # Errors
///
/// One configuration error without a field if the document can't be read or exceeds a limit.
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
    // The message contains a position or a duplicate key, but never a value, which could be a secret.
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

/// `None` if the bytes are not a Struct.
///
/// The decoder allows 100 nested messages, which are 33 maps or 50 lists. That is less than [`MAX_LEVELS`].
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

/// Reads one section of a configuration from YAML, with the function that the crate uses for it.
#[cfg(test)]
pub(crate) fn parse_for_test<T>(
    text: &str,
    read: impl FnOnce(Field, &mut Faults) -> Option<T>,
) -> Result<T, ConfigError> {
    let document = self::read(text.as_bytes())?;
    let mut faults = Faults::default();
    let value = read(Field::root(&document), &mut faults);
    let _warnings = faults.into_result()?;
    Ok(value.expect("without an error there is a value"))
}

#[cfg(test)]
mod tests;
