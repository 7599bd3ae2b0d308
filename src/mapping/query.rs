//! Claims as parameters of a query or a form, which have the same encoding.

use percent_encoding::utf8_percent_encode;

use super::encoding::ENCODED;
use crate::request::ParameterNames;

/// Encodes a text for a query or a form.
pub(super) fn encode(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}

/// Removes the parameters `owned` from a query or a form, and appends the values of the targets. The other parameters
/// keep their bytes and their order. `None` if no parameter is left.
pub(super) fn edited(
    text: Option<&[u8]>,
    owned: &ParameterNames,
    targets: &[(&str, Option<&[u8]>)],
) -> Option<Vec<u8>> {
    let added = targets.iter().filter_map(|&(name, value)| Some([&encode(name), b"=".as_slice(), value?].concat()));
    owned.edited(text, &added.collect::<Vec<_>>())
}
