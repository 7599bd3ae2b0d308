//! Recognises the plugins of this filter.

use crate::check::handover::{Fields, Handover};
use crate::check::yaml::{self, Node};

/// A configuration with one of these fields is for this filter.
const OUR_FIELDS: [&str; 4] = ["parameter", "jwk", "jwks", "remoteJwks"];

pub(super) fn has_our_fields(handover: &Handover) -> bool {
    match &handover.fields {
        Fields::Tree(root) => has_our_keys(root),
        Fields::Text { text, .. } => {
            yaml::load(text).is_ok_and(|documents| documents.first().is_some_and(has_our_keys))
        }
    }
}

pub(super) fn has_our_keys(root: &Node) -> bool {
    root.get_any(&OUR_FIELDS).is_some()
}

pub(super) fn names_us(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name.contains("jwt-auth")
}

pub(super) fn mentions_us(node: &Node) -> bool {
    node.text().is_some_and(names_us)
        || node.elements().iter().any(mentions_us)
        || node.entries().iter().any(|(_, value)| mentions_us(value))
}
