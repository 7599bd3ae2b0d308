//! Decides which tokens are worth caching.

use std::hash::BuildHasher as _;

use super::size::chunk;

/// How many hashes are kept for all configurations of a VM. A token is recognized unless about as many others came
/// since.
///
/// The budget has room for fewer tokens of 1 KiB than this. The hashes use 256 KiB.
const BUCKETS: usize = 1 << 16;

/// The memory of the hashes, once they are allocated.
pub(super) const BYTES: usize = chunk(BUCKETS * size_of::<u32>());

/// Hashes of recent tokens, four bytes each.
///
/// Most tokens are used once. Caching all of them would cost more than it saves, and would evict the tokens in use. So
/// a token is cached when it comes a second time. The name is from [TinyLFU, §3.4.2](https://arxiv.org/abs/1512.00727).
#[derive(Debug, Default)]
pub(super) struct Doorkeeper {
    /// For each bucket the upper half of the last hash. One bit is always set, so 0 means an empty bucket. Not
    /// allocated before the first token, because many VMs never see one.
    seen: Vec<u32>,
    is_counted: bool,
    hasher: lru::DefaultHasher,
}

impl Doorkeeper {
    /// Records a token of the configuration in `slot`. Returns whether it was recorded recently; in rare cases a hash
    /// collision makes a new token look recorded.
    pub(super) fn record(&mut self, slot: usize, token: &[u8]) -> bool {
        self.record_hash(self.hasher.hash_one((slot, token)))
    }

    /// By how many bytes its memory grew since the last call.
    pub(super) fn take_growth(&mut self) -> usize {
        let is_new = !self.seen.is_empty() && !std::mem::replace(&mut self.is_counted, true);
        if is_new { BYTES } else { 0 }
    }

    fn record_hash(&mut self, hash: u64) -> bool {
        if self.seen.is_empty() {
            self.seen = vec![0; BUCKETS];
        }
        let mark = (hash >> 32) as u32 | 1;
        let bucket = (hash as usize).checked_rem(self.seen.len()).and_then(|index| self.seen.get_mut(index));
        bucket.is_some_and(|bucket| std::mem::replace(bucket, mark) == mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_recognized_until_another_one_replaces_it() {
        let mut doorkeeper = Doorkeeper::default();
        let hash = |upper: u64, bucket: u64| upper << 32 | bucket;
        assert!(!doorkeeper.record_hash(hash(0, 0)), "the bucket is empty");
        assert!(doorkeeper.record_hash(hash(0, 0)));
        assert!(!doorkeeper.record_hash(hash(2, 1)));
        assert!(doorkeeper.record_hash(hash(0, 0)), "other buckets are unchanged");
        assert!(!doorkeeper.record_hash(hash(4, BUCKETS as u64)), "same bucket, other hash");
        assert!(!doorkeeper.record_hash(hash(0, 0)));
    }

    #[test]
    fn each_configuration_has_its_own_tokens() {
        let mut doorkeeper = Doorkeeper::default();
        assert_eq!([0, 0, 1, 1].map(|slot| doorkeeper.record(slot, b"a")), [false, true, false, true]);
    }
}
