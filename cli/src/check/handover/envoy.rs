//! A `google.protobuf.Struct` as Envoy makes it of YAML or JSON.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use saphyr_parser::ScalarStyle;
use serde_json::Value;

use super::scalar::{integer, is_null, truth};
use super::{PlacedFault, STANDS_TWICE, element, kubernetes, member};
use crate::check::yaml::{Content, Node, Scalar, Tagged};

/// Who reads the file that Envoy gets its Struct from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Notation {
    /// Envoy, as YAML: it goes by the end of the file's name.
    Yaml,
    /// Envoy, as JSON.
    Json,
    /// Kubernetes, for Istio.
    Kubernetes,
}

/// The wire bytes of a mapping that is read as a `google.protobuf.Struct`, empty for anything else; and what was dropped
/// of it. A fault where Envoy would not start.
pub(in crate::check) fn struct_bytes(
    node: &Node,
    notation: Notation,
) -> Result<(Vec<u8>, Vec<PlacedFault>), PlacedFault> {
    let mut reader = Reader { notation, slips: Vec::new() };
    let fields = match notation {
        Notation::Yaml | Notation::Json => reader.fields(node, "")?,
        Notation::Kubernetes => {
            let (json, slips) = kubernetes::json(node)?;
            reader.slips = slips;
            match of_json(json) {
                Kind::StructValue(Struct { fields }) => fields,
                Kind::NullValue(_)
                | Kind::BoolValue(_)
                | Kind::NumberValue(_)
                | Kind::StringValue(_)
                | Kind::ListValue(_) => BTreeMap::new(),
            }
        }
    };
    Ok((Struct { fields }.encode_to_vec(), reader.slips))
}

struct Reader {
    notation: Notation,
    slips: Vec<PlacedFault>,
}

impl Reader {
    fn fields(&mut self, node: &Node, path: &str) -> Result<BTreeMap<String, prost_types::Value>, PlacedFault> {
        let mut fields = BTreeMap::new();
        for (key, value) in node.entries().iter().filter(|(key, _)| !key.is_ignored) {
            let Some(scalar) = key.scalar() else {
                let problem = "expected a key that is a string; Envoy would not start with it";
                return Err(PlacedFault::new(key.position, path, problem));
            };
            let name = key_by_envoy(scalar);
            let path = member(path, name);
            let value = self.value(value, &path)?;
            if fields.insert(name.to_owned(), value).is_none() {
                continue;
            }
            match self.notation {
                Notation::Yaml | Notation::Kubernetes => {
                    self.slips.push(PlacedFault::new(key.position, &path, STANDS_TWICE));
                }
                Notation::Json => {
                    let problem = "stands twice; Envoy would not start with it";
                    return Err(PlacedFault::new(key.position, &path, problem));
                }
            }
        }
        Ok(fields)
    }

    fn value(&mut self, node: &Node, path: &str) -> Result<prost_types::Value, PlacedFault> {
        let kind = match &node.content {
            Content::Scalar(scalar) if self.notation == Notation::Json => in_json(scalar),
            Content::Scalar(scalar) => by_envoy(scalar),
            Content::Sequence(elements) => {
                let values = elements.iter().enumerate().map(|(index, node)| self.value(node, &element(path, index)));
                Kind::ListValue(ListValue { values: values.collect::<Result<_, _>>()? })
            }
            Content::Mapping(_) => Kind::StructValue(Struct { fields: self.fields(node, path)? }),
        };
        Ok(prost_types::Value { kind: Some(kind) })
    }
}

/// A scalar of JSON: protobuf's own reader makes a double of every number.
fn in_json(scalar: &Scalar) -> Kind {
    if scalar.style == ScalarStyle::Plain {
        of_json(kubernetes::plain(&scalar.text))
    } else {
        Kind::StringValue(scalar.text.clone())
    }
}

fn of_json(json: Value) -> Kind {
    let value = |json| prost_types::Value { kind: Some(of_json(json)) };
    match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(truth),
        Value::Number(number) => number.as_f64().map_or(Kind::NullValue(0), Kind::NumberValue),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(elements) => Kind::ListValue(ListValue { values: elements.into_iter().map(value).collect() }),
        Value::Object(members) => {
            let fields = members.into_iter().map(|(name, json)| (name, value(json))).collect();
            Kind::StructValue(Struct { fields })
        }
    }
}

/// `parseYamlNode` of Envoy's `source/common/protobuf/yaml_utility.cc`, with yaml-cpp below it: the truth values of YAML
/// 1.1, numbers of 32 bits, and everything else as a string, fractions among them. A string for certain is only what has
/// the tag `!`, as which yaml-cpp takes quotes without a tag; any other tag, `!!str` included, takes nothing for certain.
fn by_envoy(scalar: &Scalar) -> Kind {
    let text = scalar.text.as_str();
    let is_plain = scalar.style == ScalarStyle::Plain;
    let is_string = match scalar.tag {
        Tagged::None => !is_plain,
        Tagged::NonSpecific => true,
        Tagged::String | Tagged::Core(_) | Tagged::Other => false,
    };
    if is_string {
        return Kind::StringValue(scalar.text.clone());
    }
    if scalar.tag == Tagged::None && is_null(text) {
        return Kind::NullValue(0);
    }
    if let Some(truth) = truth(text) {
        return Kind::BoolValue(truth);
    }
    match integer(text) {
        Some(number) if i32::try_from(number).is_ok() => Kind::NumberValue(number as f64),
        Some(number) => Kind::StringValue(number.to_string()),
        None => Kind::StringValue(scalar.text.clone()),
    }
}

/// The text of a key; yaml-cpp has a name for that which is nothing.
fn key_by_envoy(key: &Scalar) -> &str {
    let is_nothing = key.tag == Tagged::None && key.style == ScalarStyle::Plain && is_null(&key.text);
    if is_nothing { "null" } else { &key.text }
}

#[cfg(test)]
mod tests;
