//! Scans YAML text for what would make the YAML library slow, before the library reads it.
//!
//! The time of libyaml grows with the square of the depth of brackets (200 KB of `{a: ` take 20 seconds), and with the
//! square of the number of directives. It also stores all events, about 150 bytes each, before it returns the first.
//! The scan reads the text once and uses a fixed amount of memory. It never counts less than libyaml does.

/// The deepest nesting of brackets in the scan. It is twice [`super::value::MAX_LEVELS`], because the scan can count
/// brackets in comments and strings, too.
pub(super) const MAX_BRACKETS: u32 = 128;

/// The most marks. This is three times those of the largest useful document, with 1,000 elements in each list and one
/// member per line.
pub(super) const MAX_MARKS: usize = 100_000;

/// The most directives. A configuration needs none; YAML defines two, `%YAML` and `%TAG`.
pub(super) const MAX_DIRECTIVES: usize = 16;

/// Upper bounds for a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// The nesting depth of brackets and braces.
    pub(super) brackets: u32,
    /// Line breaks, and the characters that separate values: nearly one for each event of libyaml.
    pub(super) marks: usize,
    /// Lines that begin with `%`.
    pub(super) directives: usize,
}

impl Outline {
    /// Scans a text.
    pub(super) fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut readings = Readings::default();
        let mut rest = text.as_bytes();
        let mut is_line_start = true;
        while let Some((&byte, after)) = rest.split_first() {
            let class = Class::of(rest);
            let is_mark = match class {
                Class::Break | Class::Open | Class::Close => true,
                Class::Other => matches!(byte, b',' | b':' | b'?') || byte == b'-' && is_gap(after),
                Class::Blank => false,
            };
            outline.marks = outline.marks.saturating_add(usize::from(is_mark));
            outline.directives = outline.directives.saturating_add(usize::from(is_line_start && byte == b'%'));
            is_line_start = class == Class::Break;
            readings = readings.after(byte, class, rest);
            outline.brackets = outline.brackets.max(readings.deepest());
            rest = after;
        }
        outline
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Blank,
    /// The first byte of any of libyaml's line breaks, those of YAML 1.1 included.
    Break,
    Open,
    Close,
    Other,
}

impl Class {
    fn of(text: &[u8]) -> Self {
        match text {
            [b' ' | b'\t', ..] => Self::Blank,
            [b'\n' | b'\r', ..] | [0xc2, 0x85, ..] | [0xe2, 0x80, 0xa8 | 0xa9, ..] => Self::Break,
            [b'[' | b'{', ..] => Self::Open,
            [b']' | b'}', ..] => Self::Close,
            _ => Self::Other,
        }
    }
}

/// Whether the text is empty or begins with white space.
fn is_gap(text: &[u8]) -> bool {
    text.is_empty() || matches!(Class::of(text), Class::Blank | Class::Break)
}

/// What surrounds a position inside of brackets.
#[derive(Clone, Copy)]
enum State {
    /// A value or a mark can begin.
    Start,
    Plain,
    /// In a plain value after white space, where a comment can begin.
    PlainGap,
    Single,
    Double,
    DoubleEscape,
    Comment,
    /// An anchor or an alias.
    Anchor,
    Tag,
}

const STATES: [State; 9] = [
    State::Start,
    State::Plain,
    State::PlainGap,
    State::Single,
    State::Double,
    State::DoubleEscape,
    State::Comment,
    State::Anchor,
    State::Tag,
];

/// All possible readings of the text so far: for each [`State`] the greatest depth of a reading that is in it; 0 for
/// none.
///
/// Outside of brackets, indentation and the lines above decide whether a bracket is part of a scalar. The scan does not
/// track these, so every opening bracket also starts a new reading in which it is the outermost one. Inside of
/// brackets, libyaml's rules depend only on the state.
#[derive(Clone, Copy, Default)]
struct Readings([u32; STATES.len()]);

impl Readings {
    fn deepest(&self) -> u32 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    fn put(&mut self, state: State, depth: u32) {
        if let Some(known) = self.0.get_mut(state as usize) {
            *known = depth.max(*known);
        }
    }

    fn after(&self, byte: u8, class: Class, rest: &[u8]) -> Self {
        let mut next = Self::default();
        for (state, &depth) in STATES.into_iter().zip(&self.0) {
            if depth > 0 {
                next.advance(state, depth, byte, class, rest);
            }
        }
        if class == Class::Open {
            next.put(State::Start, 1);
        }
        next
    }

