//! Counters, gauges and log lines about fetched keys.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use proxy_wasm::types::MetricType;

use super::calls;
use super::counters::Counter;
use super::notice::log_notice;
use crate::remote_keys::{FetchFailure, KeyEvents, KeySetGauge};

/// The most sets of a VM that have gauges. Envoy never deletes one, so an issuer that changes with each update of the
/// configuration must not define more and more.
const MAX_GAUGES: usize = 64;

/// The metrics of the VM about keys. Nothing is defined before the first configuration that fetches keys.
#[derive(Debug, Default)]
pub(super) struct KeyMetrics {
    counters: OnceCell<Counters>,
    gauges: RefCell<BTreeMap<String, Gauges>>,
}

#[derive(Debug)]
struct Counters {
    succeeded: Counter,
    failed: Vec<(&'static str, Counter)>,
    skipped: Counter,
    waited: Counter,
}

#[derive(Debug)]
struct Gauges {
    age: Gauge,
    keys: Gauge,
}

/// One of Envoy's gauges.
#[derive(Debug)]
struct Gauge {
    /// `None` if Envoy could not define it.
    id: Option<u32>,
    /// The last value that this VM sent. While requests wait, the values are looked at a hundred times a second.
    sent: Option<u64>,
}

impl KeyMetrics {
    /// Counts a request that begins to wait.
    pub(super) fn count_waiting(&self) {
        self.counters().waited.add(1);
    }

    /// Counts and logs the events.
    pub(super) fn report(&self, events: &KeyEvents) {
        let counters = self.counters();
        counters.succeeded.add(events.succeeded);
        counters.skipped.add(events.skipped);
        for failure in &events.failed {
            if let Some((_, counter)) = counters.failed.iter().find(|(name, _)| *name == failure.name()) {
                counter.add(1);
            }
        }
        events.notices.iter().for_each(log_notice);
    }

    /// Sends the counts since the last call, and the state of the sets, to Envoy.
    pub(super) fn flush(&self, sets: &[KeySetGauge]) {
        let Counters { succeeded, failed, skipped, waited } = self.counters();
        for counter in failed.iter().map(|(_, counter)| counter).chain([succeeded, skipped, waited]) {
            counter.flush();
        }
        let Ok(mut gauges) = self.gauges.try_borrow_mut() else { return };
        for KeySetGauge { label, age_seconds, keys } in sets {
            if gauges.len() >= MAX_GAUGES && !gauges.contains_key(label) {
                continue;
            }
            let of_set = gauges.entry(label.clone()).or_insert_with(|| Gauges::define(label));
            if let Some(age) = age_seconds {
                of_set.age.set(*age);
            }
            of_set.keys.set(*keys);
        }
    }

    fn counters(&self) -> &Counters {
        self.counters.get_or_init(|| Counters {
            succeeded: Counter::define("jwks_fetches_succeeded"),
            failed: FetchFailure::NAMES
                .into_iter()
                .map(|name| (name, Counter::define(&format!("jwks_fetches_failed.{name}"))))
                .collect(),
            skipped: Counter::define("jwks_keys_skipped"),
            waited: Counter::define("waited"),
        })
    }
}

impl Gauges {
    fn define(label: &str) -> Self {
        let define = |name| Gauge {
            id: calls::define_metric(MetricType::Gauge, &format!("jwt_auth.{name}.{label}")).ok(),
            sent: None,
        };
        Self { age: define("jwks_age_seconds"), keys: define("jwks_keys") }
    }
}

impl Gauge {
    fn set(&mut self, value: u64) {
        if let Some(id) = self.id
            && self.sent != Some(value)
        {
            // A failure only leaves the old value.
            let _ = calls::set_gauge(id, value);
            self.sent = Some(value);
        }
    }
}
