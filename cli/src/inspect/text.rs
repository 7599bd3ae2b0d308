//! JSON as it stands in a token: shown with its own digits, in its own order, with members that stand twice.

use std::collections::{BTreeMap, HashSet};

use serde_json::value::RawValue;

/// Levels beyond this one are not indented any further; the filter refuses claims that nest as deep.
const MAX_INDENTED: usize = 64;

/// The text of one JSON object.
#[derive(Debug)]
pub(super) struct Json {
    text: String,
    /// One member or element a line.
    pub(super) pretty: String,
    /// Without white space.
    pub(super) compact: String,
    /// How deep objects and arrays nest.
    pub(super) depth: usize,
    /// The names that stand twice in one object, at any depth.
    pub(super) duplicates: Vec<String>,
    /// Whether a string in it is no text: it has half of a surrogate pair.
    pub(super) has_broken_text: bool,
}

impl Json {
    /// Reads a JSON object; says why where there is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("is not UTF-8 text, from byte {} on", error.valid_up_to() + 1))?;
        let value: &RawValue = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
        if !value.get().starts_with('{') {
            return Err(format!("is not a JSON object but {}", kind(value.get())));
        }
        let mut layout = Layout::default();
        layout.lay_out(value.get());
        let Layout { pretty, compact, depth, duplicates, has_broken_text, levels: _ } = layout;
        Ok(Self { text: value.get().to_owned(), pretty, compact, depth, duplicates, has_broken_text })
    }

    /// The JSON text of the outermost members; of a name that stands twice, the last.
    ///
    /// Empty where a name is no text (half of a surrogate pair).
    pub(super) fn members(&self) -> BTreeMap<String, &RawValue> {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// What kind of value a JSON text is.
pub(super) fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        Some(_) | None => "a number",
    }
}

/// The text of a JSON string; `None` for another kind.
pub(super) fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The value of a JSON number, if a double can hold it; `None` for another kind.
pub(super) fn number(json: &str) -> Option<f64> {
    if kind(json) == "a number" { json.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// Walks over a text that is known to be JSON, without recursion: its depth is the writer's choice.
#[derive(Debug, Default)]
struct Layout {
    pretty: String,
    compact: String,
    depth: usize,
    duplicates: Vec<String>,
    has_broken_text: bool,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    /// The names so far, in an object.
    names: Option<HashSet<String>>,
    is_name_next: bool,
    is_empty: bool,
}

impl Layout {
    fn lay_out(&mut self, mut json: &str) {
        while let Some(first) = json.chars().next() {
            let length = match first {
                '"' => string_length(json),
                '{' | '[' | '}' | ']' | ',' | ':' => 1,
                first if first.is_ascii_whitespace() => {
                    json = &json[1..];
                    continue;
                }
                // A number, true, false or null.
                _ => json.find(|end: char| ",]} \t\r\n".contains(end)).unwrap_or(json.len()),
            };
            let (token, rest) = json.split_at(length);
            self.compact.push_str(token);
            match first {
                '{' | '[' => self.open(token, first == '{'),
                '}' | ']' => self.close(token),
                ',' => self.comma(),
                ':' => self.pretty.push_str(": "),
                _ => self.scalar(token),
            }
            json = rest;
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

    fn scalar(&mut self, token: &str) {
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
                self.duplicates.push(name);
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

/// The length of the JSON string at the beginning of `json`, with its quotes.
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

    #[test]
    fn an_object_is_laid_out_as_it_is() {
        let json =
            Json::parse(b" {\"b\" : 9007199254740993,\"a\":[1.10 , {\"\\\"}\":null},[],{}],\n\"b\":true} ").unwrap();
        assert_eq!(
            json.pretty,
            "{\n  \"b\": 9007199254740993,\n  \"a\": [\n    1.10,\n    {\n      \"\\\"}\": null\n    },\n    [],\n    {}\n  ],\n  \"b\": true\n}"
        );
        assert_eq!(json.compact, r#"{"b":9007199254740993,"a":[1.10,{"\"}":null},[],{}],"b":true}"#);
        assert_eq!((json.depth, json.duplicates.as_slice()), (3, ["b".to_owned()].as_slice()));
        assert_eq!(json.members()["b"].get(), "true");
    }

    #[test]
    fn a_name_that_stands_twice_is_found_in_any_spelling_and_at_any_depth() {
        let json = Json::parse(br#"{"a":{"x":1,"\u0078":2},"b":[{"y":"y","y":[]}],"c":"c","d":{"a":1}}"#).unwrap();
        assert_eq!(json.duplicates, ["x", "y"]);
    }

    #[test]
    fn what_is_no_object_is_told_for_what_it_is() {
        for (bytes, expected) in [
            (&b"[]"[..], "is not a JSON object but an array"),
            (b"\"a\"", "is not a JSON object but a string"),
            (b"-1", "is not a JSON object but a number"),
            (b"null", "is not a JSON object but null"),
            (b"{\"a\":\xff}", "is not UTF-8 text, from byte 6 on"),
            (b"{", "is not JSON: EOF while parsing an object at line 1 column 1"),
        ] {
            assert_eq!(Json::parse(bytes).unwrap_err(), expected);
        }
    }

    #[test]
    fn no_depth_is_too_much() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Json::parse(deep.as_bytes()).unwrap().depth, 200_001);
    }
}
