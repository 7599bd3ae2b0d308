//! What the cache stores for a token.

use std::rc::Rc;

use crate::claims::Times;
use crate::mapping::Values;

/// What is stored of an accepted token: its times, which are checked for each request, and its encoded values.
///
/// Signature, issuer and audience are not checked again. Their result depends only on the configuration, and each
/// configuration has its own cache.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) times: Times,
    pub(crate) values: Values,
}

/// A cached token.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) accepted: Rc<Accepted>,
    /// The value of `VmCache::clock` when the token was last used.
    pub(super) used: u64,
}
