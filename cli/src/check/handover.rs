//! What becomes of a part of a file on its way to the filter: Envoy, Istio and Envoy Gateway each read YAML in their own way.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct};
use saphyr_parser::ScalarStyle;
use serde_json::{Map, Number, Value};

use super::yaml::{Content, Node, Scalar, Tagged};

/// The wire bytes of a mapping that Envoy reads as a `google.protobuf.Struct`; empty for anything else.
pub(super) fn struct_bytes(node: &Node, notation: Notation) -> Vec<u8> {
    Struct { fields: fields(node, notation) }.encode_to_vec()
}

/// How Envoy reads a file: it goes by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
    Yaml,
    Json,
}

/// The JSON of a value that Kubernetes reads, `<<` followed.
pub(super) fn json(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) => by_kubernetes(scalar),
        Content::Sequence(elements) => elements.iter().map(json).collect(),
        Content::Mapping(entries) => {
            let mut members = Map::new();
            for (key, value) in entries {
                match (key.scalar(), &value.content) {
                    (Some(key), Content::Mapping(_)) if is_merge(key) => merge(value, &mut members),
                    (Some(key), Content::Sequence(others)) if is_merge(key) => {
                        others.iter().rev().for_each(|other| merge(other, &mut members));
                    }
                    (Some(key), _) => drop(members.insert(key.text.clone(), json(value))),
                    (None, _) => {}
                }
            }
            Value::Object(members)
        }
    }
}

fn is_merge(key: &Scalar) -> bool {
    is_plain(key) && key.text == "<<"
}

fn merge(other: &Node, members: &mut Map<String, Value>) {
    if let Value::Object(others) = json(other) {
        members.extend(others);
    }
}

fn fields(node: &Node, notation: Notation) -> BTreeMap<String, prost_types::Value> {
    node.entries().iter().filter_map(|(key, value)| Some((key.text()?.to_owned(), proto(value, notation)))).collect()
}

