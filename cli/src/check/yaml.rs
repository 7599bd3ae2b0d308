//! YAML as a tree in which each value has its place in the file.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

/// The filter rejects deeper documents, too. It also bounds the recursion over a tree.
const MAX_DEPTH: usize = 128;

/// How many nodes all aliases of a file can stand for.
const MAX_ALIASED_NODES: usize = 100_000;

/// A place in a text, both counted from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    /// The beginning of a text.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place of a marker of the parser.
    pub(super) fn of(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) position: Position,
    /// The whole tag, such as `!ignore` or `tag:yaml.org,2002:str`.
    pub(super) tag: Option<String>,
    pub(super) content: Content,
}

/// The content of a value.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file, duplicates included.
    Mapping(Vec<(Node, Node)>),
}

/// A scalar, whose type depends on the reader.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) style: ScalarStyle,
    pub(super) span: Span,
}

impl Node {
    /// The value of a key; of a duplicate key, the last value.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().rev().find_map(|(key, value)| (key.text() == Some(name)).then_some(value))
    }

    /// The value of the first of these keys that exists: fields of protobuf can be written in two ways.
    pub(super) fn get_any(&self, names: &[&str]) -> Option<&Self> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The entries of a mapping; empty for other values.
    pub(super) fn entries(&self) -> &[(Self, Self)] {
        match &self.content {
            Content::Mapping(entries) => entries,
            Content::Scalar(_) | Content::Sequence(_) => &[],
        }
    }

    /// The elements of a sequence; empty for other values.
    pub(super) fn elements(&self) -> &[Self] {
        match &self.content {
            Content::Sequence(elements) => elements,
            Content::Scalar(_) | Content::Mapping(_) => &[],
        }
    }

    /// The text of a scalar that is the value of a key.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
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

    /// The place of a field with a name like `a.b[1].c`: that of its key or list element. A missing field has the place
    /// of what it is missing in.
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
                // A key can contain dots: the longest match wins; of duplicate keys, the last.
                let matching = entries.iter().rev().filter_map(|(key, value)| {
                    let rest = field.strip_prefix(key.text()?)?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key, value, rest))
                });
                matching
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

/// An error: its place and its description.
type Problem = (Position, String);

/// The documents of a text.
///
/// # Errors
/// If it is not YAML, nests too deeply, or if its aliases expand to too much.
pub(super) fn load(text: &str) -> Result<Vec<Node>, Problem> {
    let mut loader = Loader { events: Parser::new_from_str(text), anchors: HashMap::new(), aliased_nodes: 0 };
    let mut documents = Vec::new();
    while let Some((event, span)) = loader.next()? {
        if matches!(event, Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..)) {
            documents.push(loader.node(event, span, 0)?);
        }
    }
    Ok(documents)
}

struct Loader<'a> {
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    aliased_nodes: usize,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Problem> {
        self.events.next().transpose().map_err(|error| (Position::of(*error.marker()), error.info().to_owned()))
    }

    /// The value that begins with this event.
    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let position = Position::of(span.start);
        let (anchor, tag, content) = match event {
            Event::Alias(anchor) => return self.aliased(anchor, position),
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, tag, Content::Scalar(Scalar { text: text.into_owned(), style, span }))
            }
            Event::SequenceStart(anchor, tag) => (anchor, tag, Content::Sequence(self.children(position, depth)?)),
            Event::MappingStart(anchor, tag) => {
                let mut children = self.children(position, depth)?.into_iter();
                let entries = std::iter::from_fn(|| children.next().zip(children.next()));
                (anchor, tag, Content::Mapping(entries.collect()))
            }
            _ => return Err((position, "expected a value".to_owned())),
        };
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
        let node = Node { position, tag, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The values up to the end of a collection.
    fn children(&mut self, start: Position, depth: usize) -> Result<Vec<Node>, Problem> {
        if depth == MAX_DEPTH {
            return Err((start, "nested too deeply".to_owned()));
        }
        let mut children = Vec::new();
        loop {
            match self.next()? {
                None | Some((Event::SequenceEnd | Event::MappingEnd, _)) => return Ok(children),
                Some((event, span)) => children.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn aliased(&mut self, anchor: usize, position: Position) -> Result<Node, Problem> {
        let node =
            self.anchors.get(&anchor).ok_or_else(|| (position, "an alias inside of its own value".to_owned()))?;
        self.aliased_nodes = self.aliased_nodes.saturating_add(node.count());
        if self.aliased_nodes > MAX_ALIASED_NODES {
            return Err((position, "aliases expand to too much".to_owned()));
        }
        Ok(Node { position, ..node.clone() })
    }
}

#[cfg(test)]
mod tests;
