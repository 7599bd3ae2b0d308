//! Properties of an edited query and of an edited form.

use percent_encoding::percent_decode;
use serde_json::json;

use super::world;

/// Names of mapped parameters, plain ones and ones with special characters.
pub(super) const NAMES: [&str; 4] = ["userId", "a b", "u+v", "é[x]&="];

/// The longest value that the filter sends.
const MAX_VALUE_BYTES: usize = 8000;

/// A token with this string as its claim `v`, or without the claim.
pub(super) fn token_of(value: Option<&str>) -> Option<String> {
    world::token(&value.map_or_else(|| json!({}), |value| json!({"v": value})))
}

/// The value that a line stands for. After `{long}`, it is the next character repeated, to about the length limit of
/// the filter. Each further character in the line makes it one longer.
pub(super) fn value_of(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    match line.strip_prefix("{long}").map(|rest| (rest.chars().next(), rest.chars().count())) {
        Some((Some(letter), count)) => letter.to_string().repeat(MAX_VALUE_BYTES - 3 + count),
        _ => line.into_owned(),
    }
}

/// Whether the percent-encoded value is longer than the filter's limit.
pub(super) fn is_too_long(value: Option<&str>) -> bool {
    let encoded = |byte: u8| if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { 1 } else { 3 };
    value.is_some_and(|value| value.bytes().map(encoded).sum::<usize>() > MAX_VALUE_BYTES)
}

/// Checks that `edited` is `came` without some parameters and with `name=value` at its end. Parameters that a simple
/// parser reads as `name` or `hidden` are removed. Parameters without a trace of these names stay unchanged and in
/// order. `tests/readers` tests the cases in between with parsers in use.
pub(super) fn check(came: Option<&[u8]>, edited: Option<&[u8]>, hidden: Option<&str>, name: &str, value: Option<&str>) {
    let pieces = |encoded: Option<&[u8]>| -> Vec<Vec<u8>> {
        let is_separator = |byte: &u8| b"&;\xa6".contains(byte);
        encoded.map_or_else(Vec::new, |encoded| encoded.split(is_separator).map(<[u8]>::to_vec).collect())
    };
    let (all, mut rest) = (pieces(came), pieces(edited));
    // If no parameter stays, the form is empty.
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
        // An empty text has no parameters, not even an empty one.
        let is_nothing = came == Some(b"") && value.is_some();
        assert!(is_kept || has_trace || is_nothing, "{} was removed from {}", piece.escape_ascii(), shown(&all));
    }
    assert_eq!(left.next(), None, "{} has parameters that are not in {}", shown(&rest), shown(&all));
    if rest.len() == all.len() && value.is_none() {
        assert_eq!(edited, came, "nothing to change");
    }
    // Check again, with a parser.
    for name in [Some(name), hidden.filter(|hidden| *hidden != name)].into_iter().flatten() {
        let read = form_urlencoded::parse(edited.unwrap_or_default()).filter(|(other, _)| other == name).count();
        let is_mapped = value.is_some() && Some(name) != hidden;
        assert_eq!(read, usize::from(is_mapped), "{name} in {}", edited.unwrap_or_default().escape_ascii());
    }
}

/// Whether the parameter begins with the name, or with the part of the name before a bracket. Characters that some
/// parser drops at the beginning are ignored, and characters that some parser treats as equal are equal.
fn has_trace(raw: &[u8], name: &str) -> bool {
    let masked: Vec<u8> = raw.iter().map(|byte| byte & 0x7f).collect();
    let folded = |text: &str| text.trim_start_matches([' ', '[', ']', '.', '?', '_']).replace([' ', '.', '['], "_");
    let name = folded(name.split('[').next().unwrap_or_default());
    [raw, &masked].into_iter().flat_map(readings).any(|read| folded(&read).starts_with(&name))
}

/// Whether a server could read this parameter as `name`, or as a member of an array or object with that name, by the
/// standard or like PHP.
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

/// The parameter's name, decoded with `+` as a space and with `+` as itself.
fn readings(raw: &[u8]) -> [String; 2] {
    let encoded = raw.split(|&byte| byte == b'=').next().unwrap_or_default();
    let with_spaces = form_urlencoded::parse(encoded).next().map_or_else(String::new, |(name, _)| name.into_owned());
    [with_spaces, percent_decode(encoded).decode_utf8_lossy().into_owned()]
}
