//! The root context: one plugin configuration in one worker.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use log::Level;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::calls;
use super::counters::{self, Counters};
use super::filter::Filter;
use super::notice::log_once;
use super::request::RequestContext;
use super::services::Envoy;
use crate::cache::{CACHE_BUDGET_BYTES, TokenCaches};
use crate::plugin::Plugin;
use crate::signature::SignatureBackend;

thread_local! {
    /// The token caches of the VM, which has one thread.
    static CACHES: TokenCaches = TokenCaches::new(CACHE_BUDGET_BYTES);
    /// The counters of the VM. Envoy never deletes a counter, so an update of the configuration must not define new
    /// ones.
    static COUNTERS: OnceCell<Rc<Counters>> = const { OnceCell::new() };
}

/// The root context. It has no filter before it is configured; requests without a filter are rejected with S503HF.
#[derive(Default)]
pub(super) struct Root {
    vm_configuration: Vec<u8>,
    filter: Option<Rc<Filter>>,
    /// Log lines about the configuration that the next tick writes.
    notices: Vec<(Level, String)>,
}

/// How long after the configuration its log lines are written: the shortest period, so as soon as the worker runs its
/// timers.
const NOTICE_DELAY: Duration = Duration::from_millis(1);

impl Context for Root {}

impl RootContext for Root {
    fn on_vm_start(&mut self, _size: usize) -> bool {
        self.vm_configuration = calls::read_buffer(BufferType::VmConfiguration, usize::MAX).unwrap_or_default();
        true
    }

    /// Always returns true. On false, or on a panic, Envoy would forward every request of this worker without the filter.
    /// So a configuration with errors becomes a plugin that rejects every request. For the same reason, work that can wait
    /// is done in `on_tick`.
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = calls::read_buffer(BufferType::PluginConfiguration, usize::MAX).unwrap_or_default();
        let name = calls::read_property("plugin_name").ok().flatten().unwrap_or_default();
        let caches = CACHES.with(Clone::clone);
        let plugin = Plugin::in_vm(&caches, &name, &configuration, &self.vm_configuration);
        let backend = plugin.signature_backend(&Envoy);
        self.notices = notices(&plugin, backend);
        set_tick_period(NOTICE_DELAY);
        let counters = COUNTERS.with(|counters| counters.get_or_init(|| Rc::new(Counters::define())).clone());
        self.filter = Some(Rc::new(Filter { plugin, backend, counters }));
        true
    }

    fn on_tick(&mut self) {
        for (level, text) in self.notices.drain(..) {
            log_once(level, &text);
        }
        if let Some(filter) = &self.filter {
            filter.counters.flush(filter.plugin.take_cache_events());
        }
        set_tick_period(counters::PERIOD);
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(RequestContext::new(self.filter.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Sets the timer. If that fails, nothing is logged or counted, but requests are still decided.
fn set_tick_period(period: Duration) {
    let _ = calls::set_tick_period(period);
}

/// The log lines about a new configuration.
fn notices(plugin: &Plugin, backend: SignatureBackend) -> Vec<(Level, String)> {
    let signatures = match backend {
        SignatureBackend::Host => "RS256, RS384, RS512, ES256, ES384 and ES512 are verified by the host",
        SignatureBackend::Wasm => "all signatures are verified in Wasm",
    };
    let errors = plugin.faults().map(|error| (Level::Error, format!("every request is rejected with I400JP: {error}")));
    let warnings = plugin.warnings().iter().map(|warning| (Level::Warn, warning.to_string()));
    [(Level::Info, signatures.to_owned())].into_iter().chain(errors).chain(warnings).collect()
}
