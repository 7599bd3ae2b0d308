//! JSON as Kubernetes makes it of YAML: `sigs.k8s.io/yaml` with its `goyaml.v2`, which speaks YAML 1.1.

use std::collections::HashSet;

use saphyr_parser::ScalarStyle;
use serde_json::{Map, Number, Value};

use super::scalar::{integer, is_null, truth};
use super::{PlacedFault, STANDS_TWICE, element, member};
use crate::check::yaml::{Content, CoreType, Node, Scalar, Tagged};

/// The JSON of a value, `<<` followed; and what became of it without a word to anybody. A fault where Kubernetes would not
/// take the file.
pub(in crate::check) fn json(node: &Node) -> Result<(Value, Vec<PlacedFault>), PlacedFault> {
    let mut reader = Reader::default();
    let value = reader.value(node, "")?;
    Ok((value, reader.slips))
}

#[derive(Default)]
struct Reader {
    slips: Vec<PlacedFault>,
}

impl Reader {
    fn value(&mut self, node: &Node, path: &str) -> Result<Value, PlacedFault> {
        match &node.content {
            Content::Scalar(scalar) => {
                by_kubernetes(scalar).map_err(|problem| PlacedFault::new(node.position, path, problem))
            }
            Content::Sequence(elements) => {
                elements.iter().enumerate().map(|(index, node)| self.value(node, &element(path, index))).collect()
            }
            Content::Mapping(entries) => self.members(entries, path).map(Value::Object),
        }
    }

    fn members(&mut self, entries: &[(Node, Node)], path: &str) -> Result<Map<String, Value>, PlacedFault> {
        let mut members = Map::new();
        let mut own = HashSet::new();
        for (key, value) in entries {
            match (key.scalar().filter(|key| is_merge(key)), &value.content) {
                (Some(_), Content::Mapping(_)) => self.merge(value, path, &mut members)?,
                (Some(_), Content::Sequence(others)) => {
                    others.iter().rev().try_for_each(|other| self.merge(other, path, &mut members))?;
                }
                (Some(_), Content::Scalar(_)) | (None, _) => {
                    let name = self.key(key, path)?;
                    let path = member(path, &name);
                    members.insert(name.clone(), self.value(value, &path)?);
                    if !own.insert(name) {
                        self.slips.push(PlacedFault::new(key.position, &path, STANDS_TWICE));
                    }
                }
            }
        }
        Ok(members)
    }

    fn merge(&mut self, other: &Node, path: &str, members: &mut Map<String, Value>) -> Result<(), PlacedFault> {
        if let Value::Object(others) = self.value(other, path)? {
            members.extend(others);
        }
        Ok(())
    }

    /// The name that a key becomes: JSON has strings only, so `n`, without quotes, is `false`.
    fn key(&mut self, key: &Node, path: &str) -> Result<String, PlacedFault> {
        let refused = |problem: &str| PlacedFault::new(key.position, path, problem);
        let unfit = "expected a key that is a string; Kubernetes would not take the file";
        let scalar = key.scalar().ok_or_else(|| refused(unfit))?;
        match by_kubernetes(scalar).map_err(|problem| refused(&problem))? {
            Value::String(name) => Ok(name),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(truth) => {
                let text = &scalar.text;
                let problem = format!("Kubernetes takes the key {text} for {truth}: put it in quotes");
                self.slips.push(PlacedFault::new(key.position, &member(path, text), problem));
                Ok(truth.to_string())
            }
            Value::Null | Value::Array(_) | Value::Object(_) => Err(refused(unfit)),
        }
    }
}

fn is_merge(key: &Scalar) -> bool {
    key.style == ScalarStyle::Plain && key.tag == Tagged::None && key.text == "<<"
}

/// A scalar with its tag: without one, quotes make a string; under a type of YAML it must be of that type, in quotes or
/// not; under any other tag it is a string.
fn by_kubernetes(scalar: &Scalar) -> Result<Value, String> {
    let text = scalar.text.as_str();
    let core_type = match scalar.tag {
        Tagged::None if scalar.style == ScalarStyle::Plain => return Ok(plain(text)),
        Tagged::None | Tagged::NonSpecific | Tagged::String | Tagged::Other => return Ok(text.into()),
        Tagged::Core(core_type) => core_type,
    };
    let value = plain(text);
    let fits = match core_type {
        CoreType::Null => value.is_null(),
        CoreType::Bool => value.is_boolean(),
        CoreType::Int => value.is_i64() || value.is_u64(),
        CoreType::Float => value.is_number(),
    };
    if fits { Ok(value) } else { Err("is not what its tag says; Kubernetes would not take the file".to_owned()) }
}

/// A plain scalar without a tag: `resolve` of `goyaml.v2`.
pub(super) fn plain(text: &str) -> Value {
    if is_null(text) {
        return Value::Null;
    }
    if let Some(truth) = truth(text) {
        return truth.into();
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return text.into();
    }
    let digits = text.replace('_', "");
    if let Some(number) = prefixed(&digits).or_else(|| integer(&digits)) {
        return number.into();
    }
    // Other than Go, Rust takes words like `inf` for numbers.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = digits.parse().ok().filter(|_| is_number).and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

/// A binary or octal number with the prefix of Go.
fn prefixed(text: &str) -> Option<i64> {
    let (digits, radix) = match text.get(..2)? {
        "0b" | "0B" => (&text[2..], 2),
        "0o" | "0O" => (&text[2..], 8),
        _ => return None,
    };
    digits.bytes().next().filter(u8::is_ascii_digit).and_then(|_| i64::from_str_radix(digits, radix).ok())
}

#[cfg(test)]
mod tests;
