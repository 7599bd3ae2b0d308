//! YAML with the place of each value, as a tree.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

/// Deeper than this the filter reads no document either; it also bounds the recursion over a tree.
const MAX_DEPTH: usize = 128;

/// How many nodes aliases may stand for, over a whole file.
const MAX_ALIASED_NODES: usize = 100_000;

/// A place in a text, both counted from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    /// Where a text begins.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    fn of(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// Keys and values in the order of the text, duplicates included.
    Mapping(Vec<(Node, Node)>),
}

/// A scalar before anything is made of it.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    pub(super) tag: Tagged,
    pub(super) span: Span,
}

/// A tag, as far as it makes a string of a scalar that looks like something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tagged {
    /// None, or another one.
    No,
    /// `!`
    NonSpecific,
    /// `!!str`
    String,
}

impl Tagged {
    fn of(tag: &Tag) -> Self {
        match format!("{}{}", tag.handle, tag.suffix).as_str() {
            "!" => Self::NonSpecific,
            "tag:yaml.org,2002:str" => Self::String,
            _ => Self::No,
        }
    }
}

impl Node {
    /// The value of a key; of one that stands twice, the last.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().rev().find_map(|(key, value)| (key.text() == Some(name)).then_some(value))
    }

    /// The value of the first of these keys that is there: the names of protobuf's fields come in two spellings.
    pub(super) fn get_any(&self, names: &[&str]) -> Option<&Self> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            Content::Scalar(_) | Content::Sequence(_) => &[],
        }
    }

    /// The elements of a sequence; none for anything else.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Sequence(elements) => elements,
            Content::Scalar(_) | Content::Mapping(_) => &[],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    /// The scalar.
    pub(super) fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// The place of a field that is named as the filter names it, `a.b[1].c`: that of its key or, in a sequence, of the
    /// element; for one that is not there the place of what it is missing in.
    pub(super) fn locate(&self, field: &str) -> Position {
        self.locate_from(field, self.position)
    }

    fn locate_from(&self, field: &str, here: Position) -> Position {
        match &self.content {
            Content::Scalar(_) => here,
            Content::Sequence(elements) => {
                let Some((index, rest)) = field.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                    return here;
                };
                let element = index.parse().ok().and_then(|index: usize| elements.get(index));
                element.map_or(here, |element| element.locate_from(rest, element.position))
            }
            Content::Mapping(entries) => {
                let field = field.strip_prefix('.').unwrap_or(field);
                // A key may hold dots itself: the longest that fits is meant.
                let fitting = entries.iter().filter_map(|(key, value)| {
                    let rest = field.strip_prefix(key.text()?)?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key, value, rest))
                });
                fitting
                    .min_by_key(|(_, _, rest)| rest.len())
                    .map_or(here, |(key, value, rest)| value.locate_from(rest, key.position))
            }
        }
    }

    fn count(&self) -> usize {
        1 + match &self.content {
            Content::Scalar(_) => 0,
            Content::Sequence(elements) => elements.iter().map(Self::count).sum(),
            Content::Mapping(entries) => entries.iter().map(|(key, value)| key.count() + value.count()).sum(),
        }
    }
}

/// The documents of a text; where it is not YAML, the place and the reason.
pub(super) fn load(text: &str) -> Result<Vec<Node>, (Position, String)> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| (Position::of(*error.marker()), error.info().to_owned()))?;
        builder.take(event, span).map_err(|problem| (Position::of(span.start), problem.to_owned()))?;
    }
    Ok(builder.documents)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    aliased_nodes: usize,
}

/// A collection whose end is to come.
struct Open {
    position: Position,
    anchor: usize,
    collection: Collection,
}

enum Collection {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<(Node, Node)>, key: Option<Node> },
}

impl Builder {
    fn take(&mut self, event: Event, span: Span) -> Result<(), &'static str> {
        let position = Position::of(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref().map_or(Tagged::No, Tagged::of);
                let scalar = Scalar { text: text.into_owned(), style, tag, span };
                self.add(Node { position, content: Content::Scalar(scalar) }, anchor);
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or("an alias of what it stands in")?.clone();
                self.aliased_nodes = self.aliased_nodes.saturating_add(node.count());
                if self.aliased_nodes > MAX_ALIASED_NODES {
                    return Err("aliases stand for too much");
                }
                self.add(Node { position, ..node }, 0);
            }
            Event::SequenceStart(anchor, _) => self.open(position, anchor, Collection::Sequence(Vec::new()))?,
            Event::MappingStart(anchor, _) => {
                self.open(position, anchor, Collection::Mapping { entries: Vec::new(), key: None })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { position, anchor, collection }) = self.open.pop() else { return Ok(()) };
                let content = match collection {
                    Collection::Sequence(elements) => Content::Sequence(elements),
                    Collection::Mapping { entries, key: _ } => Content::Mapping(entries),
                };
                self.add(Node { position, content }, anchor);
            }
        }
        Ok(())
    }

    fn open(&mut self, position: Position, anchor: usize, collection: Collection) -> Result<(), &'static str> {
        if self.open.len() == MAX_DEPTH {
            return Err("nests too deep");
        }
        self.open.push(Open { position, anchor, collection });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.collection) {
            None => self.documents.push(node),
            Some(Collection::Sequence(elements)) => elements.push(node),
            Some(Collection::Mapping { entries, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn a_field_is_found_by_its_path_and_a_missing_one_by_what_it_is_missing_in() {
        let text = "a: 1\nlist:\n- {x: 1, y: [1, 2]}\n-\n  z.w: {v: 1}\nempty:\n\"q\":\n  deep:\n    - 1\n";
        let root = &load(text).unwrap()[0];
        for (field, expected) in [
            ("", at(1, 1)),
            ("a", at(1, 1)),
            ("missing", at(1, 1)),
            ("list", at(2, 1)),
            ("list[0]", at(3, 3)),
            ("list[0].y", at(3, 10)),
            ("list[0].y[1]", at(3, 17)),
            ("list[0].missing", at(3, 3)),
            ("list[1].z.w", at(5, 3)),
            ("list[1].z.w.v", at(5, 9)),
            ("list[7]", at(2, 1)),
            ("empty.x", at(6, 1)),
            ("q.deep[0]", at(9, 7)),
        ] {
            assert_eq!(root.locate(field), expected, "{field}");
        }
    }

    #[test]
    fn a_text_that_is_no_yaml_or_too_much_of_it_is_refused_with_its_place() {
        assert_eq!(load("a: 1\nb: [1\n").unwrap_err().0.line, 3);
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(load(&deep).unwrap_err(), (at(1, 129), "nests too deep".to_owned()));
        let laughs = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
            + &('b'..='h')
                .map(|name| {
                    let before = char::from_u32(u32::from(name) - 1).unwrap();
                    format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","))
                })
                .collect::<String>();
        assert_eq!(load(&laughs).unwrap_err().1, "aliases stand for too much");
    }

    #[test]
    fn aliases_and_documents_are_kept_apart() {
        let documents = load("a: &x {b: 1}\nc: *x\n---\nd\n").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].locate("c"), at(2, 1));
        assert_eq!(documents[0].get("c").unwrap().get("b").unwrap().text(), Some("1"));
        assert_eq!(documents[1].text(), Some("d"));
    }
}
