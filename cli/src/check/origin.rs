//! Maps places in a string of a file to places in the file.

use saphyr_parser::ScalarStyle;

use super::yaml::{Position, Scalar};

/// Where the lines and columns of a string are in the file.
#[derive(Debug)]
pub(super) enum Origin {
    /// The string is the whole file.
    File,
    /// A literal block: its lines are indented lines of the file.
    Block {
        /// The line before the first line of the block.
        line: usize,
        indent: usize,
    },
    /// A scalar on one line of the file: the place of each character in the string, and its column in the file.
    Line { line: usize, columns: Vec<(Position, usize)> },
    /// A scalar with folded lines: only its beginning is known.
    Start(Position),
}

impl Origin {
    /// The origin of a scalar of this file.
    pub(super) fn of(scalar: &Scalar, file: &str) -> Self {
        let (start, end) = (scalar.span.start, scalar.span.end);
        let position = Position::of(start);
        match scalar.style {
            ScalarStyle::Literal => {
                // The parser gives the place of the first line that is not blank; blank lines before it belong to the
                // string.
                let blank = scalar.text.chars().take_while(|&character| character == '\n').count();
                Self::Block { line: position.line.saturating_sub(blank + 1), indent: start.col() }
            }
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
                if start.line() == end.line() =>
            {
                line(scalar, file, position)
            }
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted | ScalarStyle::Folded => {
                Self::Start(position)
            }
        }
    }

    /// The place in the file of a place in the string.
    pub(super) fn place(&self, inner: Position) -> Position {
        match self {
            Self::File => inner,
            Self::Block { line, indent } => Position { line: line + inner.line, column: indent + inner.column },
            Self::Line { line, columns } => {
                let nearest = columns.iter().rev().find(|(place, _)| *place <= inner);
                Position { line: *line, column: nearest.map_or(1, |(_, column)| *column) }
            }
            Self::Start(position) => *position,
        }
    }
}

fn line(scalar: &Scalar, file: &str, start: Position) -> Origin {
    let source: Vec<char> = file.chars().skip(scalar.span.start.index()).take(scalar.span.len()).collect();
    let mut columns = Vec::new();
    let mut place = Position::START;
    // A quotation mark is in front of the first character.
    let mut index = usize::from(scalar.style != ScalarStyle::Plain);
    for character in scalar.text.chars() {
        columns.push((place, start.column + index));
        place = match character {
            '\n' => Position { line: place.line + 1, column: 1 },
            _ => Position { column: place.column + 1, ..place },
        };
        index += written_length(scalar.style, &source, index);
    }
    columns.push((place, start.column + index));
    Origin::Line { line: start.line, columns }
}

/// How many characters the file uses for the next character of the string.
fn written_length(style: ScalarStyle, source: &[char], index: usize) -> usize {
    match (style, source.get(index), source.get(index + 1)) {
        (ScalarStyle::DoubleQuoted, Some('\\'), Some('x')) => 4,
        (ScalarStyle::DoubleQuoted, Some('\\'), Some('u')) => 6,
        (ScalarStyle::DoubleQuoted, Some('\\'), Some('U')) => 10,
        (ScalarStyle::DoubleQuoted, Some('\\'), _) | (ScalarStyle::SingleQuoted, Some('\''), Some('\'')) => 2,
        (_, _, _) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::yaml;

    /// The place in the file of the `!` in the string `value`.
    fn mark(file: &str) -> Position {
        let value = yaml::load(file).unwrap()[0].get("value").unwrap().clone();
        let scalar = value.scalar().unwrap();
        let (line, text) = scalar.text.lines().enumerate().find(|(_, line)| line.contains('!')).unwrap();
        let column = text.chars().position(|character| character == '!').unwrap();
        Origin::of(scalar, file).place(Position { line: line + 1, column: column + 1 })
    }

    #[test]
    fn a_place_in_a_string_is_found_in_the_file() {
        for (file, line, column) in [
            ("value: |\n  a\n  b!\n", 3, 4),
            ("value: |-  # comment\n\n\n  é: a\n\n   b: !\n", 6, 7),
            ("value: |1\n   b!\n", 2, 5),
            ("a: 1\nvalue: >\n  a\n  b!\n", 3, 3),
            ("value: plain!\n", 1, 13),
            ("x: 1\nvalue: 'it''s!'\n", 2, 14),
            (r#"{"value": "é\n\"\u00e9\\!"}"#, 1, 25),
            ("value: \"a\n  b!\"\n", 1, 8),
        ] {
            assert_eq!(mark(file), Position { line, column }, "{file}");
        }
    }
}
