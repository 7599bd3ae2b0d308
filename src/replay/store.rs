//! The store of used `jti`s, in the host's shared data, which can't delete a key.
//!
//! A `jti` is stored as a hash. Sixteen bits of the hash choose one of 65,536 buckets. A bucket is one shared value
//! with the entries of its live `jti`s. To record a `jti`, a worker reads its bucket, drops expired entries, searches
//! for the `jti`, appends it, and writes the bucket with compare-and-swap. So if two workers record the same `jti`, the
//! second one finds it.
//!
//! A `jti` of which the engine says that another request was first has the complement of its hash. So the request that
//! was first, if its answer comes later, is not taken for a second one.
//!
//! The number of buckets is the same for every configuration, so configurations with different limits find each other's
//! entries. With a million live `jti`s a bucket has about 15 entries in 300 bytes; reading and writing it takes a
//! microsecond.

use sha2::{Digest as _, Sha256};

use super::ledger::{Ledger, Permit, Reserve};
use crate::shared_data::SharedData;

/// The most entries of a bucket. Hashes of random `jti`s are spread evenly. An attacker who can choose the `jti`s that
/// an issuer signs must not be able to make one bucket long and slow.
const MAX_ENTRIES: usize = 512;

/// How often a write is tried. A failed try means that another worker wrote the bucket first; this many in a row mean
/// an attack on the bucket.
const MAX_ATTEMPTS: usize = 32;

const HASH_BYTES: usize = 16;
const ENTRY_BYTES: usize = 20;

/// A `jti` of an issuer: a hash of 128 bits, and the number of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    hash: [u8; HASH_BYTES],
    bucket: u16,
}

/// Why a `jti` is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// This process decides, so it must be new here in every way.
    Local,
    /// The engine says that this request is the first one. Another request of this process may have been told before
    /// that it is not, and has recorded that.
    Won,
    /// The engine says that another request was first. It may be one of this process, whose answer is still on its way.
    Lost,
}

/// The result of recording a `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insertion {
    /// It was new and is now recorded.
    Inserted,
    /// It was recorded before.
    Present,
    /// It is new and can't be recorded: too many are live, or the store can't be written.
    NotRecorded,
}

/// What is known about a `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// It is recorded.
    Used,
    /// It is not recorded, and could be.
    New,
    /// It could not be recorded: its bucket is full, or has another format.
    NoRoom,
}

/// The store, as one worker uses it at the time `now`.
pub(super) struct Store<'a> {
    pub(super) shared_data: &'a dyn SharedData,
    /// The unused permits of this worker.
    pub(super) reserve: &'a Reserve,
    /// The prefix of its keys.
    pub(super) prefix: &'static str,
    /// The most `jti`s that may be live.
    pub(super) max_live: u64,
    /// Seconds since the epoch.
    pub(super) now: u32,
}

impl Identity {
    pub(super) fn new(issuer: Option<&str>, jti: &str) -> Self {
        let mut hash = Sha256::new();
        // With the length in front, no two pairs of issuer and `jti` give the same input. No issuer is `u64::MAX` bytes
        // long, so that length means "no issuer".
        hash.update(issuer.map_or(u64::MAX, |issuer| issuer.len() as u64).to_le_bytes());
        hash.update(issuer.unwrap_or_default().as_bytes());
        hash.update(jti.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut identity = Self { hash: [0; HASH_BYTES], bucket: 0 };
        for (copy, byte) in identity.hash.iter_mut().zip(digest) {
            *copy = byte;
        }
        identity.bucket = digest.last_chunk().map_or(0, |bits| u16::from_le_bytes(*bits));
        identity
    }

    /// The hash under which a `jti` is recorded that another request used first, as the engine says.
    fn hash_of_lost(&self) -> [u8; HASH_BYTES] {
        self.hash.map(|byte| !byte)
    }

    /// The hash.
    pub(super) fn hash(&self) -> &[u8; HASH_BYTES] {
        &self.hash
    }

    fn key(&self, prefix: &str) -> String {
        let mut key = String::with_capacity(prefix.len().saturating_add(4));
        key.push_str(prefix);
        key.extend(
            [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(self.bucket) >> shift & 15, 16).unwrap_or('0')),
        );
        key
    }
}

