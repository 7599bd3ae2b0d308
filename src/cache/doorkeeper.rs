//! Which tokens are worth keeping.

use std::hash::BuildHasher as _;

/// A memory of hashes, one of four bytes for each entry of a cache. Most tokens that come once never come again, and to keep each
/// would cost more than it saves and push out those in use; so one is kept when it comes a second time. Named as in TinyLFU
/// [Einziger, Friedman, Manes: TinyLFU, §3.4.2].
#[derive(Debug)]
pub(super) struct Doorkeeper {
    /// The upper half of the hash that came last for each place, with a bit set that tells it from none.
    seen: Vec<u32>,
    hasher: lru::DefaultHasher,
}

impl Doorkeeper {
    /// One for a cache of this many entries: what comes again later than after so many others would not be there anymore.
    pub(super) fn new(entries: usize) -> Self {
        Self { seen: vec![0; entries], hasher: lru::DefaultHasher::default() }
    }

    /// Whether a token came lately; from now on it has. Rarely, it is taken for another one.
    pub(super) fn knows(&mut self, token: &[u8]) -> bool {
        self.knows_hash(self.hasher.hash_one(token))
    }

    fn knows_hash(&mut self, hash: u64) -> bool {
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
        let mut doorkeeper = Doorkeeper::new(4);
        let hash = |upper: u64, place: u64| upper << 32 | place;
        assert!(!doorkeeper.knows_hash(hash(0, 0)), "an empty place knows nothing");
        assert!(doorkeeper.knows_hash(hash(0, 0)));
        assert!(!doorkeeper.knows_hash(hash(2, 1)));
        assert!(doorkeeper.knows_hash(hash(0, 0)), "other places keep theirs");
        assert!(!doorkeeper.knows_hash(hash(4, 0)));
        assert!(!doorkeeper.knows_hash(hash(0, 0)));
        assert!(!Doorkeeper::new(0).knows_hash(hash(0, 0)));
        let mut doorkeeper = Doorkeeper::new(1);
        assert_eq!([b"a", b"a", b"b", b"a"].map(|token| doorkeeper.knows(token)), [false, true, false, false]);
    }
}
