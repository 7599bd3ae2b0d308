//! What fetching keys reports to operators.

use super::failure::FetchFailure;
use crate::notice::Notice;

/// What happened since the last call of [`super::RemoteKeys::take_events`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyEvents {
    /// Fetches that brought a usable set.
    pub succeeded: u32,
    /// Fetches that failed, one entry each.
    pub failed: Vec<FetchFailure>,
    /// Keys of the fetched sets that can't be used.
    pub skipped: u32,
    /// Log lines. Only the worker that fetched has them.
    pub notices: Vec<Notice>,
}

/// The state of one set, for gauges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetGauge {
    /// Names the set in the names of the gauges.
    pub label: String,
    /// How long ago the set was fetched, in seconds; `None` before the first one.
    pub age_seconds: Option<u64>,
    /// How many keys are in use.
    pub keys: u64,
}

impl KeyEvents {
    pub(super) fn warn(&mut self, text: String) {
        self.notices.push(Notice::warning(text));
    }

    pub(super) fn inform(&mut self, text: String) {
        self.notices.push(Notice::information(text));
    }
}
