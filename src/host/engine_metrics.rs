//! Counters and log lines about the engine of `jtiStore`.

use std::cell::OnceCell;

use super::counters::Counter;
use super::notice::log_notice_once;
use crate::replay::{EngineEvents, EngineFailure};

/// The metrics of the VM about engines. Nothing is defined before the first configuration with an engine.
#[derive(Debug, Default)]
pub(super) struct EngineMetrics(OnceCell<Counters>);

#[derive(Debug)]
struct Counters {
    asked: Counter,
    calls: Counter,
    failed: Vec<(&'static str, Counter)>,
    decided_alone: Counter,
}

impl EngineMetrics {
    /// Sends the counts to Envoy, and logs the notice. All workers notice the same failure, so one of them logs it.
    pub(super) fn report(&self, events: &EngineEvents) {
        let Counters { asked, calls, failed, decided_alone } = self.0.get_or_init(Counters::define);
        asked.add(events.asked);
        calls.add(events.calls);
        decided_alone.add(events.decided_alone);
        for (name, counter) in failed {
            counter.add(events.failed.get(name).copied().unwrap_or_default());
        }
        for counter in failed.iter().map(|(_, counter)| counter).chain([asked, calls, decided_alone]) {
            counter.flush();
        }
        if let Some(notice) = &events.notice {
            log_notice_once(notice);
        }
    }
}

impl Counters {
    fn define() -> Self {
        Self {
            asked: Counter::define("jti_store_asked"),
            calls: Counter::define("jti_store_calls"),
            failed: EngineFailure::NAMES
                .into_iter()
                .map(|name| (name, Counter::define(&format!("jti_store_failed.{name}"))))
                .collect(),
            decided_alone: Counter::define("jti_store_decided_alone"),
        }
    }
}
