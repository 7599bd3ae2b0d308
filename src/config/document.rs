//! The forms in which Envoy hands over a configuration, made into one.

mod outline;
mod value;

use prost::Message as _;
use prost_types::Struct;
use prost_types::value::Kind;
use serde_yaml::{Mapping, Value};

use super::fields::Fault;
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
pub(super) fn read(configuration: &[u8]) -> Result<Value, Fault> {
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

#[cfg(test)]
mod limits;

#[cfg(test)]
mod tests {
    use prost_types::{ListValue, Value as ProtoValue};

    use super::*;
    use crate::config::Config;

    const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

    fn value(json: &serde_json::Value) -> ProtoValue {
        let kind = match json {
            serde_json::Value::Null => Kind::NullValue(0),
            serde_json::Value::Bool(value) => Kind::BoolValue(*value),
            serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
            serde_json::Value::String(text) => Kind::StringValue(text.clone()),
            serde_json::Value::Array(values) => {
                Kind::ListValue(ListValue { values: values.iter().map(value).collect() })
            }
            serde_json::Value::Object(members) => Kind::StructValue(Struct {
                fields: members.iter().map(|(name, member)| (name.clone(), value(member))).collect(),
            }),
        };
        ProtoValue { kind: Some(kind) }
    }

    fn encoded(json: &serde_json::Value) -> Vec<u8> {
        match value(json).kind {
            Some(Kind::StructValue(message)) => message.encode_to_vec(),
            _ => panic!("not an object"),
        }
    }

    #[test]
    fn a_struct_is_the_same_language_with_the_same_faults() {
        let good = serde_json::json!({
            "parameter": "t", "clockSkewSeconds": 30, "bypassEmptyToken": true, "audiences": ["a"],
            "jwk": {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
        });
        let config = Config::parse(&encoded(&good)).unwrap();
        assert_eq!(config.rules.clock_skew, 30.0);
        assert!(config.bypass_empty_token);

        let bad = serde_json::json!({"parameter": 1, "clockSkewSeconds": "1.5", "typo": null, "jwk": {"kty": "X"}});
        assert_eq!(
            Config::parse(&encoded(&bad)).map(|_| ()).unwrap_err(),
            Config::parse(bad.to_string().as_bytes()).map(|_| ()).unwrap_err()
        );
    }

    #[test]
    fn yaml_that_begins_with_the_tag_byte_of_a_struct_is_yaml() {
        let text = format!("\n\n\n# {}\nparameter: t\njwk: {KEY}", "x".repeat(300));
        assert!(Config::parse(text.as_bytes()).is_ok());
    }
}
