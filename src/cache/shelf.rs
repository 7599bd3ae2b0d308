//! The entries of all caches of a VM, and which of them make room for others.

use std::rc::Rc;

use lru::LruCache;

use super::doorkeeper::{self, Doorkeeper};
use super::entry::{Accepted, Entry};
use super::limits::CacheLimits;
use super::size;

/// All caches of a VM, each at its place.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) books: Vec<Option<Book>>,
    doorkeeper: Doorkeeper,
    budget: usize,
    /// What all of it takes.
    bytes: usize,
    /// How often a token was asked for or put in.
    clock: u64,
}

/// The entries of one configuration, the one used longest ago first.
#[derive(Debug)]
pub(super) struct Book {
    name: Box<[u8]>,
    by_token: LruCache<Box<[u8]>, Entry>,
    /// The most entries there were since it was empty: the table does not shrink.
    peak: usize,
    /// What entries and table take.
    pub(super) bytes: usize,
}

impl Shelf {
    /// Nothing yet; all of it takes at most `budget` bytes.
    pub(super) fn new(budget: usize) -> Self {
        Self { books: Vec::new(), doorkeeper: Doorkeeper::default(), budget, bytes: 0, clock: 0 }
    }

    /// What all of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A place for a new configuration.
    pub(super) fn open(&mut self, name: &[u8]) -> usize {
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

    /// Gives a place up, with all that is there.
    pub(super) fn close(&mut self, place: usize) {
        if let Some(book) = self.books.get_mut(place).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(book.bytes);
        }
    }

    /// Empties the places of all configurations of this name.
    pub(super) fn clear_named(&mut self, name: &[u8]) {
        for book in self.books.iter_mut().flatten().filter(|book| *book.name == *name) {
            self.bytes = self.bytes.saturating_sub(book.bytes);
            book.clear();
        }
    }

    fn book(&mut self, place: usize) -> Option<&mut Book> {
        self.books.get_mut(place)?.as_mut()
    }

    /// What is known of a token at a place.
    pub(super) fn get(&mut self, place: usize, token: &[u8]) -> Option<Rc<Accepted>> {
        self.clock = self.clock.saturating_add(1);
        let now = self.clock;
        let entry = self.book(place)?.by_token.get_mut(token)?;
        entry.used = now;
        Some(entry.accepted.clone())
    }

    /// Puts a token in, if it came before and there can be room for it; how many others went for it.
    pub(super) fn insert(&mut self, place: usize, limits: CacheLimits, token: &[u8], accepted: Accepted) -> u32 {
        let size = size::of_entry(token, &accepted);
        let at_least = size.saturating_add(size::of_table(1));
        let most = limits.max_bytes.min(self.budget.saturating_sub(doorkeeper::BYTES));
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

    /// Takes a token out, if it is there.
    pub(super) fn remove(&mut self, place: usize, token: &[u8]) {
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
