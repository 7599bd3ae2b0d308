//! What the answers to clients and the keys in etcd must agree on.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::record::{Answer, Record};
use crate::setup::{ISSUER, PREFIX, Verdict};

/// How many `jti`s that nobody sent are looked up.
const NEVER_SENT: usize = 1000;

/// What clients and the engine know when all faults are over.
pub(crate) struct History {
    pub(crate) by_token: Vec<Vec<Answer>>,
    pub(crate) keys: HashMap<String, Key>,
    pub(crate) revisions: Revisions,
}

/// A key of etcd. Its revisions order all writes.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) has_lease: bool,
}

/// A read of the whole cluster, and the revision of its last write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revision {
    pub(crate) from: Duration,
    pub(crate) to: Duration,
    pub(crate) number: u64,
}

impl History {
    /// `used_up` tokens got nothing but S503JS, and S403JU at the end.
    ///
    /// # Panics
    /// When a token was accepted or used without being in etcd, is there since before it was sent or since after it was
    /// accepted, was written twice or without a lease, or is there without having been sent; when other tokens are used up
    /// than those that are there without an answer.
    pub(crate) fn check(&self, used_up: usize) {
        let mut wrong = Vec::new();
        let mut unknown: usize = 0;
        let mut sent = 0;
        for (index, answers) in self.by_token.iter().enumerate() {
            let key = self.keys.get(&key_of(&Record::jti(index)));
            sent += usize::from(key.is_some());
            let mut claim = |is_so: bool, what: &str| {
                if !is_so {
                    wrong.push(format!("token {index}: {what}: {key:?}, {answers:?}"));
                }
            };
            let is_used = answers.iter().any(|answer| matches!(answer.verdict, Verdict::Accepted | Verdict::Used));
            let Some(key) = key else {
                claim(!is_used, "accepted or used, but not in etcd");
                continue;
            };
            unknown += usize::from(!is_used);
            claim(key.created == key.changed && key.has_lease, "written again, or without a lease");
            let first = answers.iter().map(|answer| answer.from).min().unwrap();
            claim(self.revisions.before(first) < key.created, "in etcd before it was sent");
            for answer in answers.iter().filter(|answer| answer.verdict == Verdict::Accepted) {
                claim(self.revisions.after(answer.to) >= key.created, "accepted before it was in etcd");
            }
        }
        for number in self.by_token.len()..self.by_token.len() + NEVER_SENT {
            if self.keys.contains_key(&key_of(&Record::jti(number))) {
                wrong.push(format!("token {number} is in etcd, but was never sent"));
            }
        }
        let count = wrong.len();
        assert!(count == 0, "{count} failures:\n{}", wrong[..count.min(20)].join("\n"));
        assert_eq!(self.keys.len(), sent, "etcd has keys of no token");
        assert_eq!(
            unknown, used_up,
            "tokens that were recorded without an answer must be those that turn out to be used"
        );
    }
}

/// All reads of the revision.
pub(crate) struct Revisions {
    /// When each read was over, in order, and the last revision that any read had seen until then.
    seen: Vec<(Duration, u64)>,
    /// When each read began, the last one first, and the first revision that any read saw from then on.
    coming: Vec<(Duration, u64)>,
}

impl Revisions {
    pub(crate) fn new(reads: &[Revision]) -> Self {
        let mut seen: Vec<_> = reads.iter().map(|read| (read.to, read.number)).collect();
        seen.sort_unstable();
        let mut last = 0;
        seen.iter_mut().for_each(|(_, number)| {
            last = last.max(*number);
            *number = last;
        });
        let mut coming: Vec<_> = reads.iter().map(|read| (read.from, read.number)).collect();
        coming.sort_unstable_by(|one, other| other.cmp(one));
        let mut first = u64::MAX;
        coming.iter_mut().for_each(|(_, number)| {
            first = first.min(*number);
            *number = first;
        });
        Self { seen, coming }
    }

    /// The last revision that a read saw which was over by this time.
    fn before(&self, time: Duration) -> u64 {
        let count = self.seen.partition_point(|(to, _)| *to <= time);
        count.checked_sub(1).map_or(0, |index| self.seen[index].1)
    }

    /// The first revision that a read saw which began at this time or later; [`u64::MAX`] if none did.
    fn after(&self, time: Duration) -> u64 {
        let count = self.coming.partition_point(|(from, _)| *from >= time);
        count.checked_sub(1).map_or(u64::MAX, |index| self.coming[index].1)
    }
}

/// The key of a `jti`, as `src/replay/store.rs` makes it.
fn key_of(jti: &str) -> String {
    let input = [&(ISSUER.len() as u64).to_le_bytes(), ISSUER.as_bytes(), jti.as_bytes()].concat();
    let hash = Sha256::digest(input);
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn answer(verdict: Verdict) -> Answer {
        Answer { token: 0, envoy: 0, verdict, from: at(10), to: at(12) }
    }

    /// One token with these answers, whose key, if it is in etcd, was created with this revision. Reads saw revision 4
    /// from 8 to 9 seconds and 6 from 13 to 14 seconds.
    fn history(answers: &[Verdict], created: Option<u64>) -> History {
        let key = |created| (key_of(&Record::jti(0)), Key { created, changed: created, has_lease: true });
        let read = |from, to, number| Revision { from: at(from), to: at(to), number };
        History {
            by_token: vec![answers.iter().cloned().map(answer).collect()],
            keys: created.map(key).into_iter().collect(),
            revisions: Revisions::new(&[read(13, 14, 6), read(8, 9, 4)]),
        }
    }

    #[test]
    fn valid_histories_are_accepted() {
        history(&[Verdict::Accepted, Verdict::Used], Some(5)).check(0);
        history(&[Verdict::Accepted], Some(6)).check(0);
        history(&[Verdict::Unavailable], Some(9)).check(1);
        history(&[Verdict::Unavailable], None).check(0);
    }

    #[test]
    #[should_panic(expected = "token 0: accepted or used, but not in etcd")]
    fn an_acceptance_without_a_key_is_found() {
        history(&[Verdict::Accepted], None).check(0);
    }

    #[test]
    #[should_panic(expected = "token 0: accepted or used, but not in etcd")]
    fn a_use_without_a_key_is_found() {
        history(&[Verdict::Unavailable, Verdict::Used], None).check(0);
    }

    #[test]
    #[should_panic(expected = "token 0: accepted before it was in etcd")]
    fn a_late_key_is_found() {
        history(&[Verdict::Accepted], Some(7)).check(0);
    }

    #[test]
    #[should_panic(expected = "token 0: in etcd before it was sent")]
    fn an_early_key_is_found() {
        history(&[Verdict::Accepted], Some(4)).check(0);
    }

    #[test]
    #[should_panic(expected = "token 0: written again, or without a lease")]
    fn a_key_that_was_written_again_is_found() {
        let mut history = history(&[Verdict::Accepted], Some(5));
        history.keys.values_mut().for_each(|key| key.changed = 6);
        history.check(0);
    }

    #[test]
    #[should_panic(expected = "token 7 is in etcd, but was never sent")]
    fn a_key_of_a_token_that_was_never_sent_is_found() {
        let mut history = history(&[Verdict::Accepted], Some(5));
        history.keys.insert(key_of(&Record::jti(7)), Key { created: 6, changed: 6, has_lease: true });
        history.check(0);
    }

    #[test]
    #[should_panic(expected = "turn out to be used")]
    fn a_token_that_is_used_up_without_a_key_is_found() {
        history(&[Verdict::Unavailable], None).check(1);
    }
}
