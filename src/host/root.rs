//! The root context: one plugin configuration in one worker.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use log::Level;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};

use super::calls;
use super::counters::{self, Counters};
use super::engine_metrics::EngineMetrics;
use super::filter::Filter;
use super::key_calls::KeyCalls;
use super::key_metrics::KeyMetrics;
use super::notice::log_once;
use super::request::RequestContext;
use super::services::{self, Envoy};
use super::ticker::{AT_ONCE, Ticker, WHILE_WAITING};
use super::waiting::{Left, WaitingRequests};
use crate::cache::{CACHE_BUDGET_BYTES, TokenCaches};
use crate::plugin::Plugin;
use crate::remote_keys::{Places, RemoteKeys};
use crate::signature::SignatureBackend;

thread_local! {
    /// The token caches of the VM, which has one thread.
    static CACHES: TokenCaches = TokenCaches::new(CACHE_BUDGET_BYTES);
    /// The counters of the VM. Envoy never deletes a counter, so an update of the configuration must not define new
    /// ones.
    static COUNTERS: OnceCell<Rc<Counters>> = const { OnceCell::new() };
    /// The metrics of the VM about fetched keys.
    static KEY_METRICS: Rc<KeyMetrics> = Rc::default();
    /// The metrics of the VM about engines.
    static ENGINE_METRICS: Rc<EngineMetrics> = Rc::default();
    /// The places of the VM for waiting requests.
    static PLACES: Places = Places::default();
}

/// How often fetched keys are looked after, while no request waits for them. A removed key must not be accepted for more
/// than a second after the fetch.
const KEYS_PERIOD: Duration = Duration::from_millis(500);

/// The root context. It has no filter before it is configured; requests without a filter are rejected with S503HF.
pub(super) struct Root {
    id: u32,
    vm_configuration: Vec<u8>,
    filter: Option<Rc<Filter>>,
    /// Log lines about the configuration that the next tick writes.
    notices: Vec<(Level, String)>,
    ticker: Rc<Ticker>,
    waiting: Rc<WaitingRequests>,
    key_calls: KeyCalls,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        let ticker = Rc::new(Ticker::default());
        Self {
            id,
            vm_configuration: Vec::new(),
            filter: None,
            notices: Vec::new(),
            waiting: Rc::new(WaitingRequests::new(Rc::clone(&ticker))),
            ticker,
            key_calls: KeyCalls::default(),
        }
    }
}

impl Drop for Root {
    /// Envoy does not stop the timer of a root context that it deletes, and cancels its calls.
    fn drop(&mut self) {
        self.ticker.set(Duration::ZERO);
        if let Some(keys) = self.filter.as_ref().and_then(|filter| filter.plugin.remote_keys()) {
            keys.abandon(&Envoy);
        }
    }
}

impl Context for Root {
    /// The answer to a call that fetches keys, or to one that a tick has sent for a request. Requests that wait for keys are
    /// woken by the next tick.
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        if !self.key_calls.waits_for(token) {
            self.waiting.answer(self.id, token, body_size);
            return;
        }
        let (Some(filter), Ok(now)) = (&self.filter, services::now()) else { return };
        if let Some(keys) = filter.plugin.remote_keys() {
            self.key_calls.answer(token, body_size, keys, now);
            self.ticker.hurry();
        }
    }
}

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
        self.ticker.set(AT_ONCE);
        let counters = COUNTERS.with(|counters| counters.get_or_init(|| Rc::new(Counters::define())).clone());
        self.filter = Some(Rc::new(Filter {
            plugin,
            backend,
            counters,
            key_metrics: KEY_METRICS.with(Rc::clone),
            engine_metrics: ENGINE_METRICS.with(Rc::clone),
            places: PLACES.with(Clone::clone),
        }));
        true
    }

    fn on_tick(&mut self) {
        for (level, text) in self.notices.drain(..) {
            log_once(level, &text);
        }
        let Some(filter) = self.filter.clone() else { return };
        if filter.plugin.prevents_replay()
            && let Ok(now) = services::now()
        {
            filter.plugin.begin(now, &Envoy);
        }
        filter.counters.flush(filter.plugin.take_cache_events());
        for events in filter.plugin.take_engine_events() {
            filter.engine_metrics.report(&events);
        }
        let period = filter.plugin.remote_keys().map_or(counters::PERIOD, |keys| self.look_after(keys, &filter));
        self.ticker.set(self.wake(&filter).unwrap_or(period));
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(RequestContext::new(context_id, self.filter.clone(), self.waiting.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Root {
    /// Fetches keys that are due, and takes over those of other workers. Returns the time until the next tick.
    fn look_after(&mut self, keys: &RemoteKeys, filter: &Filter) -> Duration {
        let Ok(now) = services::now() else { return KEYS_PERIOD };
        let calls = keys.poll(now, &Envoy);
        self.key_calls.send(calls, keys, now);
        filter.key_metrics.report(&keys.take_events());
        filter.key_metrics.flush(&keys.gauges(now));
        KEYS_PERIOD
    }

    /// Goes on with waiting requests. Returns the time until the next tick, if requests wait for it.
    ///
    /// Requests wait also where no keys are fetched: one whose answer of an engine came in the middle of its body.
    fn wake(&self, filter: &Filter) -> Option<Duration> {
        if self.waiting.is_empty() {
            return None;
        }
        let Ok(now) = services::now() else { return Some(WHILE_WAITING) };
        match self.waiting.wake(self.id, filter.news(), now) {
            Left::Nothing => None,
            Left::Waiting => Some(WHILE_WAITING),
            Left::Backlog => Some(AT_ONCE),
        }
    }
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
