//! Claims as parameters of the query; the same encoding serves forms.

use percent_encoding::utf8_percent_encode;

use super::encoding::ENCODED;
use crate::request::ParameterNames;

/// The text as it stands in a query or a form.
pub(super) fn encode(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}

/// A query or a form without the parameters `owned`, and with the values of the targets behind those that stay, which keep
/// their bytes and order. `None` when no parameter is left.
pub(super) fn edited(
    text: Option<&[u8]>,
    owned: &ParameterNames,
    targets: &[(&str, Option<&[u8]>)],
) -> Option<Vec<u8>> {
    let added = targets.iter().filter_map(|&(name, value)| Some([&encode(name), b"=".as_slice(), value?].concat()));
    owned.edited(text, &added.collect::<Vec<_>>())
}
