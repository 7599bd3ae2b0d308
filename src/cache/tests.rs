use super::*;
use crate::claims::Claims;
use crate::signature::Verified;

fn cache(max_entries: usize, max_bytes: usize) -> TokenCache {
    TokenCaches::new(CACHE_BUDGET_BYTES).open(b"", CacheLimits { max_entries, max_bytes })
}

/// The memory of three entries of [`accepted`] with a value of four bytes.
fn room_for_three() -> usize {
    3 * size::of_entry(b"a", &accepted("1234")) + size::of_table(3)
}

/// Inserts a token twice, because the first time it is only recorded.
fn keep(cache: &TokenCache, token: &[u8], value: &str) {
    cache.insert(token, accepted(value));
    cache.insert(token, accepted(value));
}

fn accepted(value: &str) -> Accepted {
    let verified = Verified::for_test("{}");
    let times = Claims::read(&verified).unwrap().times();
    Accepted { times, binding: None, values: vec![Some(value.as_bytes().into()), None], keys_version: 0 }
}

fn value_of(cache: &TokenCache, token: &str) -> Option<String> {
    let found = cache.get(token.as_bytes(), 0)?;
    Some(str::from_utf8(found.values[0].as_deref().unwrap()).unwrap().to_owned())
}

fn bytes_of(cache: &TokenCache) -> usize {
    cache.caches.0.borrow().slots[cache.slot.unwrap()].as_ref().unwrap().bytes
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
fn a_token_is_removed_when_the_keys_have_changed() {
    let cache = cache(10, 10_000);
    keep(&cache, b"a", "1");
    assert!(cache.get(b"a", 0).is_some());
    assert!(cache.get(b"a", 1).is_none());
    assert!(cache.get(b"a", 0).is_none(), "it stays removed");
    assert_eq!((bytes_of(&cache), cache.take_events()), (0, CacheEvents { hits: 1, misses: 2, evictions: 0 }));
}

#[test]
fn a_token_is_cached_when_it_comes_the_second_time() {
    let cache = cache(10, 10_000);
    cache.insert(b"a", accepted("1"));
    assert_eq!(value_of(&cache, "a"), None);
    assert_eq!(bytes_of(&cache), 0);
    cache.insert(b"a", accepted("1"));
    assert_eq!(value_of(&cache, "a").as_deref(), Some("1"));
}

#[test]
fn the_least_recently_used_token_is_evicted() {
    let cache = cache(2, 10_000);
    keep(&cache, b"a", "1");
    keep(&cache, b"b", "2");
    assert!(value_of(&cache, "a").is_some());
    keep(&cache, b"c", "3");
    assert_eq!(["a", "b", "c"].map(|token| value_of(&cache, token).is_some()), [true, false, true]);
    assert_eq!(cache.take_events().evictions, 1);
}

#[test]
fn the_key_that_a_token_is_bound_to_counts() {
    let bound = Accepted { binding: Some("t".repeat(43).into()), ..accepted("1234") };
    let difference = size::of_entry(b"a", &bound) - size::of_entry(b"a", &accepted("1234"));
    assert!(difference >= 43, "{difference}");
}

#[test]
fn bytes_are_limited_like_entries() {
    let room = room_for_three();
    let cache = cache(1000, room);
    for token in [b"a", b"b", b"c", b"d"] {
        keep(&cache, token, "1234");
    }
    assert_eq!(["a", "b", "c", "d"].map(|token| value_of(&cache, token).is_some()), [false, true, true, true]);
    assert_eq!(bytes_of(&cache), room);
    keep(&cache, b"e", &"x".repeat(room));
    assert_eq!(value_of(&cache, "e"), None, "larger than the whole cache");
    assert!(value_of(&cache, "b").is_some(), "nothing was evicted for it");
    keep(&cache, b"b", "12345678");
    assert!(bytes_of(&cache) <= room, "the token replaced itself");
    for token in [b"a", b"b", b"c", b"d"] {
        cache.remove(token);
    }
    assert_eq!(bytes_of(&cache), 0);
}

#[test]
fn a_limit_of_no_entries_turns_the_cache_off() {
    let cache = cache(0, 10_000);
    keep(&cache, b"a", "1");
    assert_eq!(value_of(&cache, "a"), None);
    assert_eq!(cache.take_events(), CacheEvents::default());
    assert_eq!(cache.caches.bytes(), 0, "the doorkeeper is not allocated either");
}

#[test]
fn all_caches_of_a_vm_share_one_budget() {
    let two = 2 * size::of_entry(b"a", &accepted("1234"));
    let caches = TokenCaches::new(doorkeeper::BYTES + two + 2 * size::of_table(1));
    let limits = CacheLimits { max_entries: 100, max_bytes: CACHE_BUDGET_BYTES };
    let [first, second, third] = [b"1", b"2", b"3"].map(|name| caches.open(name, limits));
    keep(&first, b"a", "1234");
    keep(&second, b"a", "1234");
    assert!(value_of(&first, "a").is_some(), "used last");
    keep(&third, b"a", "1234");
    assert_eq!([&first, &second, &third].map(|cache| value_of(cache, "a").is_some()), [true, false, true]);
    assert_eq!(
        [&first, &second, &third].map(|cache| cache.take_events().evictions),
        [0, 0, 1],
        "counted for the cache that needed room"
    );
    assert_eq!(caches.bytes(), doorkeeper::BYTES + two + 2 * size::of_table(1), "exactly at the limit");
    keep(&third, b"b", "12345678901234567890");
    assert!(value_of(&third, "b").is_some() && caches.bytes() <= doorkeeper::BYTES + two + 2 * size::of_table(1));
    keep(&third, b"c", &"x".repeat(two + 3 * size::of_table(1)));
    assert_eq!(value_of(&third, "c"), None, "larger than the budget");
    assert!(value_of(&third, "b").is_some(), "nothing was evicted for it");
}

#[test]
fn a_replaced_or_dropped_configuration_frees_its_memory() {
    let caches = TokenCaches::new(CACHE_BUDGET_BYTES);
    let limits = CacheLimits { max_entries: 100, max_bytes: 100_000 };
    let [old, other] = [&b"jwt"[..], b"other"].map(|name| caches.open(name, limits));
    keep(&old, b"a", "1");
    keep(&other, b"a", "2");
    let both = caches.bytes();
    caches.clear_named(b"jwt");
    let rest = caches.bytes();
    assert!(rest < both);
    assert_eq!((value_of(&old, "a"), value_of(&other, "a").as_deref()), (None, Some("2")));
    let new = caches.open(b"jwt", limits);
    keep(&old, b"a", "1");
    assert_eq!(value_of(&old, "a").as_deref(), Some("1"), "it can still serve open requests");
    assert_eq!(value_of(&new, "a"), None, "its tokens are not in the new cache");
    drop(old);
    assert_eq!(caches.bytes(), rest);
    let reused = caches.open(b"again", limits);
    assert_eq!(value_of(&reused, "a"), None, "the cache in the freed slot is empty");
    drop((new, reused, other));
    assert_eq!(caches.bytes(), doorkeeper::BYTES);
}
