//! The entries of all caches of a VM, and which of them are evicted.

use std::rc::Rc;

use lru::LruCache;

use super::doorkeeper::{self, Doorkeeper};
use super::entry::{Accepted, Entry};
use super::limits::CacheLimits;
use super::size;

/// All caches of a VM. Each configuration has a slot.
#[derive(Debug)]
pub(super) struct VmCache {
    pub(super) slots: Vec<Option<SlotEntries>>,
    doorkeeper: Doorkeeper,
    budget: usize,
    /// The bytes of all slots and of the doorkeeper.
    bytes: usize,
    /// Counts lookups and insertions, to order them.
    clock: u64,
}

/// The entries of one configuration, ordered by their last use.
#[derive(Debug)]
pub(super) struct SlotEntries {
    name: Box<[u8]>,
    by_token: LruCache<Box<[u8]>, Entry>,
    /// The most entries since it was empty, because the table does not shrink.
    peak: usize,
    /// The bytes of the entries and the table.
    pub(super) bytes: usize,
}

impl VmCache {
    /// An empty cache of at most `budget` bytes.
    pub(super) fn new(budget: usize) -> Self {
        Self { slots: Vec::new(), doorkeeper: Doorkeeper::default(), budget, bytes: 0, clock: 0 }
    }

    /// The bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reserves a slot for a configuration named `name`.
    pub(super) fn open(&mut self, name: &[u8]) -> usize {
        let entries = SlotEntries { name: name.into(), by_token: LruCache::unbounded(), peak: 0, bytes: 0 };
        match self.slots.iter().position(Option::is_none) {
            Some(slot) => {
                if let Some(free) = self.slots.get_mut(slot) {
                    *free = Some(entries);
                }
                slot
            }
            None => {
                self.slots.push(Some(entries));
                self.slots.len().saturating_sub(1)
            }
        }
    }

    /// Frees a slot and its entries.
    pub(super) fn close(&mut self, slot: usize) {
        if let Some(entries) = self.slots.get_mut(slot).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(entries.bytes);
        }
    }

    /// Empties the slots of all configurations named `name`.
    pub(super) fn clear_named(&mut self, name: &[u8]) {
        for entries in self.slots.iter_mut().flatten().filter(|entries| *entries.name == *name) {
            self.bytes = self.bytes.saturating_sub(entries.bytes);
            entries.clear();
        }
    }

    fn entries(&mut self, slot: usize) -> Option<&mut SlotEntries> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Looks up a token in a slot.
    pub(super) fn get(&mut self, slot: usize, token: &[u8]) -> Option<Rc<Accepted>> {
        self.clock = self.clock.saturating_add(1);
        let now = self.clock;
        let entry = self.entries(slot)?.by_token.get_mut(token)?;
        entry.used = now;
        Some(entry.accepted.clone())
    }

    /// Adds a token if it came before and can fit. Returns how many others were evicted for it.
    pub(super) fn insert(&mut self, slot: usize, limits: CacheLimits, token: &[u8], accepted: Accepted) -> u32 {
        let size = size::of_entry(token, &accepted);
        let at_least = size.saturating_add(size::of_table(1));
        let most = limits.max_bytes.min(self.budget.saturating_sub(doorkeeper::BYTES));
        if limits.max_entries == 0 || at_least > most || !self.doorkeeper.record(slot, token) {
            return 0;
        }
        self.bytes = self.bytes.saturating_add(self.doorkeeper.take_growth());
        self.remove(slot, token);
        let mut evictions: u32 = 0;
        loop {
            let (count, bytes, growth) = match self.entries(slot) {
                Some(entries) => (entries.by_token.len(), entries.bytes, size.saturating_add(entries.table_growth())),
                None => return evictions,
            };
            let evicted_from = if count >= limits.max_entries || bytes.saturating_add(growth) > limits.max_bytes {
                Some(slot)
            } else if self.bytes.saturating_add(growth) > self.budget {
                self.slot_of_oldest()
            } else {
                break;
            };
            if !evicted_from.is_some_and(|slot| self.remove_oldest(slot)) {
                return evictions;
            }
            evictions = evictions.saturating_add(1);
        }
        self.clock = self.clock.saturating_add(1);
        let entry = Entry { accepted: Rc::new(accepted), used: self.clock };
        if let Some(entries) = self.entries(slot) {
            let growth = size.saturating_add(entries.table_growth());
            entries.bytes = entries.bytes.saturating_add(growth);
            entries.by_token.put(token.into(), entry);
            entries.peak = entries.peak.max(entries.by_token.len());
            self.bytes = self.bytes.saturating_add(growth);
        }
        evictions
    }

    /// Removes a token, if present.
    pub(super) fn remove(&mut self, slot: usize, token: &[u8]) {
        self.change(slot, |entries| {
            if let Some(entry) = entries.by_token.pop(token) {
                entries.forget(token, &entry);
            }
        });
    }

    /// Removes the least recently used token of a slot. Returns whether there was one.
    fn remove_oldest(&mut self, slot: usize) -> bool {
        let mut is_removed = false;
        self.change(slot, |entries| {
            if let Some((token, entry)) = entries.by_token.pop_lru() {
                entries.forget(&token, &entry);
                is_removed = true;
            }
        });
        is_removed
    }

    /// The slot of the least recently used token. A VM has some tens of slots at most, so all are compared.
    fn slot_of_oldest(&self) -> Option<usize> {
        let oldest = |entries: &SlotEntries| entries.by_token.peek_lru().map(|(_, entry)| entry.used);
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, entries)| Some((oldest(entries.as_ref()?)?, slot))).min().map(|(_, slot)| slot)
    }

    /// Applies a change that can only free memory.
    fn change(&mut self, slot: usize, change: impl FnOnce(&mut SlotEntries)) {
        let Some(entries) = self.entries(slot) else { return };
        let before = entries.bytes;
        change(entries);
        let freed = before.saturating_sub(entries.bytes);
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

impl SlotEntries {
    /// By how many bytes the table grows with one more entry.
    fn table_growth(&self) -> usize {
        let entries = self.by_token.len().saturating_add(1).max(self.peak);
        size::of_table(entries).saturating_sub(size::of_table(self.peak))
    }

    /// Subtracts the bytes of a removed entry. After the last entry the table is freed, too.
    fn forget(&mut self, token: &[u8], entry: &Entry) {
        if self.by_token.is_empty() {
            self.clear();
        } else {
            self.bytes = self.bytes.saturating_sub(size::of_entry(token, &entry.accepted));
        }
    }

    fn clear(&mut self) {
        self.by_token = LruCache::unbounded();
        self.peak = 0;
        self.bytes = 0;
    }
}
