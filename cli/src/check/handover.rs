//! What Envoy hands over to the filter, and where each field of it stands in the file.

pub(super) mod chain;
pub(super) mod envoy;
pub(super) mod kubernetes;
mod scalar;

use super::origin::Origin;
use super::yaml::{self, Node, Position};

/// What Envoy hands over.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) configuration: Vec<u8>,
    pub(super) vm_configuration: Vec<u8>,
    /// What went wrong on the way without a word to anybody.
    pub(super) slips: Vec<PlacedFault>,
    pub(super) fields: Fields,
    pub(super) vm_position: Position,
}

/// A fault and where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedFault {
    pub(super) position: Position,
    /// As the filter names fields, `a.b[1].c`; empty for the whole.
    pub(super) field: String,
    pub(super) problem: String,
}

/// Where the fields of a configuration stand.
#[derive(Debug)]
pub(super) enum Fields {
    /// In a text of its own.
    Text { text: String, origin: Origin },
    /// Among the file's own.
    Tree(Node),
}

impl Handover {
    /// The place in the file of a field that the filter names.
    pub(super) fn place(&self, field: &str) -> Position {
        if field.starts_with("vm_config.") {
            return self.vm_position;
        }
        match &self.fields {
            Fields::Tree(root) => root.locate(field),
            Fields::Text { text, origin } => origin.place(place_in_text(text, field)),
        }
    }
}

impl PlacedFault {
    /// A fault of a field.
    pub(super) fn new(position: Position, field: &str, problem: impl Into<String>) -> Self {
        Self { position, field: field.to_owned(), problem: problem.into() }
    }
}

fn place_in_text(text: &str, field: &str) -> Position {
    // The filter's own reader first: it may refuse what the other one takes.
    if let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(text)
        && let Some(location) = error.location()
    {
        return Position { line: location.line().max(1), column: location.column().max(1) };
    }
    match yaml::load(text) {
        Ok(documents) => documents.first().map_or(Position::START, |root| root.locate(field)),
        Err((position, _)) => position,
    }
}

/// What is said of a key that stands twice where only one can stay.
const STANDS_TWICE: &str = "stands twice, and the last one counts";

/// The name of a member of a field.
fn member(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

/// The name of an element of a field.
fn element(field: &str, index: usize) -> String {
    format!("{field}[{index}]")
}
