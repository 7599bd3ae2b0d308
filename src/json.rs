//! The JSON of tokens. Duplicate members are an error at any depth, the depth is limited, and numbers keep their
//! digits.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value, which borrows from the JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// A number as it is written in the text, so `9007199254740993` and `1.10` keep all digits.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// A JSON object without duplicate members, in the order of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// Reads `text` as one JSON object with the members of `T`, at any depth. `None` for any other text.
///
/// Serde alone would also read a list: its elements as the members, in their order.
pub(crate) fn read_members<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Option<T> {
    let is_object = text.trim_ascii_start().starts_with(b"{");
    serde_json::from_slice(text).ok().filter(|_| is_object)
}

impl<'a> Object<'a> {
    /// Reads `text` as one JSON object. `None` for any other text, for a duplicate member in any of its objects
    /// ([RFC 7515 §4](https://www.rfc-editor.org/rfc/rfc7515#section-4),
    /// [RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4)), and for nesting deeper than `max_depth`.
    ///
    /// A value is read once for each level around it. So `max_depth` also limits the time, to a multiple of the text's
    /// length.
    pub(crate) fn parse(text: &'a [u8], max_depth: u32) -> Option<Self> {
        // Counting brackets is faster than measuring the depth, and most texts have few.
        let brackets = text.iter().filter(|&&byte| byte == b'{' || byte == b'[').count();
        if brackets > max_depth as usize && depth(text) > max_depth {
            return None;
        }
        Self::from_members(serde_json::from_slice(text).ok()?).ok()
    }

    /// How many members it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The member with exactly this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().find_map(|(member, value)| (member == name).then_some(value))
    }

    fn from_members(members: Members<'a>) -> serde_json::Result<Self> {
        let values = members.0.into_iter().map(|(name, raw)| Ok((name, Value::parse(raw.get())?)));
        values.collect::<Result<_, _>>().map(Self)
    }
}

impl<'a> Value<'a> {
    /// Reads one value. The caller has checked its depth.
    fn parse(text: &'a str) -> serde_json::Result<Self> {
        Ok(match text.as_bytes().first() {
            Some(b'{') => Self::Object(Object::from_members(serde_json::from_str(text)?)?),
            Some(b'[') => Self::Array(
                serde_json::from_str::<Vec<&'a RawValue>>(text)?
                    .into_iter()
                    .map(|element| Self::parse(element.get()))
                    .collect::<Result<_, _>>()?,
            ),
            Some(b'"') => Self::String(parse_string(text)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text),
        })
    }

    /// The characters of a string; `None` for any other value.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// The value as plain text for a backend: a string unchanged, a number with its digits, an array of scalars joined
    /// by `,`, and any other array or object as compact JSON.
    ///
    /// # Errors
    /// When another array would have the same text: an element contains a `,`, or the only element is an empty string.
    /// The error is a predicate for the message of A403JT.
    pub(crate) fn to_text(&self) -> Result<Cow<'_, str>, &'static str> {
        let Self::Array(elements) = self else { return Ok(self.plain()) };
        if !elements.iter().all(Self::is_scalar) {
            return Ok(self.plain());
        }
        let texts: Vec<_> = elements.iter().map(Self::plain).collect();
        if texts.iter().any(|text| text.contains(',')) {
            return Err("is an array with a comma in an element, so it can't be joined; use format: json");
        }
        if texts == [""] {
            return Err("is an array of one empty string, which would arrive as an empty array; use format: json");
        }
        Ok(Cow::Owned(texts.join(",")))
    }

    /// The value as compact JSON, safe for a header: all control characters are escaped, even those that JSON allows
    /// unescaped ([RFC 8259 §7](https://www.rfc-editor.org/rfc/rfc8259#section-7)).
    pub(crate) fn to_json(&self) -> String {
        let json = self.to_string();
        if !json.chars().any(char::is_control) {
            return json;
        }
        // Compact JSON has control characters only in strings, where an escape is allowed.
        json.chars().fold(String::with_capacity(json.len()), |mut escaped, character| {
            if character.is_control() {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            } else {
                escaped.push(character);
            }
            escaped
        })
    }

    /// A string unchanged, any other value as compact JSON.
    pub(crate) fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::String(text) => Cow::Borrowed(text),
            Self::Number(digits) => Cow::Borrowed(digits),
            other => Cow::Owned(other.to_string()),
        }
    }
}

/// Compact JSON. Members keep their order.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(digits) => f.write_str(digits),
            Self::String(text) => write_quoted(f, text),
            Self::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write_comma(f, index)?;
                    write!(f, "{element}")?;
                }
                f.write_str("]")
            }
            Self::Object(object) => {
                f.write_str("{")?;
                for (index, (name, value)) in object.0.iter().enumerate() {
                    write_comma(f, index)?;
                    write_quoted(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Reads a string from its JSON, with quotes, which is known to be valid. Without an escape the result borrows from it.
fn parse_string(text: &str) -> serde_json::Result<Cow<'_, str>> {
    let plain = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match plain.filter(|plain| !plain.contains('\\')) {
        Some(plain) => Ok(Cow::Borrowed(plain)),
        None => Ok(serde_json::from_str::<Text>(text)?.0),
    }
}

fn write_comma(f: &mut fmt::Formatter<'_>, index: usize) -> fmt::Result {
    if index > 0 { f.write_str(",") } else { Ok(()) }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

/// The members of an object without duplicates, and the unread JSON of their values.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// How deep objects and arrays nest in `text`. The text need not be valid JSON.
fn depth(text: &[u8]) -> u32 {
    let (mut depth, mut deepest) = (0_u32, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A string that borrows from the JSON if it has no escape. A plain `Cow` would always copy.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
                names.sort_unstable();
                if !names.is_sorted_by(|name, next| name < next) {
                    return Err(A::Error::custom("duplicate member"));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests;
