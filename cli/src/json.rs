//! JSON of tokens, as it is: with its digits, its order and its duplicate members.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use serde_json::value::RawValue;

/// Deeper levels get no further indentation; the filter rejects claims that are nested so deeply.
const MAX_INDENTED: usize = 64;

/// One JSON object.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
    /// With one member or element on each line.
    pub(crate) pretty: String,
    /// Without white space.
    pub(crate) compact: String,
    /// How deeply objects and arrays are nested.
    pub(crate) depth: usize,
    /// The duplicate members, at any depth.
    pub(crate) duplicates: Vec<Duplicate>,
    /// Whether a string has half of a surrogate pair, which no text has.
    pub(crate) has_broken_text: bool,
    /// The objects and arrays around the current place, while the text is read.
    levels: Vec<Level>,
}

/// A member that the object already has.
#[derive(Debug)]
pub(crate) struct Duplicate {
    pub(crate) name: String,
    /// Where its name begins, both counted from 1, the column in characters.
    line: usize,
    column: usize,
}

#[derive(Debug)]
struct Level {
    /// In an object, the names so far.
    names: Option<HashSet<String>>,
    is_name_next: bool,
    is_empty: bool,
}

impl Json {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// What it is instead, as the end of a sentence.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("is not UTF-8: see byte {}", error.valid_up_to() + 1))?;
        let value: &RawValue = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        if !value.get().starts_with('{') {
            return Err(format!("is not a JSON object but {}", kind(value.get())));
        }
        let mut json = Self { text: value.get().to_owned(), ..Self::default() };
        json.lay_out(text);
        Ok(json)
    }

    /// The JSON of each top-level member; of duplicates, the last.
    ///
    /// Empty if a name has half of a surrogate pair.
    pub(crate) fn members(&self) -> BTreeMap<String, &RawValue> {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// The kind of a JSON value, with its article.
pub(crate) fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) | None => "a number",
    }
}

/// The content of a JSON string; `None` for other kinds.
pub(crate) fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The value of a JSON number that fits a double; `None` for other kinds.
pub(crate) fn number(json: &str) -> Option<f64> {
    if kind(json) == "a number" { json.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// The first duplicate member of a JSON value, at any depth. The text must be valid JSON.
pub(crate) fn duplicate(json: &str) -> Option<Duplicate> {
    let mut value = Json::default();
    value.lay_out(json);
    value.duplicates.into_iter().next()
}

/// As a part of a sentence, with its place.
impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate member {:?} at line {} column {}", self.name, self.line, self.column)
    }
}

impl Json {
    /// Walks over valid JSON. There is no recursion, because a token can nest as deeply as it wants.
    fn lay_out(&mut self, json: &str) {
        let mut rest = json;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '"' => string_length(rest),
                '{' | '[' | '}' | ']' | ',' | ':' => 1,
                first if first.is_ascii_whitespace() => {
                    rest = &rest[1..];
                    continue;
                }
                // A number, true, false or null.
                _ => rest.find(|end: char| ",]} \t\r\n".contains(end)).unwrap_or(rest.len()),
            };
            let before = &json[..json.len() - rest.len()];
            let (token, after) = rest.split_at(length);
            self.compact.push_str(token);
            match first {
                '{' | '[' => self.open(token, first == '{'),
                '}' | ']' => self.close(token),
                ',' => self.comma(),
                ':' => self.pretty.push_str(": "),
                _ => self.scalar(token, before),
            }
            rest = after;
        }
    }

    fn open(&mut self, token: &str, is_object: bool) {
        self.begin_value();
        self.pretty.push_str(token);
        self.levels.push(Level { names: is_object.then(HashSet::new), is_name_next: is_object, is_empty: true });
        self.depth = self.depth.max(self.levels.len());
    }

    fn close(&mut self, token: &str) {
        if self.levels.pop().is_some_and(|level| !level.is_empty) {
            self.new_line();
        }
        self.pretty.push_str(token);
    }

    fn comma(&mut self) {
        self.pretty.push(',');
        self.new_line();
        if let Some(level) = self.levels.last_mut() {
            level.is_name_next = level.names.is_some();
        }
    }

    /// `before` is the text before the scalar.
    fn scalar(&mut self, token: &str, before: &str) {
        self.begin_value();
        self.pretty.push_str(token);
        self.has_broken_text |= token.starts_with('"') && string(token).is_none();
        if let Some(level) = self.levels.last_mut()
            && level.is_name_next
            && let Some(names) = &mut level.names
        {
            level.is_name_next = false;
            let name = string(token).unwrap_or_else(|| token.to_owned());
            if !names.insert(name.clone()) {
                let line = before.rsplit('\n').next().unwrap_or_default();
                let (line, column) = (before.matches('\n').count() + 1, line.chars().count() + 1);
                self.duplicates.push(Duplicate { name, line, column });
            }
        }
    }

    fn begin_value(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && std::mem::take(&mut level.is_empty)
        {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        self.pretty.push('\n');
        self.pretty.push_str(&"  ".repeat(self.levels.len().min(MAX_INDENTED)));
    }
}

