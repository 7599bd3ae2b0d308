//! Log lines, as data.

/// A log line for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether it reports that something fails.
    pub is_warning: bool,
    /// The line.
    pub text: String,
}

impl Notice {
    pub(crate) fn warning(text: String) -> Self {
        Self { is_warning: true, text }
    }

    pub(crate) fn information(text: String) -> Self {
        Self { is_warning: false, text }
    }
}
