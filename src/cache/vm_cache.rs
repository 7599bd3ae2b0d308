//! The entries of all caches of a VM, and which of them make room for others.

use std::rc::Rc;

use lru::LruCache;

use super::doorkeeper::{self, Doorkeeper};
use super::entry::{Accepted, Entry};
use super::limits::CacheLimits;
use super::size;

/// All caches of a VM, each at its slot.
#[derive(Debug)]
pub(super) struct VmCache {
    pub(super) slots: Vec<Option<SlotEntries>>,
    doorkeeper: Doorkeeper,
    budget: usize,
    /// What all of it takes.
    bytes: usize,
    /// How often a token was asked for or put in.
    clock: u64,
}

/// The entries of one configuration, the one used longest ago first.
#[derive(Debug)]
pub(super) struct SlotEntries {
    name: Box<[u8]>,
    by_token: LruCache<Box<[u8]>, Entry>,
    /// The most entries there were since it was empty: the table does not shrink.
    peak: usize,
    /// What entries and table take.
    pub(super) bytes: usize,
}

impl VmCache {
    /// Nothing yet; all of it takes at most `budget` bytes.
    pub(super) fn new(budget: usize) -> Self {
        Self { slots: Vec::new(), doorkeeper: Doorkeeper::default(), budget, bytes: 0, clock: 0 }
    }

    /// What all of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A slot for a new configuration.
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

    /// Gives a slot up, with all that is there.
    pub(super) fn close(&mut self, slot: usize) {
        if let Some(entries) = self.slots.get_mut(slot).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(entries.bytes);
        }
    }

    /// Empties the places of all configurations of this name.
    pub(super) fn clear_named(&mut self, name: &[u8]) {
        for entries in self.slots.iter_mut().flatten().filter(|entries| *entries.name == *name) {
            self.bytes = self.bytes.saturating_sub(entries.bytes);
            entries.clear();
        }
    }

    fn entries(&mut self, slot: usize) -> Option<&mut SlotEntries> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// What is known of a token at a slot.
    pub(super) fn get(&mut self, slot: usize, token: &[u8]) -> Option<Rc<Accepted>> {
        self.clock = self.clock.saturating_add(1);
        let now = self.clock;
        let entry = self.entries(slot)?.by_token.get_mut(token)?;
        entry.used = now;
        Some(entry.accepted.clone())
    }

    /// Puts a token in, if it came before and there can be room for it; how many others went for it.
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
            let (entries, bytes, growth) = match self.entries(slot) {
                Some(entries) => (entries.by_token.len(), entries.bytes, size.saturating_add(entries.table_growth())),
                None => return evictions,
            };
            let goes = if entries >= limits.max_entries || bytes.saturating_add(growth) > limits.max_bytes {
                Some(slot)
            } else if self.bytes.saturating_add(growth) > self.budget {
                self.slot_of_oldest()
            } else {
                break;
            };
            if !goes.is_some_and(|slot| self.remove_oldest(slot)) {
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

    /// Takes a token out, if it is there.
    pub(super) fn remove(&mut self, slot: usize, token: &[u8]) {
        self.change(slot, |entries| {
            if let Some(entry) = entries.by_token.pop(token) {
                entries.forget(token, &entry);
            }
        });
    }

    /// Whether there was one to remove.
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

    /// Where the token stands that was used longest ago. There are as many places as configurations, so some tens.
    fn slot_of_oldest(&self) -> Option<usize> {
        let oldest = |entries: &SlotEntries| entries.by_token.peek_lru().map(|(_, entry)| entry.used);
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, entries)| Some((oldest(entries.as_ref()?)?, slot))).min().map(|(_, slot)| slot)
    }

    fn change(&mut self, slot: usize, change: impl FnOnce(&mut SlotEntries)) {
        let Some(entries) = self.entries(slot) else { return };
        let before = entries.bytes;
        change(entries);
        let freed = before.saturating_sub(entries.bytes);
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

impl SlotEntries {
    /// What the table grows by with one more entry.
    fn table_growth(&self) -> usize {
        let entries = self.by_token.len().saturating_add(1).max(self.peak);
        size::of_table(entries).saturating_sub(size::of_table(self.peak))
    }

    /// Counts a removed entry out; with the last one the table goes, too.
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
