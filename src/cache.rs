//! The verified-token cache: what a token that was accepted before needs not be computed again.

mod doorkeeper;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lru::LruCache;

use crate::claims::Times;
use crate::mapping::Values;
use doorkeeper::Doorkeeper;

/// What an entry takes beside the bytes that it holds: the nodes of list and table, and the allocator's share of each. An
/// estimate on the safe side.
const ENTRY_OVERHEAD_BYTES: usize = 256;

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

/// The tokens accepted last, found by the whole of their bytes.
#[derive(Debug)]
pub(crate) struct TokenCache {
    limits: CacheLimits,
    entries: RefCell<Entries>,
    events: Cell<CacheEvents>,
}

#[derive(Debug)]
struct Entries {
    by_token: LruCache<Box<[u8]>, Rc<Accepted>>,
    doorkeeper: Doorkeeper,
    bytes: usize,
}

impl TokenCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        let doorkeeper = Doorkeeper::new(limits.max_entries);
        let entries = Entries { by_token: LruCache::unbounded(), doorkeeper, bytes: 0 };
        Self { limits, entries: RefCell::new(entries), events: Cell::default() }
    }

    /// What is known of exactly this token.
    pub(crate) fn get(&self, token: &[u8]) -> Option<Rc<Accepted>> {
        if self.limits.max_entries == 0 {
            return None;
        }
        let found = self.entries.try_borrow_mut().ok().and_then(|mut entries| entries.by_token.get(token).cloned());
        self.count(|events| if found.is_some() { &mut events.hits } else { &mut events.misses });
        found
    }

    /// Keeps a token, which must have been accepted by every rule, if it came before. Those used longest ago make room.
    pub(crate) fn insert(&self, token: &[u8], accepted: Accepted) {
        let Ok(mut entries) = self.entries.try_borrow_mut() else { return };
        let size = size_of_entry(token, &accepted);
        if self.limits.max_entries == 0 || size > self.limits.max_bytes || !entries.doorkeeper.knows(token) {
            return;
        }
        entries.remove(token);
        while entries.by_token.len() >= self.limits.max_entries
            || entries.bytes.saturating_add(size) > self.limits.max_bytes
        {
            if !entries.remove_oldest() {
                return;
            }
            self.count(|events| &mut events.evictions);
        }
        entries.bytes = entries.bytes.saturating_add(size);
        entries.by_token.put(token.into(), Rc::new(accepted));
    }

    /// Forgets a token, which may be there or not.
    pub(crate) fn remove(&self, token: &[u8]) {
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.remove(token);
        }
    }

    /// What happened since the last call.
    pub(crate) fn take_events(&self) -> CacheEvents {
        self.events.take()
    }

    fn count(&self, counter: impl FnOnce(&mut CacheEvents) -> &mut u32) {
        let mut events = self.events.get();
        let counter = counter(&mut events);
        *counter = counter.saturating_add(1);
        self.events.set(events);
    }
}

impl Entries {
    fn remove(&mut self, token: &[u8]) {
        if let Some(accepted) = self.by_token.pop(token) {
            self.bytes = self.bytes.saturating_sub(size_of_entry(token, &accepted));
        }
    }

    /// Whether there was one to remove.
    fn remove_oldest(&mut self) -> bool {
        let Some((token, accepted)) = self.by_token.pop_lru() else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(size_of_entry(&token, &accepted));
        true
    }
}

fn size_of_entry(token: &[u8], accepted: &Accepted) -> usize {
    let values: usize = accepted
        .values
        .iter()
        .map(|value| size_of_val(value).saturating_add(value.as_ref().map_or(0, |bytes| bytes.len())))
        .sum();
    ENTRY_OVERHEAD_BYTES.saturating_add(token.len()).saturating_add(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;
    use crate::signature::Verified;

    fn cache(max_entries: usize, max_bytes: usize) -> TokenCache {
        TokenCache::new(CacheLimits { max_entries, max_bytes })
    }

    /// Lets a token come twice.
    fn keep(cache: &TokenCache, token: &[u8], value: &str) {
        cache.insert(token, accepted(value));
        cache.insert(token, accepted(value));
    }

    fn accepted(value: &str) -> Accepted {
        let verified = Verified::for_test("{}");
        let times = Claims::read(&verified).unwrap().times();
        Accepted { times, values: vec![Some(value.as_bytes().into()), None] }
    }

    fn value_of(cache: &TokenCache, token: &str) -> Option<String> {
        let found = cache.get(token.as_bytes())?;
        Some(str::from_utf8(found.values[0].as_deref().unwrap()).unwrap().to_owned())
    }

    #[test]
    fn a_token_is_found_by_all_of_its_bytes_and_no_others() {
        let cache = cache(10, 10_000);
        keep(&cache, b"a.b.c", "1");
        keep(&cache, b"a.b.d", "2");
        assert_eq!(value_of(&cache, "a.b.c").as_deref(), Some("1"));
        assert_eq!(value_of(&cache, "a.b.d").as_deref(), Some("2"));
        for other in ["a.b.", "a.b.C", "a.b.cc", "", "a.b.c "] {
            assert_eq!(value_of(&cache, other), None, "{other:?}");
        }
        assert_eq!(cache.take_events(), CacheEvents { hits: 2, misses: 5, evictions: 0 });
        assert_eq!(cache.take_events(), CacheEvents::default());
    }

    #[test]
    fn a_token_that_came_once_takes_no_room() {
        let cache = cache(10, 10_000);
        cache.insert(b"a", accepted("1"));
        assert_eq!(value_of(&cache, "a"), None);
        assert_eq!(cache.entries.borrow().bytes, 0);
        cache.insert(b"a", accepted("1"));
        assert_eq!(value_of(&cache, "a").as_deref(), Some("1"));
    }

    #[test]
    fn the_token_used_longest_ago_makes_room() {
        let cache = cache(2, 10_000);
        keep(&cache, b"a", "1");
        keep(&cache, b"b", "2");
        assert!(value_of(&cache, "a").is_some());
        keep(&cache, b"c", "3");
        assert_eq!(["a", "b", "c"].map(|token| value_of(&cache, token).is_some()), [true, false, true]);
        assert_eq!(cache.take_events().evictions, 1);
    }

    #[test]
    fn bytes_are_bounded_as_entries_are() {
        let one = size_of_entry(b"a", &accepted("1234"));
        let cache = cache(1000, 3 * one);
        for token in [b"a", b"b", b"c", b"d"] {
            keep(&cache, token, "1234");
        }
        assert_eq!(["a", "b", "c", "d"].map(|token| value_of(&cache, token).is_some()), [false, true, true, true]);
        assert_eq!(cache.entries.borrow().bytes, 3 * one);
        keep(&cache, b"e", &"x".repeat(3 * one));
        assert_eq!(value_of(&cache, "e"), None, "larger than the whole cache");
        assert!(value_of(&cache, "b").is_some(), "and nothing went for it");
        keep(&cache, b"b", "12345678");
        assert!(cache.entries.borrow().bytes <= 3 * one, "put in again in the place of itself");
        for token in [b"a", b"b", b"c", b"d"] {
            cache.remove(token);
        }
        assert_eq!(cache.entries.borrow().bytes, 0);
    }

    #[test]
    fn no_entries_turn_the_cache_off() {
        let cache = cache(0, 10_000);
        keep(&cache, b"a", "1");
        assert_eq!(value_of(&cache, "a"), None);
        assert_eq!(cache.take_events(), CacheEvents::default());
    }
}
