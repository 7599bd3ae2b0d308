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

/// `edited` is `came` without the parameters that a server could take for `name`, without those named `hidden`, and with
/// `name=value` at its end.
pub(super) fn check(came: Option<&[u8]>, edited: Option<&[u8]>, hidden: Option<&str>, name: &str, value: Option<&str>) {
    let pieces = |encoded: Option<&[u8]>| -> Vec<Vec<u8>> {
        encoded.map_or_else(Vec::new, |encoded| encoded.split(|&byte| byte == b'&').map(<[u8]>::to_vec).collect())
    };
    let all = pieces(came);
    let kept: Vec<_> = all
        .iter()
        .filter(|raw| !stands_for(raw, name) && !hidden.is_some_and(|hidden| is_named(raw, hidden)))
        .cloned()
        .collect();
    if value.is_none() && kept.len() == all.len() {
        assert_eq!(edited, came, "nothing to change");
        return;
    }
    let mut rest = pieces(edited);
    if let Some(value) = value {
        assert!(!is_too_long(Some(value)), "a value of {} bytes was sent", value.len());
        let mapped = rest.pop().expect("the mapped parameter");
        let read: Vec<_> = form_urlencoded::parse(&mapped).collect();
        assert_eq!(read, [(name.into(), value.into())], "{}", mapped.escape_ascii());
        let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%=".contains(byte);
        assert!(mapped.iter().all(unreserved), "{}", mapped.escape_ascii());
    }
    // Of nothing at all no parameter stays, not even an empty one.
    let kept = if came == Some(b"") { Vec::new() } else { kept };
    let joined = |pieces: &[Vec<u8>]| pieces.join(&b'&').escape_ascii().to_string();
    assert_eq!(joined(&rest), joined(&kept), "the parameters that stay");
    // Once more, as a server reads it.
    let read: Vec<_> = form_urlencoded::parse(edited.unwrap_or_default()).filter(|(other, _)| other == name).collect();
    assert_eq!(read.len(), usize::from(value.is_some()), "{read:?}");
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
    readings(raw).iter().any(|read| read == name)
}

/// The parameter's name with `+` as a space and as itself.
fn readings(raw: &[u8]) -> [String; 2] {
    let encoded = raw.split(|&byte| byte == b'=').next().unwrap_or_default();
    let with_spaces = form_urlencoded::parse(encoded).next().map_or_else(String::new, |(name, _)| name.into_owned());
    [with_spaces, percent_decode(encoded).decode_utf8_lossy().into_owned()]
}
