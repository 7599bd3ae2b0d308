//! The part of a configuration that all its requests in one worker share.

use std::rc::Rc;

use super::counters::Counters;
use super::engine_metrics::EngineMetrics;
use super::key_metrics::KeyMetrics;
use crate::plugin::Plugin;
use crate::remote_keys::Places;
use crate::signature::SignatureBackend;

/// A configured plugin with the services that it uses.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) plugin: Plugin,
    pub(super) backend: SignatureBackend,
    pub(super) counters: Rc<Counters>,
    pub(super) key_metrics: Rc<KeyMetrics>,
    pub(super) engine_metrics: Rc<EngineMetrics>,
    /// The places for waiting requests, which all configurations in the VM share.
    pub(super) places: Places,
}

impl Filter {
    /// A number that changes when a waiting request may get another answer.
    pub(super) fn news(&self) -> u32 {
        self.plugin.remote_keys().map_or(0, |keys| keys.news())
    }
}
