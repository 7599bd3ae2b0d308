//! What all workers of a process know about one JWK set: a value in the host's shared data.
//!
//! The keys and the state of the fetch are one value, so a worker never sees new keys with an old state.

use super::call::MAX_BODY_BYTES;
use super::source::Source;
use crate::shared_data::{Conflict, SharedData};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(super) type Millis = u64;

/// The longest record that is read. The keys of a longer one can't come from an answer.
const MAX_BYTES: usize = MAX_BODY_BYTES + 1024;

/// The first byte of a record. Another one is from another version of the filter, whose keys are fetched anew.
const FORMAT: u8 = 1;

/// The shared state of one JWK set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// How many fetches have begun.
    pub(super) attempt: u64,
    /// Until when the worker that began the last fetch may answer; 0 once it has.
    pub(super) lease_until: Millis,
    /// When the last fetch ended.
    pub(super) ended_at: Millis,
    /// How many fetches have failed since the last one that succeeded.
    pub(super) failures: u64,
    /// When the last fetch succeeded; 0 if none has.
    pub(super) fetched_at: Millis,
    /// `max-age` of the last set, in seconds; `u64::MAX` without one.
    pub(super) max_age_seconds: u64,
    /// When the last fetch for an unknown `kid` began or ended.
    pub(super) kid_fetch_at: Millis,
    /// The usable keys, as a JWK set; empty if no fetch has succeeded.
    pub(super) keys: Vec<u8>,
}

/// The key of the record in the host's shared data. Without a `vm_id`, Envoy shares one key space among all plugins.
pub(super) fn shared_key(source: &Source) -> String {
    format!("jwt-auth/jwks/{:016x}", u64::from_be_bytes(source.identity()))
}

impl Record {
    /// Reads the record and its version for [`Self::write`]. A missing or malformed one is an empty record.
    pub(super) fn read(shared_data: &dyn SharedData, key: &str) -> (Self, u32) {
        match shared_data.get(key) {
            Some((bytes, version)) => (Self::decode(&bytes).unwrap_or_default(), version),
            None => (Self::default(), u32::MAX),
        }
    }

    /// Writes the record if it still has the version that was read.
    ///
    /// # Errors
    /// [`Conflict`] if another worker has written it since.
    pub(super) fn write(&self, shared_data: &dyn SharedData, key: &str, version: u32) -> Result<(), Conflict> {
        shared_data.set(key, &self.encode(), version)
    }

    fn encode(&self) -> Vec<u8> {
        let numbers = [
            self.attempt,
            self.lease_until,
            self.ended_at,
            self.failures,
            self.fetched_at,
            self.max_age_seconds,
            self.kid_fetch_at,
        ];
        let numbers = numbers.into_iter().flat_map(u64::to_le_bytes);
        [FORMAT].into_iter().chain(numbers).chain(self.keys.iter().copied()).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, mut rest) = bytes.split_first()?;
        if *format != FORMAT || bytes.len() > MAX_BYTES {
            return None;
        }
        let mut number = || {
            let (number, after) = rest.split_first_chunk::<8>()?;
            rest = after;
            Some(u64::from_le_bytes(*number))
        };
        Some(Self {
            attempt: number()?,
            lease_until: number()?,
            ended_at: number()?,
            failures: number()?,
            fetched_at: number()?,
            max_age_seconds: number()?,
            kid_fetch_at: number()?,
            keys: rest.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_damage_is_an_empty_record() {
        let record = Record {
            attempt: 1,
            lease_until: 2,
            ended_at: 3,
            failures: 4,
            fetched_at: u64::MAX,
            max_age_seconds: 6,
            kid_fetch_at: 7,
            keys: b"{}".to_vec(),
        };
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Some(record));
        for length in 0..57 {
            assert_eq!(Record::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(Record::decode(&[b"\x02", &bytes[1..]].concat()), None);
        let padded = |length| [&bytes[..], &vec![b' '; length - bytes.len()]].concat();
        assert!(Record::decode(&padded(MAX_BYTES)).is_some());
        assert_eq!(Record::decode(&padded(MAX_BYTES + 1)), None);
    }
}
