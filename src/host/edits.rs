//! Applies the edits of a decision to the headers of a request.

use proxy_wasm::types::MapType;

use super::calls;
use crate::mapping::{Edits, HeaderEdit};

/// Edits the headers, and removes `content-length` if the form will be edited.
pub(super) fn apply(edits: &Edits) -> Result<(), calls::Failed> {
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Remove(name) => calls::remove_header(MapType::HttpRequestHeaders, name)?,
            HeaderEdit::Set(name, value) => {
                calls::set_header(MapType::HttpRequestHeaders, name, value)?;
            }
            HeaderEdit::Add(name, value) => {
                calls::add_header(MapType::HttpRequestHeaders, name, value)?;
            }
        }
    }
    if let Some(path) = &edits.path {
        calls::set_header(MapType::HttpRequestHeaders, ":path", path)?;
    }
    if edits.form.is_some() {
        // The edit changes the length of the body. With the old `content-length`, the backend could read the rest of
        // the body as the next request on the connection.
        calls::remove_header(MapType::HttpRequestHeaders, "content-length")?;
    }
    Ok(())
}
