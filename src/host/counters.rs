//! Counters in Envoy's statistics: `wasmcustom.jwt_auth.accepted`, one for each rejection code, and those of the token
//! cache.

use std::cell::Cell;
use std::time::Duration;

use proxy_wasm::types::MetricType;

use super::calls;
use crate::cache::CacheEvents;
use crate::rejection::Rejection;

/// How often the counts are sent to Envoy. A call for each request would often cost more than the decision.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// The counters of one worker, for all its configurations. [`Counters::flush`] sends the counts to Envoy.
#[derive(Debug)]
pub(super) struct Counters {
    accepted: Counter,
    rejected: Vec<(&'static str, Counter)>,
    cache_hits: Counter,
    cache_misses: Counter,
    cache_evictions: Counter,
}

/// One of Envoy's counters, and the count that has not been sent yet.
#[derive(Debug)]
pub(super) struct Counter {
    /// `None` if Envoy could not define the counter. Then its counts are lost, and requests are decided as usual.
    id: Option<u32>,
    pending: Cell<u32>,
}

impl Counters {
    /// Defines the counters in Envoy. Call it once for a VM: each call defines new ones, which Envoy keeps as long as
    /// the VM.
    pub(super) fn define() -> Self {
        Self {
            accepted: Counter::define("accepted"),
            rejected: Rejection::CODES
                .into_iter()
                .map(|code| (code, Counter::define(&format!("refused.{code}"))))
                .collect(),
            cache_hits: Counter::define("cache_hits"),
            cache_misses: Counter::define("cache_misses"),
            cache_evictions: Counter::define("cache_evictions"),
        }
    }

    /// Counts a forwarded request.
    pub(super) fn count_accepted(&self) {
        self.accepted.add(1);
    }

    /// Counts a rejection.
    pub(super) fn count_rejected(&self, rejection: &Rejection) {
        if let Some((_, counter)) = self.rejected.iter().find(|(code, _)| *code == rejection.code()) {
            counter.add(1);
        }
    }

    /// Sends the counts since the last call, and the events of the cache, to Envoy.
    pub(super) fn flush(&self, cache: CacheEvents) {
        self.cache_hits.add(cache.hits);
        self.cache_misses.add(cache.misses);
        self.cache_evictions.add(cache.evictions);
        let rejected = self.rejected.iter().map(|(_, counter)| counter);
        for counter in rejected.chain([&self.accepted, &self.cache_hits, &self.cache_misses, &self.cache_evictions]) {
            counter.flush();
        }
    }
}

impl Counter {
    /// Defines `jwt_auth.<name>`.
    pub(super) fn define(name: &str) -> Self {
        let id = calls::define_metric(MetricType::Counter, &format!("jwt_auth.{name}")).ok();
        Self { id, pending: Cell::new(0) }
    }

    pub(super) fn add(&self, amount: u32) {
        self.pending.set(self.pending.get().saturating_add(amount));
    }

    /// Sends the count to Envoy.
    pub(super) fn flush(&self) {
        let pending = self.pending.take();
        if let Some(id) = self.id
            && pending > 0
        {
            // A failure only loses the count.
            let _ = calls::increment_counter(id, pending);
        }
    }
}
