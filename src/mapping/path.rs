//! `backendPath`: claims as segments of the path.

use percent_encoding::{percent_decode, utf8_percent_encode};

use super::encoding::ENCODED;

/// The name of the placeholder for the path of the request.
const REQUEST_PATH: &str = "path";

/// A path with placeholders for the values of claims.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    RequestPath,
    /// The placeholder of the claim with this `parameterName`.
    Value(String),
}

impl Template {
    /// Reads a template. Each of `names` must have a placeholder in it, and each placeholder must be one of `names` or
    /// `path`. The error is what was expected.
    pub(super) fn parse(template: &str, names: &[&str]) -> Result<Self, String> {
        let parts = split(template).ok_or("expected each { to be closed by a } before the next one")?;
        let starts_well = match parts.first() {
            Some(Part::Text(text)) => text.starts_with('/'),
            Some(Part::RequestPath) => true,
            _ => false,
        };
        if !starts_well {
            return Err("expected a path that begins with / or {path}".to_owned());
        }
        for part in &parts {
            match part {
                Part::Text(text) if !is_path_text(text) => {
                    return Err("expected letters, digits, %XX and -._~!$&'()*+,;=:@/ between placeholders".to_owned());
                }
                Part::Value(name) if !names.contains(&name.as_str()) => {
                    return Err("expected placeholders named path or as a parameterName with location: path".to_owned());
                }
                _ => {}
            }
        }
        if names.contains(&REQUEST_PATH) {
            return Err("expected no parameterName to be path, which stands for the path of the request".to_owned());
        }
        let has_place = |name: &&str| parts.iter().any(|part| matches!(part, Part::Value(value) if value == name));
        match names.iter().find(|name| !has_place(name)) {
            Some(name) => Err(format!("expected a placeholder {{{name}}}")),
            None => Ok(Self { parts }),
        }
    }

    /// The path for the backend, from the path of the request and the value for each name.
    ///
    /// The error is what is wrong with the path of the request, if the template uses it. A dot segment could remove the
    /// segments that the template puts in front of it. Without a leading slash it would extend the segment before it.
    pub(super) fn fill<'v>(
        &self,
        request_path: &[u8],
        value_of: impl Fn(&str) -> Option<&'v [u8]>,
    ) -> Result<Vec<u8>, &'static str> {
        let mut path = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => path.extend_from_slice(text.as_bytes()),
                Part::RequestPath if !request_path.starts_with(b"/") => return Err("does not begin with /"),
                Part::RequestPath if has_dot_segment(request_path) => return Err("has a dot segment"),
                Part::RequestPath => path.extend_from_slice(request_path),
                Part::Value(name) => path.extend_from_slice(value_of(name).ok_or("lacks a value")?),
            }
        }
        Ok(path)
    }
}

/// Encodes a text as one segment of a path. The error is what is wrong with the text: an empty text, `.` and `..` would
/// change which segments the path has.
pub(super) fn encode(text: &str) -> Result<Vec<u8>, &'static str> {
    match text {
        "" => Err("is empty, which a path segment can't be"),
        "." | ".." => Err("is a dot segment"),
        _ => Ok(utf8_percent_encode(text, ENCODED).to_string().into_bytes()),
    }
}

/// Splits a template into its parts. `None` if its braces don't match.
fn split(template: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}')?;
        if text.contains('}') || name.contains('{') {
            return None;
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        parts.push(if name == REQUEST_PATH { Part::RequestPath } else { Part::Value(name.to_owned()) });
        rest = tail;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Some(parts)
}

/// Whether a text is valid in a path without encoding
/// ([RFC 3986 §3.3](https://www.rfc-editor.org/rfc/rfc3986#section-3.3)).
fn is_path_text(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                let mut is_hex = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                is_hex() && is_hex()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    true
}

/// Whether a server could read a segment as `.` or `..`: also percent-encoded, between backslashes, or with a parameter
/// as in `..;a=b`.
fn has_dot_segment(path: &[u8]) -> bool {
    let decoded: Vec<u8> = percent_decode(path).collect();
    decoded.split(|byte| b"/\\".contains(byte)).any(|segment| {
        let name = segment.split(|&byte| byte == b';').next().unwrap_or_default();
        name == b"." || name == b".."
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, path: &str) -> Result<String, String> {
        let template = Template::parse(template, &["a", "b"])?;
        let value = |name: &str| Some(if name == "a" { b"1".as_slice() } else { b"2" });
        template.fill(path.as_bytes(), value).map(|path| String::from_utf8(path).unwrap()).map_err(str::to_owned)
    }

    #[test]
    fn placeholders_are_replaced() {
        for (template, expected) in [
            ("/users/{a}{path}/{b}", "/users/1/p/q/2"),
            ("{path}/{a}-{b};x=%41", "/p/q/1-2;x=%41"),
            ("/{a}/{b}/{a}", "/1/2/1"),
        ] {
            assert_eq!(fill(template, "/p/q").as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_template_that_could_not_be_filled_is_an_error() {
        let beginning = "expected a path that begins with / or {path}";
        let braces = "expected each { to be closed by a } before the next one";
        let names = "expected placeholders named path or as a parameterName with location: path";
        let text = "expected letters, digits, %XX and -._~!$&'()*+,;=:@/ between placeholders";
        for (template, expected) in [
            ("", beginning),
            ("x/{a}/{b}", beginning),
            ("{a}/{b}", beginning),
            ("/{a}/{b", braces),
            ("/{a}/b}", braces),
            ("/{a{b}}", braces),
            ("/{a}/{b}/{c}", names),
            ("/{a}/{b}/{}", names),
            ("/{a}/{b}?x", text),
            ("/{a}/{b}#x", text),
            ("/{a}/ {b}", text),
            ("/{a}/%4{b}", text),
            ("/{a}/é{b}", text),
            ("/{a}", "expected a placeholder {b}"),
        ] {
            assert_eq!(fill(template, "/p").unwrap_err(), expected, "{template}");
        }
        let reserved = "expected no parameterName to be path, which stands for the path of the request";
        assert_eq!(Template::parse("/{path}", &["path"]).map(|_| ()).unwrap_err(), reserved);
    }

    #[test]
    fn dot_segments_of_the_request_are_rejected() {
        for path in [
            "/..",
            "/../",
            "/./x",
            "/a/../../b",
            "/%2e%2E/b",
            "/a%2f..%2fb",
            "/..\\b",
            "/a%5c..%5cb",
            "/..;x/b",
            "/.%2e/b",
            "/.",
        ] {
            assert_eq!(fill("/u/{a}{path}/{b}", path), Err("has a dot segment".to_owned()), "{path}");
        }
        for path in ["/...", "/a..b", "/.a", "/a.", "//", "/%252e%252e", "/a;..", "/"] {
            assert_eq!(fill("/u/{a}{path}/{b}", path), Ok(format!("/u/1{path}/2")), "{path}");
        }
        assert_eq!(fill("/u/{a}/{b}", "/.."), Ok("/u/1/2".to_owned()), "a template without {{path}} does not use it");
    }

    #[test]
    fn a_value_is_always_one_segment() {
        assert_eq!(encode("a/../b?c#d;e=%2f é").unwrap(), b"a%2F..%2Fb%3Fc%23d%3Be%3D%252f%20%C3%A9");
        assert_eq!(encode("...").unwrap(), b"...");
        for text in ["", ".", ".."] {
            assert!(encode(text).is_err(), "{text:?}");
        }
    }
}
