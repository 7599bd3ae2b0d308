//! What the workers of a process must know and do about one set, if nobody damages their shared data.

use jwt_auth::{CallId, KeyEvents};

use super::issuer::GOOD_SETS;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(super) type Millis = u64;

/// How long after its deadline a worker gives its fetch up, and how much later its lease ends.
const GRACE: Millis = 1_000;
const LEASE_MARGIN: Millis = 2_000;

/// The fields of an entry of `remoteJwks` that all workers have alike, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) refresh: u64,
    pub(super) cooldown: u64,
    pub(super) stale: u64,
}

/// A set of the process.
pub(super) struct Model {
    times: Times,
    /// The fetch that may answer.
    fetch: Option<Fetch>,
    /// The sets that good answers gave, the last one last.
    pub(super) good: Vec<Good>,
    failures: u32,
    ended_at: Millis,
    /// When a fetch began or ended that must have been for an unknown `kid`.
    kid_fetch_at: Option<Millis>,
}

struct Fetch {
    worker: usize,
    call: CallId,
    deadline: Millis,
    calls: usize,
    for_kid: bool,
    is_abandoned: bool,
}

/// A set that a good answer gave.
pub(super) struct Good {
    /// Its number in [`GOOD_SETS`].
    set: usize,
    at: Millis,
    /// After `max-age`, in seconds.
    refresh: u64,
    /// From when on its keys must not be used.
    expires_at: Millis,
}

impl Good {
    /// Whether its keys may be used.
    pub(super) fn is_fresh(&self, now: Millis) -> bool {
        now < self.expires_at
    }

    /// Whether it has the key.
    pub(super) fn has(&self, key: usize) -> bool {
        GOOD_SETS[self.set].contains(&key)
    }
}

impl Model {
    pub(super) fn new(times: Times) -> Self {
        Self { times, fetch: None, good: Vec::new(), failures: 0, ended_at: 0, kid_fetch_at: None }
    }

    /// Whether a worker may still answer, with a lease.
    pub(super) fn is_under_way(&self, now: Millis) -> bool {
        self.fetch.as_ref().is_some_and(|fetch| !fetch.is_abandoned && now < fetch.deadline + LEASE_MARGIN)
    }

    /// The latest set, if its keys may be used.
    pub(super) fn latest(&self, now: Millis) -> Option<&Good> {
        self.good.last().filter(|good| good.is_fresh(now))
    }

    /// The number of keys in use and the age in seconds that a worker reports that knows everything.
    pub(super) fn gauge(&self, now: Millis) -> (Option<u64>, u64) {
        let age = self.good.last().map(|good| (now - good.at) / 1000);
        (age, self.latest(now).map_or(0, |good| GOOD_SETS[good.set].len() as u64))
    }

    /// Whether the fetch of this worker is lost by now. Then it has failed.
    pub(super) fn loses(&self, worker: usize, now: Millis) -> bool {
        self.fetch.as_ref().is_some_and(|fetch| fetch.worker == worker && now > fetch.deadline + GRACE)
    }

    /// Between which times the next fetch becomes due that is not for an unknown `kid`.
    pub(super) fn due(&self) -> (Millis, Millis) {
        let was_lost = self.fetch.is_some();
        match self.good.last() {
            _ if was_lost => (0, 0),
            _ if self.failures > 0 => {
                let pause = (1_000 << (self.failures - 1).min(6)).min(60_000);
                (self.ended_at + pause, self.ended_at + pause + pause / 5)
            }
            None => (0, 0),
            Some(good) => (good.at + good.refresh * 800, good.at + good.refresh * 900),
        }
    }

    /// Whether a fetch for an unknown `kid` is surely not allowed.
    pub(super) fn is_cooling_down(&self, now: Millis) -> bool {
        self.kid_fetch_at.is_some_and(|at| now < at + self.times.cooldown * 1000)
    }

    /// Checks and notes that a worker begins a fetch.
    pub(super) fn begin(&mut self, worker: usize, call: CallId, now: Millis, timeout: Millis, is_wanted: bool) {
        assert!(!self.is_under_way(now), "a second fetch of a set");
        let for_kid = now < self.due().0;
        assert!(!for_kid || is_wanted, "a fetch that is not due");
        assert!(!for_kid || !self.is_cooling_down(now), "a second fetch for an unknown kid within the cool-down");
        if for_kid {
            self.kid_fetch_at = Some(now);
        }
        self.fetch = Some(Fetch { worker, call, deadline: now + timeout, calls: 1, for_kid, is_abandoned: false });
    }

    /// Notes that a worker gives up its fetch.
    pub(super) fn abandon(&mut self, worker: usize) {
        if let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.worker == worker) {
            fetch.is_abandoned = true;
        }
    }

    /// Checks that no fetch is overdue after a worker was polled that began none.
    pub(super) fn check_idle(&self, now: Millis) {
        assert!(self.is_under_way(now) || now < self.due().1, "a fetch is overdue");
    }

    /// Whether the reply to this call of this worker counts.
    pub(super) fn is_current(&self, worker: usize, call: CallId) -> bool {
        self.fetch.as_ref().is_some_and(|fetch| fetch.worker == worker && fetch.call == call)
    }

    /// Checks and notes that the current fetch makes another call.
    pub(super) fn go_on(&mut self, call: CallId, timeout: Millis, now: Millis) {
        let fetch = self.fetch.as_mut().expect("a current fetch");
        fetch.call = call;
        fetch.calls += 1;
        assert!(fetch.calls <= 3, "more than three calls");
        assert!(timeout > 0 && now + timeout <= fetch.deadline, "a call that may end too late");
    }

    /// Notes the end of the current fetch. `good` is the number of the set and its `max-age`.
    pub(super) fn end(&mut self, good: Option<(usize, Option<u64>)>, now: Millis) {
        let fetch = self.fetch.take().expect("a current fetch");
        if fetch.for_kid {
            self.kid_fetch_at = Some(now);
        }
        self.ended_at = now;
        let Some((set, max_age)) = good else {
            self.failures += 1;
            return;
        };
        let refresh = self.times.refresh.min(max_age.unwrap_or(u64::MAX).max(60));
        let expires_at = now + (refresh + self.times.stale) * 1000;
        self.good.push(Good { set, at: now, refresh, expires_at });
        self.failures = 0;
    }

    /// Whether the last fetch failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }
}

/// Checks what was counted and logged. For each fetch that ended, `expected` has whether it succeeded, and whether the
/// one before failed.
pub(super) fn check_events(events: &KeyEvents, expected: &[(bool, bool)]) {
    let succeeded = expected.iter().filter(|(good, _)| *good).count();
    assert_eq!((events.succeeded as usize, events.failed.len()), (succeeded, expected.len() - succeeded));
    let count = |is_warning: bool, text: &str| {
        let lines = events.notices.iter().filter(|line| line.is_warning == is_warning && line.text.contains(text));
        lines.count()
    };
    assert_eq!(count(true, " fails: "), expected.iter().filter(|end| **end == (false, false)).count());
    assert_eq!(count(false, " works again"), expected.iter().filter(|end| **end == (true, true)).count());
    assert_eq!(events.skipped as usize, succeeded * 3);
}
