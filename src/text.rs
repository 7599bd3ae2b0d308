//! Untrusted text, shortened and escaped for people to read.

use std::fmt;

/// The beginning of a text from a client or a configuration, safe to put into a header, a body or a log line.
///
/// Spaces and visible ASCII stay, except for `\`, `<`, `>` and `&`. Those and all other bytes become `\xNN`. So an
/// excerpt can't end a header line or start an HTML element, and different bytes never give the same excerpt unless it
/// is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    /// The first `limit` bytes of `text`, escaped, followed by `...` if `text` is longer. Each byte gives up to 4
    /// characters.
    pub(crate) fn new(text: &[u8], limit: usize) -> Self {
        let mut excerpt = String::with_capacity(limit.min(text.len()));
        for &byte in text.iter().take(limit) {
            match byte {
                b'\\' | b'<' | b'>' | b'&' => push_escape(&mut excerpt, byte),
                0x20..=0x7e => excerpt.push(char::from(byte)),
                _ => push_escape(&mut excerpt, byte),
            }
        }
        if text.len() > limit {
            excerpt.push_str("...");
        }
        Self(excerpt)
    }
}

fn push_escape(excerpt: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    excerpt.push_str("\\x");
    for digit in [byte >> 4, byte & 0x0f] {
        excerpt.push(HEX.get(usize::from(digit)).copied().unwrap_or('?'));
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    fn excerpt(text: &[u8], limit: usize) -> String {
        Excerpt::new(text, limit).to_string()
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(excerpt(b"key-1 (\"a\")", 64), "key-1 (\"a\")");
    }

    #[test]
    fn bytes_that_could_break_a_header_a_log_or_a_page_are_escaped() {
        assert_eq!(
            excerpt("a\r\nb\0c\u{7f}\u{e9}\u{2028}<b>&\\".as_bytes(), 64),
            r"a\x0d\x0ab\x00c\x7f\xc3\xa9\xe2\x80\xa8\x3cb\x3e\x26\x5c"
        );
    }

    #[test]
    fn text_at_the_limit_is_whole_and_one_byte_more_is_cut() {
        assert_eq!(excerpt(b"abcd", 4), "abcd");
        assert_eq!(excerpt(b"abcde", 4), "abcd...");
    }
}
