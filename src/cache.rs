//! The verified-token cache: what a token that was accepted before needs not be computed again.
//!
//! Each configuration has a cache of its own, with its own limits. All caches of a VM share one budget, because all
//! configurations of a VM share its memory, those that a newer one has replaced and that are still draining included.

mod doorkeeper;
mod size;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lru::LruCache;

use crate::claims::Times;
use crate::mapping::Values;
use doorkeeper::Doorkeeper;

/// What all token caches of a VM may take together. A VM has 1 GiB for all plugins that live in it and every VM of a process
/// (one for each worker, and two more) can fill its share; 64 MiB are some 40,000 tokens of a kilobyte, more than a worker
/// sees again before they expire, and leave most of the VM to configurations.
pub const CACHE_BUDGET_BYTES: usize = 64 << 20;

/// `tokenCache`: how much a worker keeps for one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheLimits {
    /// How many tokens; none turns the cache off.
    pub(crate) max_entries: usize,
    /// How many bytes, tokens and values together.
    pub(crate) max_bytes: usize,
}

impl CacheLimits {
    /// No cache.
    pub(crate) const NONE: Self = Self { max_entries: 0, max_bytes: 0 };
}

/// An accepted token. Its signature, issuer and audience were good, and are as long as the configuration is the same, which
/// a cache never outlives; its times are checked anew each time.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) times: Times,
    pub(crate) values: Values,
}

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
pub struct TokenCaches(Rc<RefCell<Shelf>>);

impl TokenCaches {
    /// No entries yet; all caches together take at most `budget` bytes, [`CACHE_BUDGET_BYTES`] in Envoy.
    pub fn new(budget: usize) -> Self {
        Self(Rc::new(RefCell::new(Shelf::new(budget))))
    }

    /// How many bytes all caches take, by the count that the budget is held against: never fewer than the allocator gave.
    pub fn bytes(&self) -> usize {
        self.0.try_borrow().map_or(0, |shelf| shelf.bytes)
    }

    /// Empties the caches of all configurations of this name: the one that replaces them has other keys and rules, so what
    /// they hold is of use only to requests that still drain.
    pub fn give_back(&self, name: &[u8]) {
        if let Ok(mut shelf) = self.0.try_borrow_mut() {
            shelf.clear_named(name);
        }
    }

    /// A cache for one configuration.
    pub(crate) fn open(&self, name: &[u8], limits: CacheLimits) -> TokenCache {
        let place = self.0.try_borrow_mut().ok().map(|mut shelf| shelf.open(name));
        TokenCache { limits, place, caches: self.clone(), events: Cell::default() }
    }
}

/// The tokens that one configuration accepted last, found by the whole of their bytes.
#[derive(Debug)]
pub(crate) struct TokenCache {
    limits: CacheLimits,
    place: Option<usize>,
    caches: TokenCaches,
    events: Cell<CacheEvents>,
}

impl TokenCache {
    /// What is known of exactly this token.
    pub(crate) fn get(&self, token: &[u8]) -> Option<Rc<Accepted>> {
        if self.limits.max_entries == 0 {
            return None;
        }
        let found = self.caches.0.try_borrow_mut().ok().and_then(|mut shelf| shelf.get(self.place?, token));
        self.count(|events| if found.is_some() { &mut events.hits } else { &mut events.misses }, 1);
        found
    }

    /// Keeps a token, which must have been accepted by every rule, if it came before. Of this configuration's tokens those
    /// used longest ago make room; of all tokens of the VM, where the budget is used up.
    pub(crate) fn insert(&self, token: &[u8], accepted: Accepted) {
        let (Ok(mut shelf), Some(place)) = (self.caches.0.try_borrow_mut(), self.place) else { return };
        let evictions = shelf.insert(place, self.limits, token, accepted);
        self.count(|events| &mut events.evictions, evictions);
    }

    /// Forgets a token, which may be there or not.
    pub(crate) fn remove(&self, token: &[u8]) {
        if let (Ok(mut shelf), Some(place)) = (self.caches.0.try_borrow_mut(), self.place) {
            shelf.remove(place, token);
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
        if let (Ok(mut shelf), Some(place)) = (self.caches.0.try_borrow_mut(), self.place) {
            shelf.close(place);
        }
    }
}

/// All caches of a VM, each at its place.
#[derive(Debug)]
struct Shelf {
    books: Vec<Option<Book>>,
    doorkeeper: Doorkeeper,
    budget: usize,
    /// What all of it takes.
    bytes: usize,
    /// How often a token was asked for or put in.
    clock: u64,
}

/// The entries of one configuration, the one used longest ago first.
#[derive(Debug)]
struct Book {
    name: Box<[u8]>,
    by_token: LruCache<Box<[u8]>, Entry>,
    /// The most entries there were since it was empty: the table does not shrink.
    peak: usize,
    /// What entries and table take.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    accepted: Rc<Accepted>,
    /// The clock when it was used last.
    used: u64,
}

impl Shelf {
    fn new(budget: usize) -> Self {
        Self { books: Vec::new(), doorkeeper: Doorkeeper::default(), budget, bytes: 0, clock: 0 }
    }

