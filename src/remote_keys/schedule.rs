//! When a JWK set is fetched, and how long its keys are used.

use std::cmp::min;

use sha2::{Digest as _, Sha256};

use super::record::{Millis, Record};
use super::source::Source;

/// How much longer than a fetch may take the lease of its worker lasts.
const LEASE_MARGIN: Millis = 2_000;

/// `max-age` can't shorten `refreshSeconds` to less than this.
const LEAST_REFRESH_SECONDS: u64 = 60;

/// The longest pause between two failed fetches, without its jitter.
const LONGEST_BACKOFF_SECONDS: u64 = 60;

/// A time that is further in the future was written before the clock was set back.
const CLOCK_TOLERANCE: Millis = 60_000;

/// The times of one source.
#[derive(Clone, Copy)]
pub(super) struct Schedule<'a> {
    pub(super) source: &'a Source,
    pub(super) record: &'a Record,
}

impl Schedule<'_> {
    /// How long one fetch may take, with all its calls.
    pub(super) fn timeout(self) -> Millis {
        millis(self.source.timeout_seconds)
    }

    /// When the lease ends of a fetch that begins now.
    pub(super) fn lease_from(self, now: Millis) -> Millis {
        now.saturating_add(self.timeout()).saturating_add(LEASE_MARGIN)
    }

    /// Whether a worker is fetching the set.
    pub(super) fn is_under_way(self, now: Millis) -> bool {
        // Another listener may have a longer timeout, so the longest lease counts.
        self.record.lease_until > now && self.record.lease_until <= now.saturating_add(CLOCK_TOLERANCE + LEASE_MARGIN)
    }

    /// When the next fetch is due, not counting those for an unknown `kid`.
    pub(super) fn due_at(self, now: Millis) -> Millis {
        let Record { attempt, lease_until, ended_at, failures, fetched_at, .. } = *self.record;
        let latest = now.saturating_add(CLOCK_TOLERANCE);
        let is_lost = lease_until != 0;
        if attempt == 0 || is_lost || ended_at > latest || fetched_at > latest {
            return 0;
        }
        if failures > 0 || fetched_at == 0 {
            return ended_at.saturating_add(self.backoff(failures));
        }
        // Between 80 and 90 % of the time, so that a failure leaves time for others.
        let tenth = self.refresh().checked_div(10).unwrap_or(0);
        fetched_at.saturating_add(tenth.saturating_mul(8)).saturating_add(self.jitter(tenth))
    }

    /// Whether a fetch for an unknown `kid` is allowed again.
    pub(super) fn may_fetch_for_kid(self, now: Millis) -> bool {
        let last = self.record.kid_fetch_at;
        let is_over = now >= last.saturating_add(millis(self.source.cooldown_seconds));
        is_over || last > now.saturating_add(CLOCK_TOLERANCE)
    }

    /// From when on the keys are not used any more: `staleSeconds` after they should have been replaced.
    pub(super) fn expires_at(self) -> Millis {
        let fresh_until = self.record.fetched_at.saturating_add(self.refresh());
        fresh_until.saturating_add(millis(self.source.stale_seconds))
    }

    fn refresh(self) -> Millis {
        millis(min(self.source.refresh_seconds, self.record.max_age_seconds.max(LEAST_REFRESH_SECONDS)))
    }

    /// The pause after so many failures: 1 s, doubled each time up to a minute, and up to a fifth more.
    fn backoff(self, failures: u64) -> Millis {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let seconds = min(1_u64.checked_shl(doublings).unwrap_or(u64::MAX), LONGEST_BACKOFF_SECONDS);
        let pause = millis(seconds);
        pause.saturating_add(self.jitter(pause.checked_div(5).unwrap_or(0)))
    }

    /// A number below `range`, the same in all workers of a process and another one in the next process: the time of
    /// the last fetch is part of it.
    fn jitter(self, range: Millis) -> Millis {
        let Record { attempt, ended_at, .. } = self.record;
        let mut hash = Sha256::new();
        for part in [self.source.identity(), attempt.to_le_bytes(), ended_at.to_le_bytes()] {
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let random = digest.first_chunk().copied().map_or(0, u32::from_le_bytes);
        range.saturating_mul(u64::from(random)) >> 32
    }
}

fn millis(seconds: u64) -> Millis {
    seconds.saturating_mul(1000)
}