fn proto(node: &Node, notation: Notation) -> prost_types::Value {
    let kind = match &node.content {
        Content::Scalar(scalar) if notation == Notation::Json => in_json(scalar),
        Content::Scalar(scalar) => by_envoy(scalar),
        Content::Sequence(elements) => {
            let values = elements.iter().map(|element| proto(element, notation)).collect();
            Kind::ListValue(ListValue { values })
        }
        Content::Mapping(_) => Kind::StructValue(Struct { fields: fields(node, notation) }),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A scalar of JSON: protobuf's own reader makes a double of every number.
fn in_json(scalar: &Scalar) -> Kind {
    match by_kubernetes(scalar) {
        Value::Null => Kind::NullValue(0),
        Value::Bool(truth) => Kind::BoolValue(truth),
        Value::Number(number) => number.as_f64().map_or(Kind::NullValue(0), Kind::NumberValue),
        Value::String(_) | Value::Array(_) | Value::Object(_) => Kind::StringValue(scalar.text.clone()),
    }
}

fn is_plain(scalar: &Scalar) -> bool {
    scalar.style == ScalarStyle::Plain && scalar.tag != Tagged::NonSpecific
}

/// `parseYamlNode` of Envoy's `source/common/protobuf/yaml_utility.cc`, with yaml-cpp below it: the truth values of YAML
/// 1.1, numbers of 32 bits, and everything else as a string, fractions among them; `!!str` changes nothing.
fn by_envoy(scalar: &Scalar) -> Kind {
    let text = scalar.text.as_str();
    if !is_plain(scalar) {
        return Kind::StringValue(scalar.text.clone());
    }
    if is_null(text) {
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

/// YAML 1.1 as `sigs.k8s.io/yaml` makes JSON of it: `resolve` of its `goyaml.v2`.
fn by_kubernetes(scalar: &Scalar) -> Value {
    let text = scalar.text.as_str();
    if !is_plain(scalar) || scalar.tag == Tagged::String {
        return text.into();
    }
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

fn is_null(text: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&text)
}

/// The truth values of YAML 1.1, in lower case, upper case or with a capital.
fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let capital = lower.get(..1).map(|first| first.to_ascii_uppercase() + &lower[1..]);
    if ![Some(lower.clone()), Some(lower.to_ascii_uppercase()), capital].contains(&Some(text.to_owned())) {
        return None;
    }
    match lower.as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// A whole number of 64 bits: decimal, `0x` hexadecimal, or octal with a zero in front.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("-", digits) => ("-", digits),
        ("+", digits) => ("", digits),
        _ => ("", text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::yaml;

    const TEXT: &str =
        "[5, -5, 017, 0x1F, 08, 1.5, 1e3, 5000000000, '5', true, 'true', yes, On, NO, oN, y, ~, , null, a b, !!str 5]";

    #[test]
    fn envoy_reads_a_struct_in_its_own_way() {
        let text = TEXT.replace("~, , ", "~, '', ");
        let document = yaml::load(&format!("a: {text}")).unwrap().remove(0);
        let Kind::ListValue(list) = proto(document.get("a").unwrap(), Notation::Yaml).kind.unwrap() else {
            panic!("no list")
        };
        let (number, string) = (Kind::NumberValue, |text: &str| Kind::StringValue(text.to_owned()));
        let expected = [
            number(5.0),
            number(-5.0),
            number(15.0),
            number(31.0),
            string("08"),
            string("1.5"),
            string("1e3"),
            string("5000000000"),
            string("5"),
            Kind::BoolValue(true),
            string("true"),
            Kind::BoolValue(true),
            Kind::BoolValue(true),
            Kind::BoolValue(false),
            string("oN"),
            Kind::BoolValue(true),
            Kind::NullValue(0),
            string(""),
            Kind::NullValue(0),
            string("a b"),
            number(5.0),
        ];
        assert_eq!(list.values.into_iter().map(|value| value.kind.unwrap()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn envoy_reads_a_struct_of_json_as_it_is() {
        let document = yaml::load(r#"[5, 1.5, 30.0, 5000000000, "5", true, null]"#).unwrap().remove(0);
        let Kind::ListValue(list) = proto(&document, Notation::Json).kind.unwrap() else { panic!("no list") };
        let number = Kind::NumberValue;
        let expected = [
            number(5.0),
            number(1.5),
            number(30.0),
            number(5e9),
            Kind::StringValue("5".to_owned()),
            Kind::BoolValue(true),
            Kind::NullValue(0),
        ];
        assert_eq!(list.values.into_iter().map(|value| value.kind.unwrap()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn kubernetes_reads_yaml_as_json() {
        let text = TEXT.replace("~, , ", "~, '', ");
        let document = yaml::load(&text).unwrap().remove(0);
        assert_eq!(
            json(&document),
            serde_json::json!([
                5,
                -5,
                15,
                31,
                8.0,
                1.5,
                1000.0,
                5_000_000_000_i64,
                "5",
                true,
                "true",
                true,
                true,
                false,
                "oN",
                true,
                null,
                "",
                null,
                "a b",
                "5"
            ])
        );
    }

    #[test]
    fn kubernetes_knows_more_numbers_and_merges() {
        let numbers = "[0b101, 0o17, 1_000, -0x1F, .5, 5., 1e3, +1, .inf, 1.2.3, 2026-11-21, 0b2, '1_0']";
        assert_eq!(
            json(&yaml::load(numbers).unwrap().remove(0)),
            serde_json::json!([5, 15, 1000, -31, 0.5, 5.0, 1000.0, 1, ".inf", "1.2.3", "2026-11-21", "0b2", "1_0"])
        );
        let merged = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': {x: 1}}";
        let document = yaml::load(merged).unwrap().remove(0);
        assert_eq!(json(document.get("c").unwrap()), serde_json::json!({"x": 1, "y": 1, "z": 3}));
        assert_eq!(json(document.get("d").unwrap()), serde_json::json!({"<<": {"x": 1}}));
    }
}
