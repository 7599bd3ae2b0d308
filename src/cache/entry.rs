//! What the cache stores for a token.

use std::rc::Rc;

use crate::claims::Times;
use crate::mapping::Values;

/// What is stored of an accepted token: its times, which are checked for each request, and its encoded values.
///
/// Signature, issuer and audience are not checked again. Their result depends only on the configuration and the keys.
/// Each configuration has its own cache, and the entry is used only as long as the keys are the same.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) times: Times,
    /// The thumbprint of the key that the token is bound to, if it is.
    pub(crate) binding: Option<Rc<str>>,
    pub(crate) values: Values,
    /// The version of the keys in use when the token was verified.
    pub(crate) keys_version: u32,
}

/// A cached token.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) accepted: Rc<Accepted>,
    /// The value of `VmCache::clock` when the token was last used.
    pub(super) used: u64,
}
