//! How many `jti`s are live, over all buckets: one shared value with a count for each slot of time in which they end. A
//! slot that has passed drops out by itself, so the count stays right though nobody visits the buckets that it counts.

use super::SharedData;
use super::store::KEY_PREFIX;

/// As in the store: each loss means that another worker got on.
const MAX_ATTEMPTS: usize = 64;

/// A slot is at most this part of the time that a token still lives, so tokens of one lifetime need some twice as many
/// slots, and an ended `jti` is counted for at most this part of its life too long.
const SLOTS_PER_LIFETIME: u32 = 32;

const SLOT_BYTES: usize = 8;

/// The count at one moment.
pub(super) struct Ledger<'a> {
    pub(super) shared_data: &'a dyn SharedData,
    /// Seconds since the epoch.
    pub(super) now: u32,
}

/// The slot in which a place was taken, so that it can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    slot_end: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    end: u32,
    count: u32,
}

impl Ledger<'_> {
    /// Takes a place for a `jti` that is live until `end`, if fewer than `max_live` are taken.
    pub(super) fn take(&self, end: u32, max_live: u64) -> Option<Place> {
        let slot_end = self.slot_end(end);
        self.update(|slots| {
            let live: u64 = slots.iter().map(|slot| u64::from(slot.count)).fold(0, u64::saturating_add);
            if live >= max_live {
                return false;
            }
            match slots.iter_mut().find(|slot| slot.end == slot_end) {
                Some(slot) => slot.count = slot.count.saturating_add(1),
                None => slots.push(Slot { end: slot_end, count: 1 }),
            }
            true
        })
        .then_some(Place { slot_end })
    }

    /// Gives a place back that was taken for nothing.
    pub(super) fn give_back(&self, place: Option<Place>) {
        let Some(place) = place else { return };
        self.update(|slots| {
            for slot in slots.iter_mut().filter(|slot| slot.end == place.slot_end) {
                slot.count = slot.count.saturating_sub(1);
            }
            true
        });
    }

    /// Changes the live slots, if `change` says so; whether they were changed.
    fn update(&self, change: impl Fn(&mut Vec<Slot>) -> bool) -> bool {
        let key = format!("{KEY_PREFIX}live");
        for _ in 0..MAX_ATTEMPTS {
            let (value, version) = self.shared_data.get(&key);
            let Some(mut slots) = self.live_slots(value.as_deref().unwrap_or_default()) else {
                return false;
            };
            if !change(&mut slots) {
                return false;
            }
            if self.shared_data.set(&key, &encode(&slots), version.unwrap_or(u32::MAX)).is_ok() {
                return true;
            }
        }
        false
    }

    /// `None` for a value that is not one of ours.
    fn live_slots(&self, value: &[u8]) -> Option<Vec<Slot>> {
        let (slots, rest) = value.as_chunks::<SLOT_BYTES>();
        rest.is_empty().then(|| {
            slots
                .iter()
                .map(|&[a, b, c, d, e, f, g, h]| Slot {
                    end: u32::from_le_bytes([a, b, c, d]),
                    count: u32::from_le_bytes([e, f, g, h]),
                })
                .filter(|slot| slot.end > self.now && slot.count > 0)
                .collect()
        })
    }

    /// The end of the slot for a `jti` that ends at `end`: not before it, and one of few.
    fn slot_end(&self, end: u32) -> u32 {
        let widest = end.saturating_sub(self.now) / SLOTS_PER_LIFETIME;
        let width = widest.checked_ilog2().map_or(1, |bits| 1 << bits);
        end.checked_next_multiple_of(width).unwrap_or(u32::MAX)
    }
}

fn encode(slots: &[Slot]) -> Vec<u8> {
    slots.iter().flat_map(|slot| [slot.end.to_le_bytes(), slot.count.to_le_bytes()]).flatten().collect()
}
