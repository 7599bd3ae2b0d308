//! The configuration that Envoy passes to the filter, and the place of each field in the file.

pub(super) mod chain;
pub(super) mod reader;
mod scalar;

use super::origin::Origin;
use super::yaml::{self, Node, Position};

/// What Envoy passes to the filter.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) configuration: Vec<u8>,
    pub(super) vm_configuration: Vec<u8>,
    /// Errors that Envoy or Kubernetes does not report.
    pub(super) silent_errors: Vec<Finding>,
    pub(super) fields: Fields,
    pub(super) vm_position: Position,
}

/// An error or a warning, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) position: Position,
    /// The name of the field, such as `a.b[1].c`; empty for the whole configuration.
    pub(super) field: String,
    pub(super) problem: String,
}

/// Where the fields of a configuration are.
#[derive(Debug)]
pub(super) enum Fields {
    /// In a string that is a document of its own.
    Text { text: String, origin: Origin },
    /// In the file itself.
    Tree(Node),
}

impl Handover {
    /// A configuration for a plugin at this place, without one for its VM.
    pub(super) fn new(configuration: Vec<u8>, fields: Fields, silent_errors: Vec<Finding>, place: Position) -> Self {
        Self { configuration, vm_configuration: Vec::new(), silent_errors, fields, vm_position: place }
    }

    /// An empty configuration, because there is none in `around`.
    pub(super) fn empty(around: &Node) -> Self {
        Self::new(Vec::new(), Fields::Tree(around.clone()), Vec::new(), around.position)
    }

    /// The place of a field in the file.
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

impl Finding {
    /// An error of a field.
    pub(super) fn new(position: Position, field: &str, problem: impl Into<String>) -> Self {
        Self { position, field: field.to_owned(), problem: problem.into() }
    }
}

fn place_in_text(text: &str, field: &str) -> Position {
    // The filter's own parser first: it can reject what the other one accepts.
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
