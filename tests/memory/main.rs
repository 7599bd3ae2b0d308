//! Compares the memory that the filter allocates with its own count and with the limits in `docs/operate.md`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use jwt_auth::{CACHE_BUDGET_BYTES, Host, NumericDate, Plugin, Request, TokenCaches};
use kit::host::Memory;
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

/// The bytes allocated and not freed. Each block counts with its header and rounded up, as in malloc.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// The highest value of [`TAKEN`] so far.
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn chunk(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

// SAFETY: all calls go to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = chunk(layout.size());
        PEAK.fetch_max(TAKEN.fetch_add(size, Ordering::Relaxed) + size, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(chunk(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn key() -> SigningKey {
    SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32])
}

fn configuration(targets: usize) -> String {
    configuration_of(targets, "formData", 3)
}

/// With names of this length, which have little in common.
fn configuration_of(targets: usize, location: &str, name_bytes: usize) -> String {
    let name = |number: usize| format!("{number:a<name_bytes$}");
    let target = |number| json!({"claimName": "c", "parameterName": name(number), "location": location});
    json!({
        "parameter": "t",
        "parameterLocation": "header",
        "jwk": key().public_jwk(None, true),
        "ignoreExpirationCheck": true,
        "claimParameters": (0..targets).map(target).collect::<Vec<_>>(),
        "tokenCache": {"maxEntries": 1_000_000, "maxBytes": CACHE_BUDGET_BYTES},
    })
    .to_string()
}

/// Sends a token twice, so that it is cached.
fn keep(plugin: &Plugin, number: usize, claim: &str) {
    let token = key().token(None, &json!({"n": number, "c": claim}));
    let headers = [("t", token.as_bytes())];
    for _ in 0..2 {
        let host = Host { shared_data: &Memory::default(), signatures: None, random: || None };
        plugin.decide(Request::new(&headers), NumericDate::from_unix_seconds(1.0), host).without_waiting().unwrap();
    }
}

/// A single test, so that nothing else allocates at the same time.
#[test]
fn memory_is_bounded() {
    caches_do_not_undercount_their_memory_and_stay_within_the_budget();
    a_configuration_uses_no_more_memory_than_documented();
    reading_a_document_uses_little_memory();
}

/// Small tokens make a long table, large tokens make large entries. A second configuration evicts the tokens of the
/// first one, whose table stays until its last entry is gone.
fn caches_do_not_undercount_their_memory_and_stay_within_the_budget() {
    const BUDGET: usize = 2 << 20;
    let caches = TokenCaches::new(BUDGET);
    let plugins: Vec<_> = [0, 1, 40]
        .into_iter()
        .map(|targets| Plugin::in_vm(&caches, targets.to_string().as_bytes(), configuration(targets).as_bytes(), b""))
        .collect();
    // A plugin also caches the last JOSE header.
    for plugin in &plugins {
        keep(plugin, 0, "");
    }
    for targets in ["0", "1", "40"] {
        caches.clear_named(targets.as_bytes());
    }
    let claims = "x".repeat(5000);
    let at_first = caches.bytes();
    let before = TAKEN.load(Ordering::Relaxed);
    let taken = || at_first + TAKEN.load(Ordering::Relaxed) - before;
    let lengths = [1, 10, 100, 1000, 5000];
    for (round, length) in lengths.into_iter().cycle().take(8).enumerate() {
        for (place, plugin) in plugins.iter().enumerate() {
            for number in 0..(600_000 / (length * place + 900)) {
                keep(plugin, number + 10_000 * round, claims.get(..length).unwrap());
                let (counted, taken) = (caches.bytes(), taken());
                assert!(
                    taken <= counted,
                    "round {round}, token {number} of {length}: {taken} taken, {counted} counted"
                );
                assert!(counted <= BUDGET, "round {round}, token {number} of {length}: {counted}");
            }
        }
    }
    // The count may be too high, but not so high that much of the budget stays unused.
    let (counted, taken) = (caches.bytes(), taken());
    assert!(counted > BUDGET / 10 * 9 && taken > BUDGET / 2, "{taken} taken, {counted} counted");
    drop(plugins);
    assert!(caches.bytes() == at_first && TAKEN.load(Ordering::Relaxed) <= before);
}

/// The limit in `docs/operate.md`: 64 KiB, 4 KiB per key, 1 KiB per mapping, 400 bytes per byte of its name, and the
/// text.
fn a_configuration_uses_no_more_memory_than_documented() {
    let rsa = SigningKey::cached(Algorithm::RS256);
    for (keys, targets, location, name_bytes) in [
        (1, 0, "query", 3),
        (1, 256, "formData", 3),
        (1, 256, "query", 256),
        (1, 256, "formData", 256),
        (100, 0, "query", 3),
        (100, 256, "query", 16),
    ] {
        let mut document: serde_json::Value =
            serde_json::from_str(&configuration_of(targets, location, name_bytes)).unwrap();
        document["jwks"] = (1..keys).map(|number| rsa.public_jwk(Some(&number.to_string()), true)).collect();
        if keys == 1 {
            document.as_object_mut().unwrap().remove("jwks");
        }
        let text = document.to_string();
        let caches = TokenCaches::new(CACHE_BUDGET_BYTES);
        let before = TAKEN.load(Ordering::Relaxed);
        let plugin = Plugin::in_vm(&caches, b"", text.as_bytes(), b"");
        let taken = TAKEN.load(Ordering::Relaxed) - before;
        assert!(plugin.faults().is_none(), "{:?}", plugin.faults());
        let documented = (64 + 4 * keys + targets) * 1024 + 400 * targets * name_bytes + text.len();
        println!("{keys} keys, {targets} {location} of {name_bytes}: {taken} taken, {documented} documented");
        assert!(taken <= documented, "{keys} keys, {targets} targets: {taken} taken, {documented} documented");
    }
}

/// The limit in `docs/operate.md` is 64 MiB. A VM needs less, because its pointers have half the size.
fn reading_a_document_uses_little_memory() {
    let fill = |part: &str, count: usize| part.repeat(count);
    let documents = [
        format!("[{}]", fill("a: 1,", 49_900)),
        format!("[{}]", fill("{},", 33_300)),
        fill("-\n", 49_900),
        fill("a", 1 << 20),
        format!("[{}]", fill(&format!("{}{},", fill("[", 60), fill("]", 60)), 826)),
        format!("- &a [{}]\n- [{}]", fill("{a: 1},", 100), fill("*a,", 900)),
        format!("- &a [{}]\n- [{}]", fill("1,", 1000), fill("*a,", 900)),
        fill("a: 1\n", 33_000),
    ];
    for document in documents {
        let before = TAKEN.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        drop(Plugin::new(document.as_bytes(), b""));
        let peak = PEAK.load(Ordering::Relaxed) - before;
        let beginning = document.get(..20).unwrap();
        println!("{beginning:?}: {peak} at most");
        assert!(peak <= 64 << 20, "{beginning:?}: {peak}");
    }
}
