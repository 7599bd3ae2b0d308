//! How many `jti`s are live, over all buckets: one shared value with a count for each slot of time in which they end. A
//! slot that has passed drops out by itself, so the count stays right though nobody visits the buckets that it counts.
//!
//! All workers write this one value, so each takes places in it by the block and hands them out by itself. The fuller the
//! store, the smaller the blocks; the last places are taken one by one, so no place too many is ever given.

use std::cell::RefCell;

use super::shared_data::{KEY_PREFIX, SharedData};

/// As in the store: each loss means that another worker got on.
const MAX_ATTEMPTS: usize = 64;

/// A slot is at most this part of the time that a token still lives, so tokens of one lifetime need some twice as many
/// slots, and an ended `jti` is counted for at most this part of its life too long.
const SLOTS_PER_LIFETIME: u32 = 32;

const SLOT_BYTES: usize = 8;

/// A block is at most this part of the places that are free: what a worker takes and never needs is not worth telling.
const BLOCKS_PER_ROOM: u64 = 1 << 16;

const MAX_BLOCK: u64 = 64;

/// The places that a worker has taken and not handed out.
#[derive(Debug, Default)]
pub(super) struct Reserve(RefCell<Vec<Slot>>);

/// The count at one moment.
pub(super) struct Ledger<'a> {
    pub(super) shared_data: &'a dyn SharedData,
    pub(super) reserve: &'a Reserve,
    /// Seconds since the epoch.
    pub(super) now: u32,
}

/// The slot in which a place was taken, so that it can be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permit {
    slot_end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    end: u32,
    count: u32,
}

impl Ledger<'_> {
    /// Takes a place for a `jti` that is live until `end`, if fewer than `max_live` are taken.
    pub(super) fn take(&self, end: u32, max_live: u64) -> Option<Permit> {
        let slot_end = self.slot_end(end);
        let place = Permit { slot_end };
        if self.reserve.take(slot_end) {
            return Some(place);
        }
        let mut block = 0;
        let is_taken = self.update(|slots| {
            let live: u64 = slots.iter().map(|slot| u64::from(slot.count)).fold(0, u64::saturating_add);
            let room = max_live.saturating_sub(live);
            // Never more than there is room for, and none if there is none.
            block = (room / BLOCKS_PER_ROOM).clamp(1, MAX_BLOCK).min(room) as u32;
            add(slots, Slot { end: slot_end, count: block });
            block > 0
        });
        is_taken.then(|| {
            self.reserve.put(Slot { end: slot_end, count: block.saturating_sub(1) }, self.now);
            place
        })
    }

    /// Gives a place back that was taken for nothing.
    pub(super) fn give_back(&self, place: Option<Permit>) {
        let Some(place) = place else { return };
        self.update(|slots| {
            for slot in slots.iter_mut().filter(|slot| slot.end == place.slot_end) {
                slot.count = slot.count.saturating_sub(1);
            }
            true
        });
    }

    /// Changes the live slots, if `change` says so; whether they were changed.
    fn update(&self, mut change: impl FnMut(&mut Vec<Slot>) -> bool) -> bool {
        let key = format!("{KEY_PREFIX}live");
        for _ in 0..MAX_ATTEMPTS {
            let (value, version) = self.shared_data.get(&key).unwrap_or((Vec::new(), u32::MAX));
            let Some(mut slots) = self.live_slots(&value) else {
                return false;
            };
            if !change(&mut slots) {
                return false;
            }
            if self.shared_data.set(&key, &encode(&slots), version).is_ok() {
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

impl Reserve {
    fn take(&self, slot_end: u32) -> bool {
        let Ok(mut slots) = self.0.try_borrow_mut() else { return false };
        let slot = slots.iter_mut().find(|slot| slot.end == slot_end && slot.count > 0);
        slot.map(|slot| slot.count = slot.count.saturating_sub(1)).is_some()
    }

    /// Keeps places for later, and forgets those whose slot has passed.
    fn put(&self, places: Slot, now: u32) {
        let Ok(mut slots) = self.0.try_borrow_mut() else { return };
        slots.retain(|slot| slot.end > now && slot.count > 0);
        if places.count > 0 {
            add(&mut slots, places);
        }
    }
}

fn add(slots: &mut Vec<Slot>, more: Slot) {
    match slots.iter_mut().find(|slot| slot.end == more.end) {
        Some(slot) => slot.count = slot.count.saturating_add(more.count),
        None => slots.push(more),
    }
}

fn encode(slots: &[Slot]) -> Vec<u8> {
    slots.iter().flat_map(|slot| [slot.end.to_le_bytes(), slot.count.to_le_bytes()]).flatten().collect()
}
