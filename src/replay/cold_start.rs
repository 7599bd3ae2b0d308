//! `replayColdStart`: whether tokens that were issued before the store was started are accepted.

use std::cell::OnceCell;

use super::ledger::KEY_PREFIX;
use crate::claims::Times;
use crate::numeric_date::NumericDate;
use crate::shared_data::SharedData;

/// How often the start is read and written. A failed try means that another worker wrote it first.
const MAX_ATTEMPTS: usize = 4;

/// `replayColdStart`, in one worker.
#[derive(Debug, Default)]
pub(crate) struct ColdStart {
    /// `None` for `accept`: a token that was used before the process was started can be used once more.
    refuse: Option<Limits>,
    /// When the store of this process was started.
    start: OnceCell<NumericDate>,
}

/// The limits of the times of a token.
#[derive(Clone, Copy, Debug)]
struct Limits {
    max_lifetime: f64,
    clock_skew: f64,
}

impl ColdStart {
    /// `refuse`: tokens from before the start are rejected until all of them are expired, after `max_lifetime`. Both
    /// are in seconds.
    pub(crate) fn refuse(max_lifetime: u32, clock_skew: f64) -> Self {
        Self { refuse: Some(Limits { max_lifetime: max_lifetime.into(), clock_skew }), start: OnceCell::new() }
    }

    /// Whether it is `refuse`.
    pub(super) fn is_refused(&self) -> bool {
        self.refuse.is_some()
    }

    /// Records that the store is started at `now`, unless a worker of this process did so before.
    pub(super) fn begin(&self, now: NumericDate, shared_data: &dyn SharedData) {
        self.start(now, shared_data);
    }

    /// Whether the store would know the `jti` of a token with these times, if it was used before.
    pub(super) fn covers(&self, times: Times, now: NumericDate, shared_data: &dyn SharedData) -> bool {
        let Some(Limits { max_lifetime, clock_skew }) = self.refuse else { return true };
        let Some(start) = self.start(now, shared_data) else { return false };
        if now > start.plus(max_lifetime) {
            return true;
        }
        times.issued_at().is_some_and(|issued_at| issued_at >= start && issued_at <= now.plus(clock_skew))
    }

    /// The start, which is `now` if no worker has recorded it. `None` if it can't be read or written.
    fn start(&self, now: NumericDate, shared_data: &dyn SharedData) -> Option<NumericDate> {
        if let Some(start) = self.start.get() {
            return Some(*start);
        }
        let start = shared_start(now, shared_data)?;
        Some(*self.start.get_or_init(|| start))
    }
}

/// The start in shared data, which outlives every configuration and ends with the process.
fn shared_start(now: NumericDate, shared_data: &dyn SharedData) -> Option<NumericDate> {
    let key = format!("{KEY_PREFIX}start");
    for _ in 0..MAX_ATTEMPTS {
        if let Some((value, _)) = shared_data.get(&key) {
            let bytes = value.try_into().ok()?;
            return Some(NumericDate::from_unix_seconds(f64::from_le_bytes(bytes)));
        }
        // A failed write means that another worker wrote it.
        if shared_data.set(&key, &now.as_unix_seconds().to_le_bytes(), u32::MAX).is_ok() {
            return Some(now);
        }
    }
    None
}
