//! Counters in Envoy's statistics: `wasmcustom.jwt_auth.accepted`, one for each code of refusal, and those of the cache.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::cache::CacheEvents;
use crate::rejection::Rejection;

/// The numbers that Envoy gave to the counters. One that could not be had is not counted; that stops no request.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: Option<u32>,
    refused: Vec<(&'static str, u32)>,
    cache_hits: Option<u32>,
    cache_misses: Option<u32>,
    cache_evictions: Option<u32>,
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
            cache_hits: counter("cache_hits"),
            cache_misses: counter("cache_misses"),
            cache_evictions: counter("cache_evictions"),
        }
    }

    /// Counts a request that went on.
    pub(super) fn count_accepted(&self) {
        add(self.accepted, 1);
    }

    /// Counts a refusal by its code.
    pub(super) fn count_refused(&self, refused: &str) {
        add(self.refused.iter().find_map(|&(code, counter)| (code == refused).then_some(counter)), 1);
    }

    /// Counts what the cache did.
    pub(super) fn count_cache(&self, events: CacheEvents) {
        add(self.cache_hits, events.hits);
        add(self.cache_misses, events.misses);
        add(self.cache_evictions, events.evictions);
    }
}

fn add(counter: Option<u32>, amount: u32) {
    if let Some(counter) = counter
        && amount > 0
    {
        // A counter that can't be raised is no reason to refuse a request.
        let _ = hostcalls::increment_metric(counter, i64::from(amount));
    }
}
