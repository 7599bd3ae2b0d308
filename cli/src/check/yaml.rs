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
    /// Whether it has the tag `!ignore`; Envoy leaves out keys that have it.
    pub(super) is_ignored: bool,
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

/// A tag, as far as it changes what a reader makes of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tagged {
    /// There is none.
    None,
    /// `!`
    NonSpecific,
    /// `!!str`
    String,
    /// `!!null`, `!!bool`, `!!int` or `!!float`
    Core(CoreType),
    /// Another one.
    Other,
}

/// A type of YAML that is no string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CoreType {
    Null,
    Bool,
    Int,
    Float,
}

impl Tagged {
    fn of(tag: &Tag) -> Self {
        match format!("{}{}", tag.handle, tag.suffix).as_str() {
            "!" => Self::NonSpecific,
            "tag:yaml.org,2002:str" => Self::String,
            "tag:yaml.org,2002:null" => Self::Core(CoreType::Null),
            "tag:yaml.org,2002:bool" => Self::Core(CoreType::Bool),
            "tag:yaml.org,2002:int" => Self::Core(CoreType::Int),
            "tag:yaml.org,2002:float" => Self::Core(CoreType::Float),
            _ => Self::Other,
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
                // A key may hold dots itself: the longest that fits is meant; of one that stands twice, the last.
                let fitting = entries.iter().rev().filter_map(|(key, value)| {
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
    is_ignored: bool,
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
                let is_ignored = is_ignore(tag.as_deref());
                let tag = tag.as_deref().map_or(Tagged::None, Tagged::of);
                let scalar = Scalar { text: text.into_owned(), style, tag, span };
                self.add(Node { position, is_ignored, content: Content::Scalar(scalar) }, anchor);
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or("an alias of what it stands in")?.clone();
                self.aliased_nodes = self.aliased_nodes.saturating_add(node.count());
                if self.aliased_nodes > MAX_ALIASED_NODES {
                    return Err("aliases stand for too much");
                }
                self.add(Node { position, ..node }, 0);
            }
            Event::SequenceStart(anchor, tag) => {
                let is_ignored = is_ignore(tag.as_deref());
                self.open(Open { position, is_ignored, anchor, collection: Collection::Sequence(Vec::new()) })?;
            }
            Event::MappingStart(anchor, tag) => {
                let is_ignored = is_ignore(tag.as_deref());
                let collection = Collection::Mapping { entries: Vec::new(), key: None };
                self.open(Open { position, is_ignored, anchor, collection })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { position, is_ignored, anchor, collection }) = self.open.pop() else { return Ok(()) };
                let content = match collection {
                    Collection::Sequence(elements) => Content::Sequence(elements),
                    Collection::Mapping { entries, key: _ } => Content::Mapping(entries),
                };
                self.add(Node { position, is_ignored, content }, anchor);
            }
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<(), &'static str> {
        if self.open.len() == MAX_DEPTH {
            return Err("nests too deep");
        }
        self.open.push(open);
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

fn is_ignore(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.handle == "!" && tag.suffix == "ignore")
}

#[cfg(test)]
mod tests;
