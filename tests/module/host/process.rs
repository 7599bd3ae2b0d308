//! What the VMs of one Envoy process share: the clock, the shared data of their `vm_id`, and the metrics.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use super::{CAS_MISMATCH, OK};

/// A handle to one process. Its time starts at 1 800 000 000 seconds and moves only when the test moves it.
#[derive(Clone, Default)]
pub(crate) struct Process(Rc<RefCell<Shared>>);

struct Shared {
    now: Duration,
    /// How far the clock that the module reads is ahead of `now`, in seconds.
    clock_ahead: i64,
    data: HashMap<Vec<u8>, (Vec<u8>, u32)>,
    version: u32,
    metrics: BTreeMap<String, u64>,
    random: u64,
}

impl Default for Shared {
    fn default() -> Self {
        let now = Duration::from_secs(1_800_000_000);
        Self { now, clock_ahead: 0, data: HashMap::new(), version: 0, metrics: BTreeMap::new(), random: 1 }
    }
}

impl Process {
    /// The time since 1970-01-01T00:00:00Z, by which timers fire.
    pub(crate) fn now(&self) -> Duration {
        self.0.borrow().now
    }

    /// Lets time pass. No timer fires; [`super::pass`] also fires the timers.
    pub(crate) fn advance(&self, time: Duration) {
        self.0.borrow_mut().now += time;
    }

    /// The time that the module reads.
    pub(crate) fn clock(&self) -> Duration {
        let Shared { now, clock_ahead, .. } = &*self.0.borrow();
        let ahead = Duration::from_secs(clock_ahead.unsigned_abs());
        if *clock_ahead < 0 { now.saturating_sub(ahead) } else { *now + ahead }
    }

    /// Sets the clock that the module reads forward, or back for a negative number of seconds. Timers keep their pace.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.0.borrow_mut().clock_ahead += seconds;
    }

    /// A shared value and its version.
    pub(crate) fn shared_data(&self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.0.borrow().data.get(key).cloned()
    }

    /// Writes a shared value as Envoy does: a version other than 0 must be the current one, unless the key is missing.
    /// Returns the status.
    pub(crate) fn set_shared_data(&self, key: Vec<u8>, value: Vec<u8>, version: u32) -> u32 {
        let mut shared = self.0.borrow_mut();
        if shared.data.get(&key).is_some_and(|(_, current)| version != 0 && *current != version) {
            return CAS_MISMATCH;
        }
        shared.version += 1;
        let version = shared.version;
        shared.data.insert(key, (value, version));
        OK
    }

    /// The value of a metric; `None` if no VM has defined it.
    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        self.0.borrow().metrics.get(name).copied()
    }

    pub(super) fn define_metric(&self, name: &str) {
        self.0.borrow_mut().metrics.entry(name.to_owned()).or_default();
    }

    pub(super) fn change_metric(&self, name: &str, change: impl FnOnce(u64) -> u64) {
        let mut shared = self.0.borrow_mut();
        let value = shared.metrics.get_mut(name).expect("a defined metric");
        *value = change(*value);
    }

    /// Bytes that differ at each call and are the same in each run.
    pub(super) fn random_bytes(&self, size: usize) -> Vec<u8> {
        let mut shared = self.0.borrow_mut();
        let mut byte = || {
            // Knuth's MMIX generator.
            shared.random =
                shared.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (shared.random >> 56) as u8
        };
        (0..size).map(|_| byte()).collect()
    }
}
