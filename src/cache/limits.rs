//! The limits of one cache.

/// `tokenCache`: the limits of one configuration in one worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheLimits {
    /// The most tokens. 0 turns the cache off.
    pub(crate) max_entries: usize,
    /// The most bytes for tokens and values together.
    pub(crate) max_bytes: usize,
}

impl CacheLimits {
    /// No cache.
    pub(crate) const NONE: Self = Self { max_entries: 0, max_bytes: 0 };
}
