//! One configuration in one worker, as its requests see it.

use std::rc::Rc;

use super::counters::Counters;
use crate::plugin::Plugin;
use crate::signature::SignatureBackend;

/// What every request of a configuration shares.
pub(super) struct Filter {
    pub(super) plugin: Plugin,
    pub(super) backend: SignatureBackend,
    pub(super) counters: Rc<Counters>,
}
