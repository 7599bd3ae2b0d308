//! What the cache knows of a token.

use std::rc::Rc;

use crate::claims::Times;
use crate::mapping::Values;

/// An accepted token. Its signature, issuer and audience were good, and are as long as the configuration is the same, which
/// a cache never outlives; its times are checked anew each time.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) times: Times,
    pub(crate) values: Values,
}

/// An accepted token on its shelf.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) accepted: Rc<Accepted>,
    /// The clock when it was used last.
    pub(super) used: u64,
}
