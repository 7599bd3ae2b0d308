//! What must hold of an edited query and of an edited form alike.

use percent_encoding::percent_decode;
use serde_json::json;

use super::world;

/// Names of mapped parameters, harmless and not.
pub(super) const NAMES: [&str; 4] = ["userId", "a b", "u+v", "é[x]&="];

/// The longest value that the filter sends.
const MAX_VALUE_BYTES: usize = 8000;

/// A token whose claim `v` is this text, if there is to be one.
pub(super) fn token_of(value: Option<&str>) -> Option<String> {
    world::token(&value.map_or_else(|| json!({}), |value| json!({"v": value})))
}

/// The value that a line is. Behind `{long}` it is the next letter, about as often as the filter lets it pass: so often that
/// each letter more makes it one longer.
pub(super) fn value_of(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    match line.strip_prefix("{long}").map(|rest| (rest.chars().next(), rest.chars().count())) {
        Some((Some(letter), count)) => letter.to_string().repeat(MAX_VALUE_BYTES - 3 + count),
        _ => line.into_owned(),
    }
}

/// Whether a value grows longer than the filter sends when it is encoded.
pub(super) fn is_too_long(value: Option<&str>) -> bool {
    let encoded = |byte: u8| if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { 1 } else { 3 };
    value.is_some_and(|value| value.bytes().map(encoded).sum::<usize>() > MAX_VALUE_BYTES)
}

/// `edited` is `came` without some parameters and with `name=value` at its end. Those that a plain parser reads as `name` or
/// `hidden` are gone; those without a trace of the names are still there, to the byte and in order. `tests/readers` holds what
/// lies between against parsers in use.
pub(super) fn check(came: Option<&[u8]>, edited: Option<&[u8]>, hidden: Option<&str>, name: &str, value: Option<&str>) {
    let pieces = |encoded: Option<&[u8]>| -> Vec<Vec<u8>> {
        let is_separator = |byte: &u8| b"&;\xa6".contains(byte);
        encoded.map_or_else(Vec::new, |encoded| encoded.split(is_separator).map(<[u8]>::to_vec).collect())
    };
    let (all, mut rest) = (pieces(came), pieces(edited));
    // A form of which nothing stays is an empty one.
    if edited == Some(b"") && !all.contains(&Vec::new()) {
        rest.clear();
    }
    if let Some(value) = value {
        assert!(!is_too_long(Some(value)), "a value of {} bytes was sent", value.len());
        let mapped = rest.pop().expect("the mapped parameter");
        let read: Vec<_> = form_urlencoded::parse(&mapped).collect();
        assert_eq!(read, [(name.into(), value.into())], "{}", mapped.escape_ascii());
        let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%=".contains(byte);
        assert!(mapped.iter().all(unreserved), "{}", mapped.escape_ascii());
    }
    let shown = |pieces: &[Vec<u8>]| pieces.join(&b'&').escape_ascii().to_string();
    let mut left = rest.iter().peekable();
    for piece in &all {
        let is_kept = left.next_if_eq(&piece).is_some();
        let has_trace = [Some(name), hidden].into_iter().flatten().any(|name| has_trace(piece, name));
        // Of nothing at all no parameter stays, not even an empty one.
        let is_nothing = came == Some(b"") && value.is_some();
        assert!(is_kept || has_trace || is_nothing, "{} is gone from {}", piece.escape_ascii(), shown(&all));
    }
    assert_eq!(left.next(), None, "{} is not of {}", shown(&rest), shown(&all));
    if rest.len() == all.len() && value.is_none() {
        assert_eq!(edited, came, "nothing to change");
    }
    // Once more, as a server reads it.
    for name in [Some(name), hidden.filter(|hidden| *hidden != name)].into_iter().flatten() {
        let read = form_urlencoded::parse(edited.unwrap_or_default()).filter(|(other, _)| other == name).count();
        let is_mapped = value.is_some() && Some(name) != hidden;
        assert_eq!(read, usize::from(is_mapped), "{name} in {}", edited.unwrap_or_default().escape_ascii());
    }
}

/// Whether the parameter begins with the name, or what stands before a bracket in it, once all that some parser drops in
/// front is gone and all that some parser takes for each other is one.
fn has_trace(raw: &[u8], name: &str) -> bool {
    let masked: Vec<u8> = raw.iter().map(|byte| byte & 0x7f).collect();
    let folded = |text: &str| text.trim_start_matches([' ', '[', ']', '.', '?', '_']).replace([' ', '.', '['], "_");
    let name = folded(name.split('[').next().unwrap_or_default());
    [raw, &masked].into_iter().flat_map(readings).any(|read| folded(&read).starts_with(&name))
}

/// Whether a server could read this parameter as `name`, or as a member of an array or object of that name: by the letter,
/// or as PHP does.
pub(super) fn stands_for(raw: &[u8], name: &str) -> bool {
    let folded = |text: &str| text.replace([' ', '.', '['], "_");
    readings(raw).iter().any(|read| {
        let php = read.trim_start_matches(' ').split('\0').next().unwrap_or_default();
        [read.as_str(), php].iter().any(|read| {
            let parted = read.get(..name.len()).zip(read.get(name.len()..));
            parted
                .is_some_and(|(head, rest)| folded(head) == folded(name) && (rest.is_empty() || rest.starts_with('[')))
        })
    })
}

/// Whether a server could read this parameter as `name`.
pub(super) fn is_named(raw: &[u8], name: &str) -> bool {
    raw.split(|byte| b";\xa6".contains(byte)).any(|raw| has_trace(raw, name))
}

/// The parameter's name with `+` as a space and as itself.
fn readings(raw: &[u8]) -> [String; 2] {
    let encoded = raw.split(|&byte| byte == b'=').next().unwrap_or_default();
    let with_spaces = form_urlencoded::parse(encoded).next().map_or_else(String::new, |(name, _)| name.into_owned());
    [with_spaces, percent_decode(encoded).decode_utf8_lossy().into_owned()]
}
