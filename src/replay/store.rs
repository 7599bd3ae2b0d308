//! The used `jti`s, in shared data that knows no deletion.
//!
//! A `jti` is a hash, and sixteen bits of the hash choose one of 65,536 buckets. A bucket is one shared value: the entries of
//! its live `jti`s, read, pruned, looked through, appended to and written back by compare-and-swap. So a `jti` can stand in
//! one place only, and of two workers that bring the same one, the second finds it. The number of buckets is the same for
//! every configuration: instances with different limits, and a changed limit, find what the others recorded. At a million
//! live `jti`s a bucket has 15 entries, 300 bytes, which is read and written in a microsecond.

use sha2::{Digest as _, Sha256};

use super::ledger::{Ledger, Reserve};
use super::shared_data::{KEY_PREFIX, SharedData};

/// The most entries of a bucket. The hashes of honest `jti`s spread; one who can make an issuer sign chosen ones must not be
/// able to make a bucket long.
const MAX_ENTRIES: usize = 512;

/// How often a write is tried again after another worker was faster. Each loss means that another one got on; this many in
/// a row means an attack on the bucket.
const MAX_ATTEMPTS: usize = 32;

const HASH_BYTES: usize = 16;
const ENTRY_BYTES: usize = 20;

/// A `jti` of an issuer, as a hash of 128 bits and the bucket that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    hash: [u8; HASH_BYTES],
    bucket: u16,
}

/// What became of a `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insertion {
    /// It was new and is recorded now.
    Inserted,
    /// It was there.
    Present,
    /// It was not there and can't be recorded: too many are live, or the store could not be written.
    Refused,
}

/// The store at one moment.
pub(super) struct Store<'a> {
    pub(super) shared_data: &'a dyn SharedData,
    /// The places of this worker.
    pub(super) reserve: &'a Reserve,
    /// How many `jti`s may be live.
    pub(super) max_live: u64,
    /// Seconds since the epoch.
    pub(super) now: u32,
}

impl Identity {
    pub(super) fn new(issuer: Option<&str>, jti: &str) -> Self {
        let mut hash = Sha256::new();
        // The length keeps apart what the two texts would join to; no issuer is as long as the mark for none.
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

    fn key(&self) -> String {
        let mut key = String::with_capacity(KEY_PREFIX.len().saturating_add(4));
        key.push_str(KEY_PREFIX);
        key.extend(
            [12, 8, 4, 0].map(|shift| char::from_digit(u32::from(self.bucket) >> shift & 15, 16).unwrap_or('0')),
        );
        key
    }
}

impl Store<'_> {
    /// Records `identity` until `end`, in seconds since the epoch, unless it is there.
    pub(super) fn insert(&self, identity: &Identity, end: u32) -> Insertion {
        let ledger = Ledger { shared_data: self.shared_data, reserve: self.reserve, now: self.now };
        let key = identity.key();
        let mut place = None;
        for _ in 0..MAX_ATTEMPTS {
            let (value, version) = self.shared_data.get(&key).unwrap_or((Vec::new(), u32::MAX));
            let Some(mut bucket) = Bucket::live(&value, self.now) else {
                break;
            };
            if bucket.contains(identity) {
                ledger.give_back(place);
                return Insertion::Present;
            }
            if bucket.len() >= MAX_ENTRIES {
                break;
            }
            if place.is_none() {
                place = ledger.take(end, self.max_live);
            }
            if place.is_none() {
                return Insertion::Refused;
            }
            bucket.push(identity, end);
            if self.shared_data.set(&key, &bucket.bytes, version).is_ok() {
                return Insertion::Inserted;
            }
        }
        ledger.give_back(place);
        Insertion::Refused
    }
}

/// The entries of one bucket: hash and end, side by side.
struct Bucket {
    bytes: Vec<u8>,
}

impl Bucket {
    /// The entries that are live at `now`. `None` for a value that is not one of ours.
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

    fn contains(&self, identity: &Identity) -> bool {
        self.bytes.as_chunks::<ENTRY_BYTES>().0.iter().any(|entry| entry.starts_with(&identity.hash))
    }

    fn push(&mut self, identity: &Identity, end: u32) {
        self.bytes.extend_from_slice(&identity.hash);
        self.bytes.extend_from_slice(&end.to_le_bytes());
    }
}

fn end_of(entry: &[u8; ENTRY_BYTES]) -> u32 {
    entry.last_chunk().map_or(0, |end| u32::from_le_bytes(*end))
}
