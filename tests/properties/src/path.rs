//! A claim in the path is one segment after the template's prefix, whatever its value is. The query stays.
//!
//! Input: a digit for the template, a line with the claim's value, the target.

use percent_encoding::percent_decode;
use serde_json::json;

use super::parameters;
use super::world::{self, Input};

/// A template: the text before and after the value, and whether it has the request's path.
const TEMPLATES: [(&str, &str, bool); 4] =
    [("/users/", "{path}", true), ("/a/", "/b", false), ("/id-", ".json;v=1", false), ("{path}/users/", "/x", true)];

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let (front, back, has_path) = TEMPLATES[input.choice(TEMPLATES.len())];
    let value = parameters::value_of(input.line());
    let (target, Some(token)) = (input.rest(), parameters::token_of(Some(&value))) else { return };
    // Envoy rejects other targets itself, also `OPTIONS *`.
    if !target.starts_with(b"/") {
        return;
    }
    let plugin = world::plugin(json!({
        "parameter": "t", "parameterLocation": "header", "backendPath": format!("{front}{{id}}{back}"),
        "claimParameters": [{"claimName": "v", "parameterName": "id", "location": "path"}],
    }));
    let headers = vec![(":path".to_owned(), target.to_vec()), ("t".to_owned(), token.into_bytes())];
    let (path, query) = world::split_target(target);
    let edits = match world::decide(&plugin, &headers, false) {
        Ok(edits) => edits,
        Err(rejection) => {
            let bad_value = ["", ".", ".."].contains(&value.as_str()) || parameters::is_too_long(Some(&value));
            let bad_path = has_path && may_lead_elsewhere(path);
            assert!(bad_value || bad_path, "{}", rejection.message());
            return;
        }
    };
    assert_eq!((edits.headers.len(), &edits.form), (0, &None));
    let edited = edits.path.expect("an edited path");
    let (edited_path, edited_query) = world::split_target(&edited);
    assert_eq!(edited_query, query);
    if has_path {
        assert!(!may_lead_elsewhere(path), "{}", path.escape_ascii());
    }
    let filled =
        |text: &str| [text.replace("{path}", "").as_bytes(), if text.contains("{path}") { path } else { b"" }].concat();
    let (front, back) = if front.starts_with('{') {
        ([path, front.trim_start_matches("{path}").as_bytes()].concat(), filled(back))
    } else {
        (filled(front), filled(back))
    };
    assert!(!parameters::is_too_long(Some(&value)));
    let segment = edited_path
        .strip_prefix(front.as_slice())
        .and_then(|rest| rest.strip_suffix(back.as_slice()))
        .unwrap_or_else(|| panic!("{}", edited_path.escape_ascii()));
    assert!(!["", ".", ".."].contains(&value.as_str()), "{}", edited_path.escape_ascii());
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte);
    assert!(segment.iter().all(unreserved), "{}", segment.escape_ascii());
    assert!(percent_decode(segment).eq(value.bytes()), "{}", segment.escape_ascii());
}

/// Whether this path has a segment that a server could read as a dot segment, which could leave the path before it.
fn may_lead_elsewhere(path: &[u8]) -> bool {
    let decoded: String = percent_decode(path).map(char::from).collect();
    decoded.replace('\\', "/").split('/').map(|segment| segment.split(';').next().unwrap_or_default()).any(|name| {
        let dots = name.chars().filter(|&letter| letter == '.').count();
        (1..=2).contains(&dots) && dots == name.len()
    })
}
