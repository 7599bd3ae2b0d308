//! An Envoy with the filter, in front of an echoing upstream.

mod judge;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::bootstrap::{Bootstrap, Configuration, Listener, WasmFilter};
use crate::envoy::Envoy;
use crate::http::{RequestBuilder, Response, exchange};
use crate::rows::{Request, Step};
use crate::upstream::Upstream;
pub use judge::{cut, judge};

/// The module under test: the same file that users get.
///
/// # Panics
/// When `JWT_AUTH_WASM` is not set.
pub fn module() -> &'static Path {
    static MODULE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MODULE.get_or_init(|| {
        let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
        PathBuf::from(path)
    })
}

/// Seconds since the epoch.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The filter with this configuration. `backend` forces who verifies signatures.
pub fn filter(configuration: Configuration, backend: Option<&str>) -> WasmFilter {
    let mut filter = WasmFilter::new("jwt", module(), configuration);
    filter.vm_configuration = backend.map(str::to_owned);
    filter
}

/// The bytes of a request, including `host`.
pub fn bytes_of(request: &Request) -> Vec<u8> {
    let mut builder = RequestBuilder::new(request.method, &request.target).header("host", "test");
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = &request.body {
        builder = builder.body(body);
    }
    builder.build()
}

/// A running Envoy and its upstream.
pub struct Proxy {
    /// The Envoy process.
    pub envoy: Envoy,
    /// The backend of every listener.
    pub upstream: Upstream,
}

impl Proxy {
    /// Starts Envoy with two workers and the listeners.
    pub fn start(binary: &Path, listeners: Vec<Listener>) -> Self {
        Self::with_workers(binary, listeners, 2)
    }

    /// Starts Envoy with the listeners and the number of workers.
    pub fn with_workers(binary: &Path, listeners: Vec<Listener>, workers: u32) -> Self {
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::fixed(upstream.address(), listeners);
        let envoy = Envoy::start(binary, &bootstrap, workers).unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, upstream }
    }

    /// Starts Envoy with two workers and listeners that can be updated.
    pub fn watched(binary: &Path, listeners: Vec<Listener>) -> Self {
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::watched(upstream.address(), listeners);
        let envoy = Envoy::start(binary, &bootstrap, 2).unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, upstream }
    }

    /// The response to one request on a new connection.
    pub fn send(&self, listener: &str, request: &Request) -> Response {
        let address = self.envoy.address(listener).unwrap();
        exchange(&address, &bytes_of(request))
            .unwrap_or_else(|error| panic!("{listener}: {error}\n{}", self.envoy.log()))
    }

    /// Sends the request of a step and compares the whole result with the expected one.
    ///
    /// # Errors
    /// The difference, as [`judge()`] gives it.
    pub fn run(&self, listener: &str, step: &Step) -> Result<(), String> {
        let before = self.upstream.requests();
        let response = self.send(listener, &step.request);
        judge(step, &response, self.upstream.requests() - before)
    }

    /// The filter's counters that are not zero, once all workers have reported them. Names are without
    /// `wasmcustom.jwt_auth.`.
    pub fn counted(&self) -> BTreeMap<String, u64> {
        // Each worker reports its counts once a second, or later on a busy machine.
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let counters = self.envoy.stats("wasmcustom.jwt_auth.").unwrap();
        let raised = counters.into_iter().filter(|(_, count)| *count > 0);
        raised.map(|(name, count)| (name.replace("wasmcustom.jwt_auth.", ""), count)).collect()
    }

    /// Lines of Envoy's log that show a failing module or contain one of the values sent.
    pub fn unsafe_log_lines<'a>(&self, sent: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        const LONG_ENOUGH_TO_BE_A_SECRET: usize = 40;
        let log = self.envoy.log();
        let mut found: Vec<String> = log
            .lines()
            .filter(|line| {
                line.contains("panicked") || line.contains("Proxy-Wasm plugin in-VM") || line.contains("[critical]")
            })
            .map(|line| format!("in Envoy's log: {line}"))
            .collect();
        for value in sent.filter(|value| value.len() >= LONG_ENOUGH_TO_BE_A_SECRET) {
            if let Ok(text) = str::from_utf8(value)
                && log.contains(text)
            {
                found.push(format!("in Envoy's log: {text}"));
            }
        }
        found
    }

    /// Panics with all failures and Envoy's log, if there are failures.
    pub fn report(&self, failures: &[String]) {
        assert!(
            failures.is_empty(),
            "{} failures:\n{}\n\nEnvoy's log:\n{}",
            failures.len(),
            failures.join("\n"),
            self.envoy.log()
        );
    }
}
