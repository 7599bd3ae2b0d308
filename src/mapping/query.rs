//! Claims as parameters of the query; the same encoding serves forms.

use percent_encoding::utf8_percent_encode;

use super::ENCODED;
use crate::request::{Location, Parameter, TokenSource};

/// The text as it stands in a query or a form.
pub(super) fn encode(text: &str) -> Vec<u8> {
    utf8_percent_encode(text, ENCODED).to_string().into_bytes()
}

/// The query with the values of the targets behind the parameters that stay, which keep their bytes and order.
pub(super) fn edited(
    query: Option<&[u8]>,
    targets: &[(&str, Option<&[u8]>)],
    hidden_token: Option<&TokenSource>,
) -> Option<Vec<u8>> {
    let hidden = hidden_token.filter(|token| token.locations.contains(&Location::Query));
    let parameters = Parameters::without(query, |parameter| {
        targets.iter().any(|(name, _)| parameter.can_stand_for(name))
            || hidden.is_some_and(|token| parameter.is_named(&token.parameter))
    });
    parameters.with(targets)
}

/// The parameters of a query or a form on their way to a backend.
pub(super) struct Parameters<'a> {
    came: Option<&'a [u8]>,
    kept: Vec<&'a [u8]>,
    is_changed: bool,
}

impl<'a> Parameters<'a> {
    /// The parameters of `encoded` but for those to be removed.
    pub(super) fn without(encoded: Option<&'a [u8]>, is_removed: impl Fn(Parameter) -> bool) -> Self {
        let mut parameters = Self { came: encoded, kept: Vec::new(), is_changed: false };
        for parameter in encoded.into_iter().flat_map(Parameter::all) {
            if is_removed(parameter) {
                parameters.is_changed = true;
            } else {
                parameters.kept.push(parameter.raw);
            }
        }
        parameters
    }

    /// The parameters with these values behind them, encoded. Where nothing changes it is what came, to the byte.
    pub(super) fn with(self, targets: &[(&str, Option<&[u8]>)]) -> Option<Vec<u8>> {
        let values: Vec<Vec<u8>> = targets
            .iter()
            .filter_map(|&(name, value)| Some([&encode(name), b"=".as_slice(), value?].concat()))
            .collect();
        if !self.is_changed && values.is_empty() {
            return self.came.map(<[u8]>::to_vec);
        }
        // Nothing at all is one empty parameter, which would leave a `&` in front.
        let kept = if self.came == Some(b"") { Vec::new() } else { self.kept };
        let all: Vec<&[u8]> = kept.into_iter().chain(values.iter().map(Vec::as_slice)).collect();
        (!all.is_empty()).then(|| all.join(&b'&'))
    }
}
