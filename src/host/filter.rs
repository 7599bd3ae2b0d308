//! The part of a configuration that all its requests in one worker share.

use std::rc::Rc;

use super::counters::Counters;
use crate::plugin::Plugin;
use crate::signature::SignatureBackend;

/// A configured plugin with the services that it uses.
pub(super) struct Filter {
    pub(super) plugin: Plugin,
    pub(super) backend: SignatureBackend,
    pub(super) counters: Rc<Counters>,
}
