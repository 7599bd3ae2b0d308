//! One plugin configuration in one worker.

use std::rc::Rc;

use log::Level;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::counters::Counters;
use super::notice::say_once;
use super::request::RequestContext;
use super::services::Envoy;
use crate::plugin::Plugin;
use crate::signature::SignatureBackend;

/// What every request of a configuration shares.
pub(super) struct Filter {
    pub(super) plugin: Plugin,
    pub(super) backend: SignatureBackend,
    pub(super) counters: Counters,
}

/// The root context. Before it is configured it has no filter, and a request without a filter is refused.
#[derive(Default)]
pub(super) struct Root {
    vm_configuration: Vec<u8>,
    filter: Option<Rc<Filter>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_vm_start(&mut self, _size: usize) -> bool {
        self.vm_configuration = self.get_vm_configuration().unwrap_or_default();
        true
    }

    /// Always true: on false, or on a panic, Envoy leaves the filter out of the chain on this worker and lets every
    /// request by. A configuration with faults becomes a plugin that refuses all.
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        let plugin = Plugin::new(&configuration, &self.vm_configuration);
        let backend = plugin.signature_backend(&Envoy);
        say_once(
            Level::Info,
            match backend {
                SignatureBackend::Host => "RS256, RS384, RS512, ES256 and ES384 are verified by the host",
                SignatureBackend::Wasm => "all signatures are verified in Wasm",
            },
        );
        if let Some(error) = plugin.faults() {
            say_once(Level::Error, &format!("every request is refused with I400JP: {error}"));
        }
        self.filter = Some(Rc::new(Filter { plugin, backend, counters: Counters::define() }));
        true
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(RequestContext::new(self.filter.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
