use prost_types::{ListValue, Value as ProtoValue};

use super::*;
use crate::config::Config;
use crate::request::Request;

mod limits;

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

fn value(json: &serde_json::Value) -> ProtoValue {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(*value),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap()),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(values) => Kind::ListValue(ListValue { values: values.iter().map(value).collect() }),
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
fn a_struct_and_text_with_the_same_content_have_the_same_errors() {
    let valid = serde_json::json!({
        "parameter": "t", "clockSkewSeconds": 30, "bypassEmptyToken": true, "audiences": ["a"],
        "jwk": {"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
    });
    let config = Config::parse(&encoded(&valid)).unwrap();
    assert_eq!(config.rules.clock_skew, 30.0);
    assert!(config.mapping.without_token(Request::new(&[])).is_ok());

    let invalid = serde_json::json!({"parameter": 1, "clockSkewSeconds": "1.5", "typo": null, "jwk": {"kty": "X"}});
    assert_eq!(
        Config::parse(&encoded(&invalid)).map(|_| ()).unwrap_err(),
        Config::parse(invalid.to_string().as_bytes()).map(|_| ()).unwrap_err()
    );
}

#[test]
fn yaml_that_begins_with_the_tag_byte_of_a_struct_is_yaml() {
    let text = format!("\n\n\n# {}\nparameter: t\njwk: {KEY}", "x".repeat(300));
    assert!(Config::parse(text.as_bytes()).is_ok());
}
