//! What is known of a YAML text before the library reads it.
//!
//! libyaml takes time that grows with the square of the depth of brackets (200 KB of `{a: ` take it 20 seconds), and with the
//! square of the number of directives; and it makes a list of all events, some 150 bytes each, before anyone can stop it. So
//! the text is looked through first, once and in a fixed memory. What is found is never less than what libyaml finds.

/// Nesting of brackets at which the text is not read. Twice what a document may have, because brackets in comments and strings
/// can count, too.
pub(super) const MAX_BRACKETS: u32 = 128;

/// Three times what the largest useful document has: 1,000 entries in each list, one member a line.
pub(super) const MAX_MARKS: usize = 100_000;

/// A document needs none; YAML knows two, `%YAML` and `%TAG`.
pub(super) const MAX_DIRECTIVES: usize = 16;

/// Upper bounds of what a text holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// How deep brackets and braces nest.
    pub(super) brackets: u32,
    /// Line breaks and the marks that part one value from the next: as good as one for each event.
    pub(super) marks: usize,
    /// Lines that begin with `%`.
    pub(super) directives: usize,
}

impl Outline {
    /// Looks through a text.
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

/// Whether white space or the end comes next.
fn is_gap(text: &[u8]) -> bool {
    text.is_empty() || matches!(Class::of(text), Class::Blank | Class::Break)
}

/// Where inside of brackets a place of the text may be.
#[derive(Clone, Copy)]
enum State {
    /// Where a value or a mark begins.
    Start,
    Plain,
    /// In a plain value, behind white space: here a comment can begin.
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

/// All readings of the text so far. Outside of brackets, what a bracket is depends on indentation and on what stands above it
/// (block scalars, plain values of several lines), so each bracket is taken for the first one of a value in one reading. From
/// there on libyaml's rules depend on the place only. Of the readings that are at the same place the deepest stands for all.
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

    /// Puts the reading that is at `state` before `byte` where it is behind it.
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
                // At depth 0 the reading is outside of brackets again, and over.
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
                // A mark of byte order is skipped at the start of a line, and a value elsewhere.
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
    fn brackets_that_are_values_count() {
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
    fn brackets_that_close_nothing_do_not_close() {
        for separator in ["']', ", "\"]\", ", "\"\\\"]\", ", "'it''s ]', ", "# ]\n", "a #]\n, ", "!<]> a, ", "# \u{85}"]
        {
            assert_eq!(brackets(&format!("[{separator}").repeat(5)), 5, "{separator}");
        }
        for scalar in ["|\n  it's\n", ">\n  'a\n", "|\n  \"\n", "it's\n", "a 'b\n", "|\n  # \"\n", "a # '\n"] {
            assert!(brackets(&format!("a: {scalar}b: {}", "[".repeat(9))) >= 9, "{scalar}");
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_of_a_document_hardly_count() {
        let line = r#"- {claimName: "a[0]", parameterName: 'x[', location: query} # [1] it's "#;
        assert!(brackets(&format!("{line}\n").repeat(20)) < 64);
        let json = r#"{"claimName":"a[0]","parameterName":"it's","location":"query"},"#;
        assert_eq!(brackets(&format!(r#"{{"claimParameters":[{}{{}}]}}"#, json.repeat(256))), 3);
    }

    #[test]
    fn every_value_has_a_mark_and_every_directive_its_line() {
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
