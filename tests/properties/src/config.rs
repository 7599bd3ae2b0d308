//! Any bytes as a configuration: the plugin either decides or rejects everything, and its configuration errors are
//! bounded and reveal no secret.
//!
//! Input: the configuration. If JSON and a `google.protobuf.Struct` are read alike, it is also tested as a Struct.

use std::collections::BTreeSet;

use jwt_auth::{Plugin, Rejection};
use kit::host::Headers;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::Value;

use super::world;

/// A secret from the dictionary. If a configuration has it as `k`, no configuration error may contain it.
const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

/// The property.
pub fn holds(input: &[u8]) {
    let faults = check(input);
    let text =
        String::from_utf8_lossy(input).replace(&format!(r#""k":"{SECRET}"#), "").replace(&format!("k: {SECRET}"), "");
    if !text.contains(SECRET) {
        assert!(!faults.iter().flatten().any(|fault| fault.contains(SECRET)), "{faults:?}");
    }
    let json = serde_json::from_slice::<Value>(input).ok();
    let Some(Value::Object(members)) = json else { return };
    if members.is_empty()
        || !input.iter().all(|byte| (b' '..=b'~').contains(byte))
        || !is_plain(&members.clone().into(), 16)
    {
        return;
    }
    let as_text = check(Value::Object(members.clone()).to_string().as_bytes());
    let as_struct = check(&to_struct(members).encode_to_vec());
    assert_eq!(as_text, as_struct, "text and Struct");
}

/// Tests a configuration and returns its configuration errors, if any.
fn check(configuration: &[u8]) -> Option<BTreeSet<String>> {
    let plugin = Plugin::new(configuration, b"");
    let faults = plugin.faults().map(|error| error.faults().iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    let decision = world::decide(&plugin, &Headers::new(), false);
    match &faults {
        Some(faults) => {
            assert!(!faults.is_empty());
            assert!(matches!(decision, Err(Rejection::Misconfigured { .. })), "{decision:?}");
        }
        None => assert!(!matches!(decision, Err(Rejection::Misconfigured { .. })), "{decision:?}"),
    }
    // How the VM's configuration is read does not depend on the plugin's.
    let is_forced = Plugin::new(b"", configuration).faults().map(|error| error.faults().len());
    assert_eq!(is_forced, Some(1), "the empty configuration, or the VM's");
    faults
}

/// Whether YAML and a Struct read a value alike. This needs little nesting, no member name longer than YAML's limit of
/// 1024, and no character that JSON does not escape but YAML does not allow.
fn is_plain(value: &Value, depth: usize) -> bool {
    let is_plain_text = |text: &str| text.len() < 1000 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let Some(inner) = depth.checked_sub(1) else { return false };
    match value {
        Value::Object(members) => members.iter().all(|(name, value)| is_plain_text(name) && is_plain(value, inner)),
        Value::Array(elements) => elements.iter().all(|element| is_plain(element, inner)),
        Value::String(text) => is_plain_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn to_struct(members: serde_json::Map<String, Value>) -> Struct {
    Struct { fields: members.into_iter().map(|(name, value)| (name, to_value(value))).collect() }
}

fn to_value(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a number")),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(elements) => Kind::ListValue(ListValue { values: elements.into_iter().map(to_value).collect() }),
        Value::Object(members) => Kind::StructValue(to_struct(members)),
    };
    prost_types::Value { kind: Some(kind) }
}
