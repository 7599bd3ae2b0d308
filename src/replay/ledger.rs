//! Counts the live `jti`s of all buckets.
//!
//! One shared value has a count for each slot of time in which `jti`s expire. When a slot has passed, its count is
//! dropped, so the total stays right without reading any bucket.
//!
//! All workers write this one value. To write it less often, a worker acquires a block of permits, one for each `jti`,
//! and uses them one by one. The fuller the store, the smaller the blocks. The last permits are acquired one at a time,
//! so there are never more permits than the limit.

use std::cell::RefCell;

use crate::shared_data::SharedData;

/// The prefix of every key about tokens. Without a `vm_id`, Envoy shares one key space among all plugins.
pub(super) const KEY_PREFIX: &str = "jwt-auth/jti/";

/// The prefix of every key about proofs, which have a limit of their own.
pub(super) const PROOF_KEY_PREFIX: &str = "jwt-auth/dpop/";

/// How often a write is tried. A failed try means that another worker wrote the value first.
const MAX_ATTEMPTS: usize = 64;

/// A slot is at most 1/32 of the remaining lifetime of a token. So a `jti` is counted at most 1/32 of its lifetime too
/// long, and tokens of one lifetime need at most about 64 slots.
const SLOTS_PER_LIFETIME: u32 = 32;

const SLOT_BYTES: usize = 8;

/// A block is at most 1/65,536 of the free permits, so the permits that a worker acquires and never uses are
/// negligible.
const BLOCKS_PER_ROOM: u64 = 1 << 16;

/// The most permits in one block.
const MAX_BLOCK: u64 = 64;

/// The permits that a worker has acquired and not used.
#[derive(Debug, Default)]
pub(super) struct Reserve(RefCell<Vec<Slot>>);

/// The count, as one worker uses it at the time `now`.
pub(super) struct Ledger<'a> {
    pub(super) shared_data: &'a dyn SharedData,
    pub(super) reserve: &'a Reserve,
    /// [`KEY_PREFIX`] or [`PROOF_KEY_PREFIX`].
    pub(super) prefix: &'static str,
    /// Seconds since the epoch.
    pub(super) now: u32,
}

/// The right to record one `jti`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permit {
    /// Identifies the slot that counts it.
    slot_end: u32,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    end: u32,
    count: u32,
}

impl Ledger<'_> {
    /// A permit for a `jti` that is live until `end`, in seconds since the epoch. `None` if `max_live` permits are in
    /// use, or the count can't be read or written.
    pub(super) fn acquire(&self, end: u32, max_live: u64) -> Option<Permit> {
        let slot_end = self.slot_end(end);
        let permit = Permit { slot_end };
        if self.reserve.take(slot_end) {
            return Some(permit);
        }
        let mut block = 0;
        let is_acquired = self.update(|slots| {
            let live: u64 = slots.iter().map(|slot| u64::from(slot.count)).fold(0, u64::saturating_add);
            let room = max_live.saturating_sub(live);
            // Zero if there is no room.
            block = (room / BLOCKS_PER_ROOM).clamp(1, MAX_BLOCK).min(room) as u32;
            add(slots, Slot { end: slot_end, count: block });
            block > 0
        });
        is_acquired.then(|| {
            self.reserve.put(Slot { end: slot_end, count: block.saturating_sub(1) }, self.now);
            permit
        })
    }

    /// Gives back a permit that was not used.
    pub(super) fn release(&self, permit: Option<Permit>) {
        let Some(permit) = permit else { return };
        self.update(|slots| {
            for slot in slots.iter_mut().filter(|slot| slot.end == permit.slot_end) {
                slot.count = slot.count.saturating_sub(1);
            }
            true
        });
    }

    /// Applies `change` to the live slots and writes them, unless it returns false. Whether they were written.
    fn update(&self, mut change: impl FnMut(&mut Vec<Slot>) -> bool) -> bool {
        let key = format!("{}live", self.prefix);
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

    /// The slots that have not passed. `None` for a value of another format.
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

    /// The end of the slot for a `jti` that expires at `end`: `end`, rounded up so that many `jti`s share a slot.
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

    /// Takes back a permit that was not used, for another `jti` of the same slot.
    pub(super) fn give_back(&self, permit: Permit) {
        let Ok(mut slots) = self.0.try_borrow_mut() else { return };
        add(&mut slots, Slot { end: permit.slot_end, count: 1 });
    }

    /// Keeps permits for later, and drops those whose slot has passed.
    fn put(&self, permits: Slot, now: u32) {
        let Ok(mut slots) = self.0.try_borrow_mut() else { return };
        slots.retain(|slot| slot.end > now && slot.count > 0);
        if permits.count > 0 {
            add(&mut slots, permits);
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
