//! The forms in which Envoy hands over a configuration, made into one.

use prost::Message as _;
use prost_types::Struct;
use prost_types::value::Kind;
use serde_yaml::{Mapping, Value};

use super::fields::Fault;

/// Reads YAML text, of which JSON is a part, or the wire bytes of a `google.protobuf.Struct`: Envoy unwraps a
/// `StringValue` to its text, but hands a `Struct` over as it is encoded.
///
/// No text can be taken for a Struct: each of its entries holds the control byte 0x12, which YAML does not allow.
pub(super) fn read(configuration: &[u8]) -> Result<Value, Fault> {
    if let Some(value) = read_struct(configuration) {
        return Ok(value);
    }
    let text = std::str::from_utf8(configuration).map_err(|_| Fault::new("", "expected UTF-8 text"))?;
    if text.trim().is_empty() {
        return Err(Fault::new("", "expected a plugin configuration, found nothing"));
    }
    // The library's words name a place, or a key that stands twice, but never a value, which could be a secret.
    serde_yaml::from_str(text).map_err(|error| Fault::new("", format!("expected one YAML document: {error}")))
}

fn read_struct(bytes: &[u8]) -> Option<Value> {
    let decoded = Struct::decode(bytes).ok().filter(|decoded| !decoded.fields.is_empty())?;
    to_mapping(decoded)
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