    fn open(&mut self, name: &[u8]) -> usize {
        let book = Book { name: name.into(), by_token: LruCache::unbounded(), peak: 0, bytes: 0 };
        match self.books.iter().position(Option::is_none) {
            Some(place) => {
                if let Some(free) = self.books.get_mut(place) {
                    *free = Some(book);
                }
                place
            }
            None => {
                self.books.push(Some(book));
                self.books.len().saturating_sub(1)
            }
        }
    }

    fn close(&mut self, place: usize) {
        if let Some(book) = self.books.get_mut(place).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(book.bytes);
        }
    }

    fn clear_named(&mut self, name: &[u8]) {
        for book in self.books.iter_mut().flatten().filter(|book| *book.name == *name) {
            self.bytes = self.bytes.saturating_sub(book.bytes);
            book.clear();
        }
    }

    fn book(&mut self, place: usize) -> Option<&mut Book> {
        self.books.get_mut(place)?.as_mut()
    }

    fn get(&mut self, place: usize, token: &[u8]) -> Option<Rc<Accepted>> {
        self.clock = self.clock.saturating_add(1);
        let now = self.clock;
        let entry = self.book(place)?.by_token.get_mut(token)?;
        entry.used = now;
        Some(entry.accepted.clone())
    }

    /// Puts a token in, if it came before and there can be room for it; how many others went for it.
    fn insert(&mut self, place: usize, limits: CacheLimits, token: &[u8], accepted: Accepted) -> u32 {
        let size = size::of_entry(token, &accepted);
        let at_least = size.saturating_add(size::of_table(1));
        let most = limits.max_bytes.min(self.budget.saturating_sub(size::OF_DOORKEEPER));
        if limits.max_entries == 0 || at_least > most || !self.doorkeeper.knows(place, token) {
            return 0;
        }
        self.bytes = self.bytes.saturating_add(self.doorkeeper.take_growth());
        self.remove(place, token);
        let mut evictions: u32 = 0;
        loop {
            let (entries, bytes, growth) = match self.book(place) {
                Some(book) => (book.by_token.len(), book.bytes, size.saturating_add(book.table_growth())),
                None => return evictions,
            };
            let goes = if entries >= limits.max_entries || bytes.saturating_add(growth) > limits.max_bytes {
                Some(place)
            } else if self.bytes.saturating_add(growth) > self.budget {
                self.place_of_oldest()
            } else {
                break;
            };
            if !goes.is_some_and(|place| self.remove_oldest(place)) {
                return evictions;
            }
            evictions = evictions.saturating_add(1);
        }
        self.clock = self.clock.saturating_add(1);
        let entry = Entry { accepted: Rc::new(accepted), used: self.clock };
        if let Some(book) = self.book(place) {
            let growth = size.saturating_add(book.table_growth());
            book.bytes = book.bytes.saturating_add(growth);
            book.by_token.put(token.into(), entry);
            book.peak = book.peak.max(book.by_token.len());
            self.bytes = self.bytes.saturating_add(growth);
        }
        evictions
    }

    fn remove(&mut self, place: usize, token: &[u8]) {
        self.change(place, |book| {
            if let Some(entry) = book.by_token.pop(token) {
                book.forget(token, &entry);
            }
        });
    }

    /// Whether there was one to remove.
    fn remove_oldest(&mut self, place: usize) -> bool {
        let mut is_removed = false;
        self.change(place, |book| {
            if let Some((token, entry)) = book.by_token.pop_lru() {
                book.forget(&token, &entry);
                is_removed = true;
            }
        });
        is_removed
    }

    /// Where the token stands that was used longest ago. There are as many places as configurations, so some tens.
    fn place_of_oldest(&self) -> Option<usize> {
        let oldest = |book: &Book| book.by_token.peek_lru().map(|(_, entry)| entry.used);
        let books = self.books.iter().enumerate();
        books.filter_map(|(place, book)| Some((oldest(book.as_ref()?)?, place))).min().map(|(_, place)| place)
    }

    fn change(&mut self, place: usize, change: impl FnOnce(&mut Book)) {
        let Some(book) = self.book(place) else { return };
        let before = book.bytes;
        change(book);
        let freed = before.saturating_sub(book.bytes);
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

impl Book {
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

#[cfg(test)]
mod tests;
