//! Counters in Envoy's statistics: `wasmcustom.jwt_auth.accepted`, one for each code of refusal, and those of the cache.

use std::cell::Cell;
use std::time::Duration;

use super::calls;
use crate::cache::CacheEvents;
use crate::rejection::Rejection;

/// How often what was counted is told to Envoy: a call for each request would cost more than many a request's decision.
pub(super) const PERIOD: Duration = Duration::from_secs(1);

/// The counters of all configurations of one worker. What they hold is told to Envoy when [`Counters::flush`] is called.
#[derive(Debug)]
pub(super) struct Counters {
    accepted: Counter,
    refused: Vec<(&'static str, Counter)>,
    cache_hits: Counter,
    cache_misses: Counter,
    cache_evictions: Counter,
}

/// One of Envoy's counters, and what it has not been told yet.
#[derive(Debug)]
struct Counter {
    /// `None` when Envoy gave none. Then nothing is counted; that stops no request.
    id: Option<u32>,
    pending: Cell<u32>,
}

impl Counters {
    /// Defines the counters. Each call makes new ones in Envoy, which keeps them as long as the VM: so once for a VM.
    pub(super) fn define() -> Self {
        Self {
            accepted: Counter::define("accepted"),
            refused: Rejection::CODES
                .into_iter()
                .map(|code| (code, Counter::define(&format!("refused.{code}"))))
                .collect(),
            cache_hits: Counter::define("cache_hits"),
            cache_misses: Counter::define("cache_misses"),
            cache_evictions: Counter::define("cache_evictions"),
        }
    }

    /// Counts a request that went on.
    pub(super) fn count_accepted(&self) {
        self.accepted.add(1);
    }

    /// Counts a refusal by its code.
    pub(super) fn count_refused(&self, refused: &str) {
        if let Some((_, counter)) = self.refused.iter().find(|(code, _)| *code == refused) {
            counter.add(1);
        }
    }

    /// Tells Envoy what was counted since the last time, and what the cache did.
    pub(super) fn flush(&self, cache: CacheEvents) {
        self.cache_hits.add(cache.hits);
        self.cache_misses.add(cache.misses);
        self.cache_evictions.add(cache.evictions);
        let refused = self.refused.iter().map(|(_, counter)| counter);
        for counter in refused.chain([&self.accepted, &self.cache_hits, &self.cache_misses, &self.cache_evictions]) {
            counter.flush();
        }
    }
}

impl Counter {
    fn define(name: &str) -> Self {
        let id = calls::define_counter(&format!("jwt_auth.{name}")).ok();
        Self { id, pending: Cell::new(0) }
    }

    fn add(&self, amount: u32) {
        self.pending.set(self.pending.get().saturating_add(amount));
    }

    fn flush(&self) {
        let pending = self.pending.take();
        if let Some(id) = self.id
            && pending > 0
        {
            // A counter that can't be raised is no reason to do anything else.
            let _ = calls::increment_counter(id, pending);
        }
    }
}