/// The length of the JSON string at the beginning of `json`, quotes included.
fn string_length(json: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of_duplicates(json: &Json) -> Vec<&str> {
        json.duplicates.iter().map(|duplicate| duplicate.name.as_str()).collect()
    }

    #[test]
    fn an_object_is_laid_out_without_changes() {
        let json =
            Json::parse(b" {\"b\" : 9007199254740993,\"a\":[1.10 , {\"\\\"}\":null},[],{}],\n\"b\":true} ").unwrap();
        assert_eq!(
            json.pretty,
            "{\n  \"b\": 9007199254740993,\n  \"a\": [\n    1.10,\n    {\n      \"\\\"}\": null\n    },\n    [],\n    {}\n  ],\n  \"b\": true\n}"
        );
        assert_eq!(json.compact, r#"{"b":9007199254740993,"a":[1.10,{"\"}":null},[],{}],"b":true}"#);
        assert_eq!((json.depth, names_of_duplicates(&json)), (3, vec!["b"]));
        assert_eq!(json.members()["b"].get(), "true");
    }

    #[test]
    fn a_duplicate_member_is_found_in_any_spelling_and_at_any_depth() {
        let json = Json::parse(br#"{"a":{"x":1,"\u0078":2},"b":[{"y":"y","y":[]}],"c":"c","d":{"a":1}}"#).unwrap();
        assert_eq!(names_of_duplicates(&json), ["x", "y"]);
    }

    #[test]
    fn the_place_of_a_duplicate_member_is_counted_in_lines_and_characters() {
        for (text, place) in
            [("{\"a\":1,\"a\":2}", "line 1 column 8"), ("\n{\"a\": \"é\",\n \"a\": 2}", "line 3 column 2")]
        {
            assert_eq!(duplicate(text).unwrap().to_string(), format!("duplicate member \"a\" at {place}"));
        }
        assert!(duplicate(r#"["a", "a", {"a": {"a": 1}}]"#).is_none());
    }

    #[test]
    fn what_is_not_an_object_is_described() {
        for (bytes, expected) in [
            (&b"[]"[..], "is not a JSON object but an array"),
            (b"\"a\"", "is not a JSON object but a string"),
            (b"-1", "is not a JSON object but a number"),
            (b"null", "is not a JSON object but null"),
            (b"{\"a\":\xff}", "is not UTF-8: see byte 6"),
            (b"{", "is not JSON: EOF while parsing an object at line 1 column 1"),
        ] {
            assert_eq!(Json::parse(bytes).unwrap_err(), expected);
        }
    }

    #[test]
    fn any_depth_is_read() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Json::parse(deep.as_bytes()).unwrap().depth, 200_001);
    }
}
