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
        if attempt == 0 || is_lost || ended_at > latest {
            return 0;
        }
        if failures > 0 || fetched_at == 0 {
            return ended_at.saturating_add(self.backoff(failures));
        }
        // After the pauses of failures, so that they are not skipped while the keys seem to be from the future.
        if fetched_at > latest {
            return 0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::parse_for_test;

    const NOW: Millis = 1_700_000_000_000;

    fn source(fields: &str) -> Source {
        let text = format!("{{uri: 'https://a.test/', cluster: a{fields}}}");
        parse_for_test(&text, |field, faults| Source::parse_all(&field, faults)).unwrap().remove(0)
    }

    fn due_after(source: &Source, record: &Record) -> Millis {
        Schedule { source, record }.due_at(NOW).saturating_sub(NOW)
    }

    fn fetched() -> Record {
        Record { attempt: 1, ended_at: NOW, fetched_at: NOW, max_age_seconds: u64::MAX, ..Record::default() }
    }

    #[test]
    fn a_set_is_fetched_again_between_80_and_90_percent_of_its_time() {
        let refresh = |fields: &str, max_age_seconds| {
            let due = |attempt| due_after(&source(fields), &Record { attempt, max_age_seconds, ..fetched() });
            let times: Vec<Millis> = (1..200).map(due).collect();
            (*times.iter().min().unwrap(), *times.iter().max().unwrap())
        };
        for (fields, max_age, seconds) in [
            ("", u64::MAX, 600),
            (", refreshSeconds: 3600", u64::MAX, 3600),
            (", refreshSeconds: 3600", 300, 300),
            (", refreshSeconds: 300", 3600, 300),
            ("", 1, 60),
            ("", 0, 60),
            (", refreshSeconds: 60", 0, 60),
        ] {
            let (least, most) = refresh(fields, max_age);
            assert!(least >= 800 * seconds && most < 900 * seconds, "{least} to {most} of {seconds} s");
            assert!(most - least > 80 * seconds, "spread over the whole tenth");
        }
    }

    #[test]
    fn failures_are_repeated_ever_more_slowly_and_at_most_once_a_minute() {
        let source = source("");
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (65, 60), (u64::MAX, 60)] {
            let pause = due_after(&source, &Record { failures, ..fetched() });
            assert!((1000 * seconds..1200 * seconds).contains(&pause), "{failures}: {pause}");
        }
    }

    #[test]
    fn keys_expire_stale_seconds_after_they_should_have_been_replaced() {
        let expires_after = |fields: &str, record: &Record| {
            let source = source(fields);
            Schedule { source: &source, record }.expires_at() - NOW
        };
        assert_eq!(expires_after("", &fetched()), (600 + 86_400) * 1000);
        assert_eq!(expires_after(", staleSeconds: 0", &fetched()), 600_000);
        assert_eq!(expires_after(", staleSeconds: 5", &Record { max_age_seconds: 100, ..fetched() }), 105_000);
    }

    #[test]
    fn a_lease_ends_after_the_fetch_and_a_lost_one_is_taken_over_at_once() {
        let source = source(", timeoutSeconds: 60");
        let at = |lease_until: Millis, now| {
            let record = Record { lease_until, ..fetched() };
            let schedule = Schedule { source: &source, record: &record };
            (schedule.is_under_way(now), schedule.due_at(now) <= now)
        };
        let until = Schedule { source: &source, record: &Record::default() }.lease_from(NOW);
        assert_eq!(until, NOW + 62_000);
        assert_eq!(at(until, NOW), (true, true));
        assert_eq!(at(until, until - 1), (true, true));
        assert_eq!(at(until, until), (false, true));
        assert_eq!(at(0, NOW), (false, false), "answered");
        assert_eq!(at(until, NOW - 3_600_000), (false, true), "the clock was set back by an hour");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_fetching() {
        let source = source("");
        let (record, earlier) = (Record { kid_fetch_at: NOW, ..fetched() }, NOW - 3_600_000);
        let schedule = Schedule { source: &source, record: &record };
        assert!(schedule.due_at(earlier) <= earlier && schedule.may_fetch_for_kid(earlier));
        let failed = Record { failures: 3, ..record };
        assert!(Schedule { source: &source, record: &failed }.due_at(earlier) <= earlier);
        let failed_again = Record { ended_at: earlier, ..failed };
        let due_at = Schedule { source: &source, record: &failed_again }.due_at(earlier);
        assert!(due_at >= earlier + 4_000, "failures keep their pauses, though the keys seem to be from the future");
    }

    #[test]
    fn the_cool_down_counts_from_the_last_fetch_for_a_kid() {
        let (source, record) = (source(", unknownKidCooldownSeconds: 30"), Record { kid_fetch_at: NOW, ..fetched() });
        let schedule = Schedule { source: &source, record: &record };
        assert_eq!([0, 29_999, 30_000].map(|later| schedule.may_fetch_for_kid(NOW + later)), [false, false, true]);
        let never = Record { kid_fetch_at: 0, ..record };
        assert!(Schedule { source: &source, record: &never }.may_fetch_for_kid(NOW), "a refresh does not count");
    }
}
