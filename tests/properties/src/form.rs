//! A claim in a form appears once, and every other parameter keeps its bytes and its position.
//!
//! Input: a digit for the parameter's name, one for whether the token has the claim, a line with its value, the body.

use serde_json::json;

use super::parameters::{self, NAMES};
use super::world::{self, Input};

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let name = NAMES[input.choice(NAMES.len())];
    let is_there = input.choice(2) == 0;
    let value = parameters::value_of(input.line());
    let value = is_there.then_some(value.as_str());
    let Some(token) = parameters::token_of(value) else { return };
    let plugin = world::plugin(json!({
        "parameter": "t", "parameterLocation": "header",
        "claimParameters": [{"claimName": "v", "parameterName": name, "location": "formData"}],
    }));
    let headers = [
        (":path", b"/p".as_slice()),
        ("t", token.as_bytes()),
        ("content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_vec())).to_vec();
    match world::decide(&plugin, &headers, true) {
        Ok(edits) => {
            assert_eq!((edits.headers.len(), &edits.path), (0, &None));
            let body = input.rest();
            let rewritten = edits.form.expect("an edit of the form").rewrite(body);
            parameters::check(Some(body), Some(&rewritten), None, name, value);
        }
        Err(rejection) => assert!(parameters::is_too_long(value), "{}", rejection.message()),
    }
}
