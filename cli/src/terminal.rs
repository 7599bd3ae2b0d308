//! Output for people: no control characters from outside, and colours only on a terminal.

use std::io::{ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

/// Headings.
pub(crate) const STRONG: Style = Style::new().bold();
/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Bad news.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Warnings and notes.
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();

/// `text` in a style.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to stdout, with colours on a terminal (unless `NO_COLOR` is set).
///
/// # Errors
/// If stdout can't be written. A closed pipe, such as of `head`, is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(format!("can't write: {error}"))),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes one JSON object and a line feed to stdout.
pub(crate) fn print_json(json: &str) -> Result<(), Failure> {
    print(&format!("{}\n", safe_json(json)))
}

/// Text from outside on one line: characters that could control a terminal or reverse the reading order become
/// `\u{...}`.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unsafe(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Bytes from outside on one line: like [`safe`], with `\xNN` for each byte that is not UTF-8.
pub(crate) fn safe_bytes(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .map(|chunk| {
            safe(chunk.valid()) + &chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>()
        })
        .collect()
}

/// The same JSON, with JSON escapes for characters that could control a terminal. Line feeds between its tokens stay.
pub(crate) fn safe_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) && character != '\n' {
            for unit in character.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Control characters (C0, DEL, C1), line separators, invisible characters, and those that change the reading order
/// (Unicode TR 36, "Trojan source").
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_does_not_control_the_terminal_or_the_reading_order() {
        assert_eq!(safe("plain é 漢 \\ \"q\""), "plain é 漢 \\ \"q\"");
        for character in ('\0'..'\u{20}').chain('\u{7f}'..='\u{9f}').chain('\u{202a}'..='\u{202e}') {
            assert_eq!(safe(&format!("a{character}b")), format!("a\\u{{{:x}}}b", u32::from(character)));
        }
        for character in ['\u{200b}', '\u{200e}', '\u{2028}', '\u{2066}', '\u{2069}', '\u{feff}', '\u{e0041}'] {
            assert!(safe(&character.to_string()).is_ascii(), "{character:?}");
        }
        assert_eq!(safe_bytes(b"a\xff\x1b\xc3\xa9"), "a\\xff\\u{1b}é");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({"a\u{9b}": "\u{1b}[2J\u{202e}\u{7f}\u{e0041}é\\"});
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let safe = safe_json(&pretty);
        assert!(!safe.chars().any(|character| is_unsafe(character) && character != '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        assert!(
            safe.contains(
                r#"{
  "a\u009b": "\u001b[2J\u202e\u007f\udb40\udc41é\\"
}"#
            ),
            "{safe}"
        );
    }
}
