//! Which tokens are worth keeping.

use std::hash::BuildHasher as _;

use super::size::chunk;

/// How many hashes are remembered, for all configurations of a VM: a token is known when it comes again before about so many
/// others. More than the budget has room for tokens of a kilobyte, and 256 KiB.
const BUCKETS: usize = 1 << 16;

/// What it takes, once it is there.
pub(super) const BYTES: usize = chunk(BUCKETS * size_of::<u32>());

/// A memory of hashes of four bytes. Most tokens that come once never come again, and to keep each would cost more than it saves
/// and push out those in use; so one is kept when it comes a second time. Named as in TinyLFU
/// [Einziger, Friedman, Manes: TinyLFU, §3.4.2].
#[derive(Debug, Default)]
pub(super) struct Doorkeeper {
    /// The upper half of the hash that came last for each place, with a bit set that tells it from none. Empty until the first
    /// token: many a VM sees none.
    seen: Vec<u32>,
    is_counted: bool,
    hasher: lru::DefaultHasher,
}

impl Doorkeeper {
    /// Whether a token came lately to the configuration in `slot`; from now on it has. Rarely, it is taken for another one.
    pub(super) fn record(&mut self, slot: usize, token: &[u8]) -> bool {
        self.record_hash(self.hasher.hash_one((slot, token)))
    }

    /// What it takes more of memory than when this was last asked.
    pub(super) fn take_growth(&mut self) -> usize {
        let is_new = !self.seen.is_empty() && !std::mem::replace(&mut self.is_counted, true);
        if is_new { BYTES } else { 0 }
    }

    fn record_hash(&mut self, hash: u64) -> bool {
        if self.seen.is_empty() {
            self.seen = vec![0; BUCKETS];
        }
        let mark = (hash >> 32) as u32 | 1;
        let place = (hash as usize).checked_rem(self.seen.len()).and_then(|place| self.seen.get_mut(place));
        place.is_some_and(|place| std::mem::replace(place, mark) == mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_is_known_until_another_takes_its_place() {
        let mut doorkeeper = Doorkeeper::default();
        let hash = |upper: u64, place: u64| upper << 32 | place;
        assert!(!doorkeeper.record_hash(hash(0, 0)), "an empty place knows nothing");
        assert!(doorkeeper.record_hash(hash(0, 0)));
        assert!(!doorkeeper.record_hash(hash(2, 1)));
        assert!(doorkeeper.record_hash(hash(0, 0)), "other places keep theirs");
        assert!(!doorkeeper.record_hash(hash(4, BUCKETS as u64)), "the same place, in the next round");
        assert!(!doorkeeper.record_hash(hash(0, 0)));
    }

    #[test]
    fn a_token_that_came_to_one_configuration_did_not_come_to_another() {
        let mut doorkeeper = Doorkeeper::default();
        assert_eq!([0, 0, 1, 1].map(|place| doorkeeper.record(place, b"a")), [false, true, false, true]);
    }
}
