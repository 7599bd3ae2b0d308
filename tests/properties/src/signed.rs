//! For any header and payload with a valid signature, the filter decides like a small model that shares no code with
//! it.
//!
//! Input: a digit for the configuration, a line with the header (if empty, the usual one), the payload.

use jwt_auth::HeaderEdit;
use serde_json::{Value, json};

use super::json::{Json, member};
use super::world::{self, Input, NOW};

/// The rules of one configuration.
#[derive(Clone, Copy)]
struct Rules {
    ignore_expiration: bool,
    skew: f64,
    max_lifetime: f64,
}

const RULES: [Rules; 4] = [
    Rules { ignore_expiration: false, skew: 0.0, max_lifetime: 604_800.0 },
    Rules { ignore_expiration: true, skew: 0.0, max_lifetime: 604_800.0 },
    Rules { ignore_expiration: false, skew: 30.0, max_lifetime: 3600.0 },
    Rules { ignore_expiration: false, skew: 3600.0, max_lifetime: 0.0 },
];

/// How deep a header and a payload may nest.
const MAX_HEADER_DEPTH: usize = 8;
const MAX_DEPTH: usize = 64;

/// The longest value in a header.
const MAX_VALUE_BYTES: usize = 8000;

impl Rules {
    fn configuration(&self) -> Value {
        json!({
            "parameter": "t", "parameterLocation": "header", "ignoreExpirationCheck": self.ignore_expiration,
            "clockSkewSeconds": self.skew as u32, "maxTokenLifetimeSeconds": self.max_lifetime as u32,
            "claimParameters": [{"claimName": "v", "parameterName": "x-v", "location": "header"}],
        })
    }
}

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let rules = RULES[input.choice(RULES.len())];
    let header = Some(input.line()).filter(|line| !line.is_empty()).unwrap_or(br#"{"alg":"HS256"}"#);
    let payload = input.rest();
    let token = world::key().token_raw(header, payload);
    if token.len() > 16 * 1024 {
        return;
    }
    let headers = vec![("t".to_owned(), token.into_bytes())];
    let decision = world::decide(&world::plugin(rules.configuration()), &headers, false);
    let found = decision.as_ref().map_or_else(|rejection| rejection.code(), |_| "pass");
    match model(rules, header, payload) {
        Err(code) => assert_eq!(found, code, "{} {}", header.escape_ascii(), payload.escape_ascii()),
        Ok(value) => {
            let edits = decision.unwrap_or_else(|rejected| panic!("{} {}", rejected.message(), payload.escape_ascii()));
            let sent: Vec<_> = edits.headers.into_iter().collect();
            match (value.as_ref().map(Json::to_text), sent.as_slice()) {
                (None | Some(Ok(None)), []) => {}
                (Some(Ok(Some(text))), [HeaderEdit::Add(name, set)]) => {
                    assert_eq!((name.as_ref(), set.as_ref()), ("x-v", text.as_bytes()));
                }
                (Some(Err(value)), [HeaderEdit::Add(_, set)]) => check_compact(value, set),
                (expected, sent) => panic!("{sent:?}, expected {expected:?}"),
            }
        }
    }
}

/// The claim `v` of a token that passes, or the code of the rejection.
fn model(rules: Rules, header: &[u8], payload: &[u8]) -> Result<Option<Json>, &'static str> {
    let header = Json::object(header, MAX_HEADER_DEPTH).ok_or("I400JD")?;
    match member(&header, "kid") {
        None | Some(Json::String(_)) => {}
        Some(_) => return Err("A403JK"),
    }
    let algorithm = Json::String("HS256".to_owned());
    if member(&header, "crit").is_some() || member(&header, "alg") != Some(&algorithm) {
        return Err("A403JT");
    }
    let claims = Json::object(payload, MAX_DEPTH).ok_or("I400JD")?;
    let [expiration, not_before, issued_at] = ["exp", "nbf", "iat"].map(|name| match member(&claims, name) {
        None => Ok(None),
        Some(Json::Number(text)) => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Some).ok_or("A403JT")
        }
        Some(_) => Err("A403JT"),
    });
    let (expiration, not_before, issued_at) = (expiration?, not_before?, issued_at?);
    let now = f64::from(NOW);
    if !rules.ignore_expiration {
        let expiration = expiration.ok_or("A403JT")?;
        if now >= expiration + rules.skew {
            return Err("A403JE");
        }
        if rules.max_lifetime > 0.0 && expiration - issued_at.unwrap_or(now) >= rules.max_lifetime {
            return Err("A403JT");
        }
    }
    if not_before.is_some_and(|not_before| now < not_before - rules.skew) {
        return Err("A403JT");
    }
    let value = member(&claims, "v").cloned();
    match value.as_ref().map(Json::to_text) {
        Some(Ok(Some(text))) if text.len() > MAX_VALUE_BYTES || text.chars().any(char::is_control) => Err("A403JT"),
        Some(Ok(Some(text))) if text.starts_with(' ') || text.ends_with(' ') => Err("A403JT"),
        Some(Ok(Some(_))) if value.as_ref().is_some_and(joins_ambiguously) => Err("A403JT"),
        // In JSON, control characters are escaped, except DEL and those above it.
        Some(Err(value)) if has_control(value) => Err("A403JT"),
        _ => Ok(value),
    }
}

/// Whether another list gives the same joined text.
fn joins_ambiguously(value: &Json) -> bool {
    match value {
        Json::Array(elements) => {
            let is_lone_empty = elements.as_slice() == [Json::String(String::new())];
            is_lone_empty || elements.iter().any(|element| matches!(element, Json::String(text) if text.contains(',')))
        }
        _ => false,
    }
}

fn has_control(value: &Json) -> bool {
    let is_raw_control = |text: &String| text.chars().any(|letter| letter.is_control() && letter >= '\u{7f}');
    match value {
        Json::String(text) => is_raw_control(text),
        Json::Array(elements) => elements.iter().any(has_control),
        Json::Object(members) => members.iter().any(|(name, value)| is_raw_control(name) || has_control(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Checks that `text` is the value as JSON without white space.
fn check_compact(value: &Json, text: &[u8]) {
    let wrapped = [br#"{"v":"#, text, b"}"].concat();
    let read = Json::object(&wrapped, MAX_DEPTH).unwrap_or_else(|| panic!("no JSON: {}", text.escape_ascii()));
    assert_eq!(member(&read, "v"), Some(value));
    let mut is_quoted = false;
    let mut is_escaped = false;
    for &byte in text {
        assert!(is_quoted || !byte.is_ascii_whitespace(), "{}", text.escape_ascii());
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
    }
}
