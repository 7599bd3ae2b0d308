//! The verified-token cache: a token that was accepted before is not decoded and verified again.
//!
//! Each configuration has its own cache with its own limits. All caches of a VM share one budget, because all
//! configurations of a VM share its memory, including replaced ones that still serve open requests.

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

/// The most bytes that all token caches of a VM may use together.
///
/// A VM has 1 GiB for all its plugins. A process has one VM per worker and two more, and each of them can fill its
/// caches. 64 MiB hold about 40,000 tokens of 1 KiB, more than a worker sees again before they expire.
pub const CACHE_BUDGET_BYTES: usize = 64 << 20;

/// Cache events since the last call of [`crate::Plugin::take_cache_events`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheEvents {
    /// Lookups that found the token.
    pub hits: u32,
    /// Lookups that did not find the token.
    pub misses: u32,
    /// Tokens removed to make room for others.
    pub evictions: u32,
}

/// The token caches of one VM. A clone shares them.
#[derive(Clone, Debug)]
pub struct TokenCaches(Rc<RefCell<VmCache>>);

impl TokenCaches {
    /// Empty caches that use at most `budget` bytes together. In Envoy this is [`CACHE_BUDGET_BYTES`].
    pub fn new(budget: usize) -> Self {
        Self(Rc::new(RefCell::new(VmCache::new(budget))))
    }

    /// How many bytes all caches use, as counted against the budget. This is never less than what was allocated.
    pub fn bytes(&self) -> usize {
        self.0.try_borrow().map_or(0, |vm_cache| vm_cache.bytes())
    }

    /// Empties the caches of all configurations named `name`. Call it before a new configuration replaces them: their
    /// entries are only useful to the requests that they still serve.
    pub fn clear_named(&self, name: &[u8]) {
        if let Ok(mut vm_cache) = self.0.try_borrow_mut() {
            vm_cache.clear_named(name);
        }
    }

    /// Creates the cache of one configuration. Dropping it frees its memory.
    pub(crate) fn open(&self, name: &[u8], limits: CacheLimits) -> TokenCache {
        let slot = self.0.try_borrow_mut().ok().map(|mut vm_cache| vm_cache.open(name));
        TokenCache { limits, slot, caches: self.clone(), events: Cell::default() }
    }
}

/// The tokens that one configuration accepted last. The key is the whole token.
#[derive(Debug)]
pub(crate) struct TokenCache {
    limits: CacheLimits,
    slot: Option<usize>,
    caches: TokenCaches,
    events: Cell<CacheEvents>,
}

impl TokenCache {
    /// Looks up a token by all of its bytes. One that was verified with keys of another version is removed.
    pub(crate) fn get(&self, token: &[u8], keys_version: u32) -> Option<Rc<Accepted>> {
        if self.limits.max_entries == 0 {
            return None;
        }
        let found = self.caches.0.try_borrow_mut().ok().and_then(|mut vm_cache| vm_cache.get(self.slot?, token));
        let found = found.filter(|accepted| {
            let is_current = accepted.keys_version == keys_version;
            if !is_current {
                self.remove(token);
            }
            is_current
        });
        self.count(|events| if found.is_some() { &mut events.hits } else { &mut events.misses }, 1);
        found
    }

    /// Adds a token that passed every check, if it was offered before.
    ///
    /// If this cache is full, its least recently used tokens are removed. If the budget is used up, the least recently
    /// used tokens of the whole VM are removed.
    pub(crate) fn insert(&self, token: &[u8], accepted: Accepted) {
        let (Ok(mut vm_cache), Some(slot)) = (self.caches.0.try_borrow_mut(), self.slot) else { return };
        let evictions = vm_cache.insert(slot, self.limits, token, accepted);
        self.count(|events| &mut events.evictions, evictions);
    }

    /// Removes a token, if present.
    pub(crate) fn remove(&self, token: &[u8]) {
        if let (Ok(mut vm_cache), Some(slot)) = (self.caches.0.try_borrow_mut(), self.slot) {
            vm_cache.remove(slot, token);
        }
    }

    /// The events since the last call.
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
