//! The verified-token cache: what a token that was accepted before needs not be computed again.
//!
//! Each configuration has a cache of its own, with its own limits. All caches of a VM share one budget, because all
//! configurations of a VM share its memory, those that a newer one has replaced and that are still draining included.

mod doorkeeper;
mod entry;
mod limits;
mod size;
mod vm_cache;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(crate) use entry::Accepted;
pub(crate) use limits::CacheLimits;
use vm_cache::VmCache;

/// What all token caches of a VM may take together. A VM has 1 GiB for all plugins that live in it and every VM of a process
/// (one for each worker, and two more) can fill its share; 64 MiB are some 40,000 tokens of a kilobyte, more than a worker
/// sees again before they expire, and leave most of the VM to configurations.
pub const CACHE_BUDGET_BYTES: usize = 64 << 20;

/// What the cache did since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheEvents {
    /// Tokens that were found.
    pub hits: u32,
    /// Tokens that were not.
    pub misses: u32,
    /// Tokens that had to go for others.
    pub evictions: u32,
}

/// The token caches of one VM. A clone is the same caches.
#[derive(Clone, Debug)]
pub struct TokenCaches(Rc<RefCell<VmCache>>);

impl TokenCaches {
    /// No entries yet; all caches together take at most `budget` bytes, [`CACHE_BUDGET_BYTES`] in Envoy.
    pub fn new(budget: usize) -> Self {
        Self(Rc::new(RefCell::new(VmCache::new(budget))))
    }

    /// How many bytes all caches take, by the count that the budget is held against: never fewer than the allocator gave.
    pub fn bytes(&self) -> usize {
        self.0.try_borrow().map_or(0, |vm_cache| vm_cache.bytes())
    }

    /// Empties the caches of all configurations of this name: the one that replaces them has other keys and rules, so what
    /// they hold is of use only to requests that still drain.
    pub fn clear_named(&self, name: &[u8]) {
        if let Ok(mut vm_cache) = self.0.try_borrow_mut() {
            vm_cache.clear_named(name);
        }
    }

    /// A cache for one configuration.
    pub(crate) fn open(&self, name: &[u8], limits: CacheLimits) -> TokenCache {
        let slot = self.0.try_borrow_mut().ok().map(|mut vm_cache| vm_cache.open(name));
        TokenCache { limits, slot, caches: self.clone(), events: Cell::default() }
    }
}

/// The tokens that one configuration accepted last, found by the whole of their bytes.
#[derive(Debug)]
pub(crate) struct TokenCache {
    limits: CacheLimits,
    slot: Option<usize>,
    caches: TokenCaches,
    events: Cell<CacheEvents>,
}

impl TokenCache {
    /// What is known of exactly this token.
    pub(crate) fn get(&self, token: &[u8]) -> Option<Rc<Accepted>> {
        if self.limits.max_entries == 0 {
            return None;
        }
        let found = self.caches.0.try_borrow_mut().ok().and_then(|mut vm_cache| vm_cache.get(self.slot?, token));
        self.count(|events| if found.is_some() { &mut events.hits } else { &mut events.misses }, 1);
        found
    }

    /// Keeps a token, which must have been accepted by every rule, if it came before. Of this configuration's tokens those
    /// used longest ago make room; of all tokens of the VM, where the budget is used up.
    pub(crate) fn insert(&self, token: &[u8], accepted: Accepted) {
        let (Ok(mut vm_cache), Some(slot)) = (self.caches.0.try_borrow_mut(), self.slot) else { return };
        let evictions = vm_cache.insert(slot, self.limits, token, accepted);
        self.count(|events| &mut events.evictions, evictions);
    }

    /// Forgets a token, which may be there or not.
    pub(crate) fn remove(&self, token: &[u8]) {
        if let (Ok(mut vm_cache), Some(slot)) = (self.caches.0.try_borrow_mut(), self.slot) {
            vm_cache.remove(slot, token);
        }
    }

    /// What happened since the last call.
    pub(crate) fn take_events(&self) -> CacheEvents {
        self.events.take()
    }

    fn count(&self, counter: impl FnOnce(&mut CacheEvents) -> &mut u32, more: u32) {
        let mut events = self.events.get();
        let counter = counter(&mut events);
        *counter = counter.saturating_add(more);
        self.events.set(events);
    }
}

impl Drop for TokenCache {
    fn drop(&mut self) {
        if let (Ok(mut vm_cache), Some(slot)) = (self.caches.0.try_borrow_mut(), self.slot) {
            vm_cache.close(slot);
        }
    }
}

#[cfg(test)]
mod tests;
