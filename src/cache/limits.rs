//! `tokenCache`.

/// `tokenCache`: how much a worker keeps for one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheLimits {
    /// How many tokens; none turns the cache off.
    pub(crate) max_entries: usize,
    /// How many bytes, tokens and values together.
    pub(crate) max_bytes: usize,
}

impl CacheLimits {
    /// No cache.
    pub(crate) const NONE: Self = Self { max_entries: 0, max_bytes: 0 };
}
