//! A YAML or JSON value as Envoy or Kubernetes reads it.

use std::collections::{BTreeMap, HashSet};

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use serde_json::{Map, Value};

use super::Finding;
use super::scalar::{by_envoy, by_kubernetes, in_json, is_merge, key_by_envoy};
use crate::check::yaml::{Content, Node};

/// The program that reads the file, and the format that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Notation {
    /// Envoy, as YAML; the file's extension decides.
    Yaml,
    /// Envoy, as JSON.
    Json,
    /// Kubernetes, for Istio and Envoy Gateway.
    Kubernetes,
}

/// The JSON of a value; and the errors that the reader does not report.
///
/// # Errors
/// An error because of which Envoy would not start, or Kubernetes would reject the file.
pub(in crate::check) fn json(node: &Node, notation: Notation) -> Result<(Value, Vec<Finding>), Finding> {
    let mut reader = Reader { notation, silent_errors: Vec::new() };
    let value = reader.value(node, "")?;
    Ok((value, reader.silent_errors))
}

/// The wire bytes of a mapping that is read as a `google.protobuf.Struct`; empty for other values. Otherwise as
/// [`json`].
pub(in crate::check) fn struct_bytes(node: &Node, notation: Notation) -> Result<(Vec<u8>, Vec<Finding>), Finding> {
    let (value, silent_errors) = json(node, notation)?;
    let bytes = match protobuf(value) {
        Kind::StructValue(fields) => fields.encode_to_vec(),
        _ => Vec::new(),
    };
    Ok((bytes, silent_errors))
}

fn protobuf(json: Value) -> Kind {
    let value = |json| prost_types::Value { kind: Some(protobuf(json)) };
    match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(boolean) => Kind::BoolValue(boolean),
        Value::Number(number) => number.as_f64().map_or(Kind::NullValue(0), Kind::NumberValue),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(elements) => Kind::ListValue(ListValue { values: elements.into_iter().map(value).collect() }),
        Value::Object(members) => {
            let fields: BTreeMap<_, _> = members.into_iter().map(|(name, json)| (name, value(json))).collect();
            Kind::StructValue(Struct { fields })
        }
    }
}

struct Reader {
    notation: Notation,
    silent_errors: Vec<Finding>,
}

impl Reader {
    fn value(&mut self, node: &Node, path: &str) -> Result<Value, Finding> {
        match &node.content {
            Content::Scalar(scalar) => match self.notation {
                Notation::Yaml => Ok(by_envoy(scalar, node.tag.as_deref())),
                Notation::Json => Ok(in_json(scalar)),
                Notation::Kubernetes => by_kubernetes(scalar, node.tag.as_deref())
                    .map_err(|problem| Finding::new(node.position, path, problem)),
            },
            Content::Sequence(elements) => {
                let elements = elements.iter().enumerate();
                elements.map(|(index, node)| self.value(node, &format!("{path}[{index}]"))).collect()
            }
            Content::Mapping(entries) => self.members(entries, path).map(Value::Object),
        }
    }

    fn members(&mut self, entries: &[(Node, Node)], path: &str) -> Result<Map<String, Value>, Finding> {
        let mut members = Map::new();
        let mut names = HashSet::new();
        for (key, value) in entries {
            let is_kubernetes = self.notation == Notation::Kubernetes;
            if !is_kubernetes && key.tag.as_deref() == Some("!ignore") {
                continue;
            }
            if is_kubernetes && key.scalar().is_some_and(|scalar| is_merge(scalar, key.tag.as_deref())) {
                match &value.content {
                    Content::Mapping(_) => self.merge(value, path, &mut members)?,
                    Content::Sequence(others) => {
                        others.iter().rev().try_for_each(|other| self.merge(other, path, &mut members))?;
                    }
                    Content::Scalar(_) => drop(members.insert("<<".to_owned(), self.value(value, path)?)),
                }
                continue;
            }
            let name = self.key(key, path)?;
            let path = member(path, &name);
            members.insert(name.clone(), self.value(value, &path)?);
            if names.insert(name) {
                continue;
            }
            if self.notation == Notation::Json {
                return Err(Finding::new(key.position, &path, "duplicate key; Envoy would not start with it"));
            }
            self.silent_errors.push(Finding::new(key.position, &path, "duplicate key; the last value wins"));
        }
        Ok(members)
    }

    fn merge(&mut self, other: &Node, path: &str, members: &mut Map<String, Value>) -> Result<(), Finding> {
        if let Value::Object(others) = self.value(other, path)? {
            members.extend(others);
        }
        Ok(())
    }

    fn key(&mut self, key: &Node, path: &str) -> Result<String, Finding> {
        let tag = key.tag.as_deref();
        match key.scalar() {
            Some(scalar) if self.notation != Notation::Kubernetes => Ok(key_by_envoy(scalar, tag).to_owned()),
            Some(scalar) => match by_kubernetes(scalar, tag) {
                Ok(Value::String(name)) => Ok(name),
                Ok(Value::Number(number)) => Ok(number.to_string()),
                // JSON has only strings as keys, so the key `n` becomes "false".
                Ok(Value::Bool(boolean)) => {
                    let text = &scalar.text;
                    let problem = format!("Kubernetes reads the key {text} as {boolean}: put it in quotes");
                    self.silent_errors.push(Finding::new(key.position, &member(path, text), problem));
                    Ok(boolean.to_string())
                }
                Ok(_) => Err(self.not_a_string(key, path)),
                Err(problem) => Err(Finding::new(key.position, path, problem)),
            },
            None => Err(self.not_a_string(key, path)),
        }
    }

    fn not_a_string(&self, key: &Node, path: &str) -> Finding {
        let result = match self.notation {
            Notation::Yaml | Notation::Json => "Envoy would not start with it",
            Notation::Kubernetes => "Kubernetes would reject the file",
        };
        Finding::new(key.position, path, format!("expected a string as the key; {result}"))
    }
}

/// The name of a member of a field.
fn member(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

#[cfg(test)]
mod tests;
