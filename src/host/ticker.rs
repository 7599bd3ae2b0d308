//! How often Envoy calls `on_tick`.

use std::cell::Cell;
use std::time::Duration;

use super::calls;

/// The timer of a root context. At first it is off.
#[derive(Debug, Default)]
pub(super) struct Ticker(Cell<Duration>);

/// The shortest period, so the next tick comes as soon as the worker runs its timers.
pub(super) const AT_ONCE: Duration = Duration::from_millis(1);

/// The period while requests wait.
pub(super) const WHILE_WAITING: Duration = Duration::from_millis(10);

impl Ticker {
    /// Sets the period; zero stops the timer. A request may do so, too: the host knows its root context. If the timer
    /// can't be set, nothing is logged, counted or fetched, but requests are still decided.
    pub(super) fn set(&self, period: Duration) {
        if self.0.get() != period && calls::set_tick_period(period).is_ok() {
            self.0.set(period);
        }
    }

    /// Makes the next tick come soon, also if the timer is off. A period that is short already stays: each call begins it
    /// anew, so many calls could delay the tick for ever.
    pub(super) fn hurry(&self) {
        if self.0.get().is_zero() || self.0.get() > WHILE_WAITING {
            self.set(AT_ONCE);
        }
    }
}
