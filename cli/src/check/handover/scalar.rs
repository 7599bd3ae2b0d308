//! The value of a YAML scalar, for each of its readers.

use saphyr_parser::ScalarStyle;
use serde_json::{Number, Value};

use crate::check::yaml::Scalar;

/// The type of a scalar to Envoy: `parseYamlNode` of its `source/common/protobuf/yaml_utility.cc`, on top of yaml-cpp.
///
/// Booleans are those of YAML 1.1, numbers have 32 bits, and the rest is a string, fractions included. Only the tag `!`
/// makes a string in any case, and yaml-cpp gives it to untagged quoted scalars. Other tags, also `!!str`, have no
/// effect.
pub(super) fn by_envoy(scalar: &Scalar, tag: Option<&str>) -> Value {
    let text = scalar.text.as_str();
    let is_plain = scalar.style == ScalarStyle::Plain;
    if tag == Some("!") || (tag.is_none() && !is_plain) {
        return text.into();
    }
    if tag.is_none() && is_null(text) {
        return Value::Null;
    }
    if let Some(boolean) = boolean(text) {
        return boolean.into();
    }
    match integer(text) {
        Some(number) if i32::try_from(number).is_ok() => number.into(),
        Some(number) => number.to_string().into(),
        None => text.into(),
    }
}

/// The name of a key to Envoy; yaml-cpp calls an empty one `null`.
pub(super) fn key_by_envoy<'a>(key: &'a Scalar, tag: Option<&str>) -> &'a str {
    let is_empty = tag.is_none() && key.style == ScalarStyle::Plain && is_null(&key.text);
    if is_empty { "null" } else { &key.text }
}

/// The value of a scalar in a JSON file.
pub(super) fn in_json(scalar: &Scalar) -> Value {
    if scalar.style == ScalarStyle::Plain { plain(&scalar.text) } else { scalar.text.as_str().into() }
}

/// The value of a scalar to Kubernetes, which uses `sigs.k8s.io/yaml` with its `goyaml.v2`.
///
/// # Errors
/// If the value is not of the type that its tag names.
pub(super) fn by_kubernetes(scalar: &Scalar, tag: Option<&str>) -> Result<Value, String> {
    let text = scalar.text.as_str();
    let value = plain(text);
    let is_of_type = match tag.map(|tag| tag.strip_prefix("tag:yaml.org,2002:").unwrap_or_default()) {
        None if scalar.style == ScalarStyle::Plain => true,
        Some("null") => value.is_null(),
        Some("bool") => value.is_boolean(),
        Some("int") => value.is_i64() || value.is_u64(),
        Some("float") => value.is_number(),
        None | Some(_) => return Ok(text.into()),
    };
    if is_of_type {
        Ok(value)
    } else {
        Err("the value does not match its tag; Kubernetes would reject the file".to_owned())
    }
}

/// Whether it is the merge key `<<` of YAML 1.1.
pub(super) fn is_merge(key: &Scalar, tag: Option<&str>) -> bool {
    key.style == ScalarStyle::Plain && tag.is_none() && key.text == "<<"
}

/// An untagged plain scalar: `resolve` of `goyaml.v2`.
fn plain(text: &str) -> Value {
    if is_null(text) {
        return Value::Null;
    }
    if let Some(boolean) = boolean(text) {
        return boolean.into();
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
        return text.into();
    }
    let digits = text.replace('_', "");
    if let Some(number) = prefixed(&digits).or_else(|| integer(&digits)) {
        return number.into();
    }
    // Rust also parses words such as `inf`, which Go does not.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = digits.parse().ok().filter(|_| is_number).and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

/// A binary or octal number with the prefix of Go.
fn prefixed(text: &str) -> Option<i64> {
    let (radix, digits) = match text.split_at_checked(2)? {
        ("0b" | "0B", digits) => (2, digits),
        ("0o" | "0O", digits) => (8, digits),
        _ => return None,
    };
    digits.starts_with(|first: char| first.is_ascii_digit()).then(|| i64::from_str_radix(digits, radix).ok())?
}

fn is_null(text: &str) -> bool {
    ["", "~", "null", "Null", "NULL"].contains(&text)
}

/// A boolean of YAML 1.1: in lower case, in upper case or capitalised.
fn boolean(text: &str) -> Option<bool> {
    let (first, rest) = text.split_at_checked(1)?;
    let is_uniform = rest == rest.to_ascii_lowercase() || text == text.to_ascii_uppercase();
    match (first.to_ascii_lowercase() + &rest.to_ascii_lowercase()).as_str() {
        "true" | "yes" | "on" | "y" if is_uniform => Some(true),
        "false" | "no" | "off" | "n" if is_uniform => Some(false),
        _ => None,
    }
}

/// An integer of 64 bits: decimal, hexadecimal with `0x`, or octal with a leading zero.
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
