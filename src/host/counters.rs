//! Counters in Envoy's statistics: `wasmcustom.jwt_auth.accepted` and one for each code of refusal.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::rejection::Rejection;

/// The numbers that Envoy gave to the counters. One that could not be had is not counted; that stops no request.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: Option<u32>,
    refused: Vec<(&'static str, u32)>,
}

impl Counters {
    /// Defines the counters. Each call makes new ones, so once for a configuration.
    pub(super) fn define() -> Self {
        let counter = |name: &str| hostcalls::define_metric(MetricType::Counter, &format!("jwt_auth.{name}")).ok();
        Self {
            accepted: counter("accepted"),
            refused: Rejection::CODES
                .into_iter()
                .filter_map(|code| Some((code, counter(&format!("refused.{code}"))?)))
                .collect(),
        }
    }

    /// Counts a request that went on.
    pub(super) fn count_accepted(&self) {
        increment(self.accepted);
    }

    /// Counts a refusal by its code.
    pub(super) fn count_refused(&self, refused: &str) {
        increment(self.refused.iter().find_map(|&(code, counter)| (code == refused).then_some(counter)));
    }
}

fn increment(counter: Option<u32>) {
    if let Some(counter) = counter {
        // A counter that can't be raised is no reason to refuse a request.
        let _ = hostcalls::increment_metric(counter, 1);
    }
}