    /// Adds the reading that was in `state` before `byte`, in its state after `byte`.
    fn advance(&mut self, state: State, depth: u32, byte: u8, class: Class, rest: &[u8]) {
        let after = match (state, class) {
            (State::Single, _) if byte == b'\'' => State::Start,
            (State::Double, _) if byte == b'"' => State::Start,
            (State::Double, _) if byte == b'\\' => State::DoubleEscape,
            (State::DoubleEscape, _) => State::Double,
            (State::Comment | State::Tag, Class::Break) | (State::Tag, Class::Blank) => State::Start,
            (State::Single | State::Double | State::Comment | State::Tag, _) => state,
            (State::Start | State::Plain | State::PlainGap | State::Anchor, Class::Open) => {
                return self.put(State::Start, depth.saturating_add(1));
            }
            (State::Start | State::Plain | State::PlainGap | State::Anchor, Class::Close) => {
                // At depth 0 the reading has left the brackets and ends.
                return self.put(State::Start, depth.saturating_sub(1));
            }
            (State::Plain | State::PlainGap, Class::Blank | Class::Break) => State::PlainGap,
            (State::Start | State::Anchor, Class::Blank | Class::Break) => State::Start,
            (State::Start | State::PlainGap, Class::Other) if byte == b'#' => State::Comment,
            (State::Start | State::Plain | State::PlainGap | State::Anchor, Class::Other) if byte == b',' => {
                State::Start
            }
            (State::Plain | State::PlainGap, Class::Other) => {
                let ends = byte == b':' && rest.get(1..).is_none_or(is_gap);
                if ends { State::Start } else { State::Plain }
            }
            (State::Anchor, Class::Other) => match byte {
                b':' | b'?' => State::Start,
                _ => State::Anchor,
            },
            (State::Start, Class::Other) => match byte {
                b':' | b'?' => State::Start,
                b'\'' => State::Single,
                b'"' => State::Double,
                b'&' | b'*' => State::Anchor,
                b'!' => State::Tag,
                b'-' if rest.get(1..).is_none_or(is_gap) => State::Start,
                // A byte order mark is skipped at the start of a line, and part of a value elsewhere.
                0xef | 0xbb | 0xbf => {
                    self.put(State::Start, depth);
                    State::Plain
                }
                _ => State::Plain,
            },
        };
        self.put(after, depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brackets(text: &str) -> u32 {
        Outline::of(text).brackets
    }

    #[test]
    fn brackets_of_values_are_counted() {
        for (text, expected) in [
            ("", 0),
            ("a: b", 0),
            ("[]", 1),
            ("[[], {}]", 2),
            ("{a: {b: [c]}}", 3),
            (r#"{"a":{"b":["c"]}}"#, 3),
            ("- [a]\n- [b]\n- {c: d}\n", 1),
            ("[a, 'b', \"c\", *d, &e f, !g h, [i]]", 2),
        ] {
            assert_eq!(brackets(text), expected, "{text}");
        }
    }

    #[test]
    fn brackets_in_strings_comments_and_tags_close_nothing() {
        for separator in ["']', ", "\"]\", ", "\"\\\"]\", ", "'it''s ]', ", "# ]\n", "a #]\n, ", "!<]> a, ", "# \u{85}"]
        {
            assert_eq!(brackets(&format!("[{separator}").repeat(5)), 5, "{separator}");
        }
        for scalar in ["|\n  it's\n", ">\n  'a\n", "|\n  \"\n", "it's\n", "a 'b\n", "|\n  # \"\n", "a # '\n"] {
            assert!(brackets(&format!("a: {scalar}b: {}", "[".repeat(9))) >= 9, "{scalar}");
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_add_little_depth() {
        let line = r#"- {claimName: "a[0]", parameterName: 'x[', location: query} # [1] it's "#;
        assert!(brackets(&format!("{line}\n").repeat(20)) < 64);
        let json = r#"{"claimName":"a[0]","parameterName":"it's","location":"query"},"#;
        assert_eq!(brackets(&format!(r#"{{"claimParameters":[{}{{}}]}}"#, json.repeat(256))), 3);
    }

    #[test]
    fn marks_and_directives_are_counted() {
        for (text, marks, directives) in [
            ("[1,2]", 3, 0),
            ("a: 1\r\nb: 2\n", 5, 0),
            ("- - a\n- b", 4, 0),
            ("{a: b, ? c}", 5, 0),
            ("a-b http://c", 1, 0),
            ("%YAML 1.1\n%TAG ! a\n---\n 50 %\n", 5, 2),
        ] {
            let outline = Outline::of(text);
            assert_eq!((outline.marks, outline.directives), (marks, directives), "{text}");
        }
    }
}
