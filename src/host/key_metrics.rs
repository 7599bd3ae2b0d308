//! Counters, gauges and log lines about fetched keys.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use log::Level;
use proxy_wasm::types::MetricType;

use super::calls;
use super::counters::Counter;
use crate::remote_keys::{FetchFailure, KeyEvents, KeyNotice, KeySetGauge};
use crate::text::Excerpt;

/// The longest log line, in bytes.
const MAX_LINE_BYTES: usize = 4096;

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
    age: Option<u32>,
    keys: Option<u32>,
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
        for KeyNotice { is_warning, text } in &events.notices {
            let level = if *is_warning { Level::Warn } else { Level::Info };
            // A failure only loses the line.
            let _ = calls::log(level, &format!("jwt-auth: {}", Excerpt::new(text.as_bytes(), MAX_LINE_BYTES)));
        }
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
            // A failure only leaves the old value.
            if let (Some(id), Some(age)) = (of_set.age, age_seconds) {
                let _ = calls::set_gauge(id, *age);
            }
            if let Some(id) = of_set.keys {
                let _ = calls::set_gauge(id, *keys);
            }
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
        let define = |name| calls::define_metric(MetricType::Gauge, &format!("jwt_auth.{name}.{label}")).ok();
        Self { age: define("jwks_age_seconds"), keys: define("jwks_keys") }
    }
}