impl Store<'_> {
    /// What is known about `identity`.
    pub(super) fn look_up(&self, identity: &Identity) -> Knowledge {
        let (value, _) = self.shared_data.get(&identity.key(self.prefix)).unwrap_or_default();
        match Bucket::live(&value, self.now) {
            Some(bucket) if bucket.contains(&identity.hash) || bucket.contains(&identity.hash_of_lost()) => {
                Knowledge::Used
            }
            Some(bucket) if bucket.len() < MAX_ENTRIES => Knowledge::New,
            _ => Knowledge::NoRoom,
        }
    }

    /// A permit to record one `jti` until `end`. `None` if too many are live.
    pub(super) fn acquire(&self, end: u32) -> Option<Permit> {
        self.ledger().acquire(end, self.max_live)
    }

    /// Records `identity` until `end`, in seconds since the epoch, unless it is already recorded. Uses `permit`, or
    /// acquires one if it is needed.
    pub(super) fn insert(&self, identity: &Identity, end: u32, why: Use, mut permit: Option<Permit>) -> Insertion {
        let ledger = self.ledger();
        let key = identity.key(self.prefix);
        for _ in 0..MAX_ATTEMPTS {
            let (value, version) = self.shared_data.get(&key).unwrap_or((Vec::new(), u32::MAX));
            let Some(mut bucket) = Bucket::live(&value, self.now) else {
                break;
            };
            let is_lost = bucket.contains(&identity.hash_of_lost());
            if bucket.contains(&identity.hash) || (is_lost && why != Use::Won) {
                ledger.release(permit);
                return Insertion::Present;
            }
            // Its permit stays in use until its slot has passed.
            bucket.remove(&identity.hash_of_lost());
            if bucket.len() >= MAX_ENTRIES {
                break;
            }
            if permit.is_none() {
                permit = ledger.acquire(end, self.max_live);
            }
            if permit.is_none() {
                return Insertion::NotRecorded;
            }
            let hash = if why == Use::Lost { identity.hash_of_lost() } else { identity.hash };
            bucket.push(&hash, end);
            if self.shared_data.set(&key, &bucket.bytes, version).is_ok() {
                return Insertion::Inserted;
            }
        }
        ledger.release(permit);
        Insertion::NotRecorded
    }

    fn ledger(&self) -> Ledger<'_> {
        Ledger { shared_data: self.shared_data, reserve: self.reserve, prefix: self.prefix, now: self.now }
    }
}

/// The entries of one bucket. Each is a hash and the time when it expires.
struct Bucket {
    bytes: Vec<u8>,
}

impl Bucket {
    /// The entries that are live at `now`. `None` for a value of another format.
    fn live(value: &[u8], now: u32) -> Option<Self> {
        let (entries, rest) = value.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return None;
        }
        let mut bytes = Vec::with_capacity(value.len().saturating_add(ENTRY_BYTES));
        if entries.iter().all(|entry| end_of(entry) > now) {
            bytes.extend_from_slice(value);
        } else {
            for entry in entries.iter().filter(|entry| end_of(entry) > now) {
                bytes.extend_from_slice(entry);
            }
        }
        Some(Self { bytes })
    }

    fn len(&self) -> usize {
        self.bytes.len() / ENTRY_BYTES
    }

    fn contains(&self, hash: &[u8; HASH_BYTES]) -> bool {
        self.bytes.as_chunks::<ENTRY_BYTES>().0.iter().any(|entry| entry.starts_with(hash))
    }

    fn remove(&mut self, hash: &[u8; HASH_BYTES]) {
        if self.contains(hash) {
            let entries = self.bytes.as_chunks::<ENTRY_BYTES>().0.iter();
            self.bytes = entries.filter(|entry| !entry.starts_with(hash)).flatten().copied().collect();
        }
    }

    fn push(&mut self, hash: &[u8; HASH_BYTES], end: u32) {
        self.bytes.extend_from_slice(hash);
        self.bytes.extend_from_slice(&end.to_le_bytes());
    }
}

fn end_of(entry: &[u8; ENTRY_BYTES]) -> u32 {
    entry.last_chunk().map_or(0, |end| u32::from_le_bytes(*end))
}
