//! Compares the filter's memory, as an allocator counts it, with what the code counts itself and what `docs/operate.md` says.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use jwt_auth::{CACHE_BUDGET_BYTES, Host, NumericDate, Plugin, Request, TokenCaches};
use kit::host::Memory;
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

/// What has been given and not been taken back, each piece with its header and rounded up as malloc does it.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// The most of it so far.
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn chunk(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16).max(32)
}

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = chunk(layout.size());
        PEAK.fetch_max(TAKEN.fetch_add(size, Ordering::Relaxed) + size, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(chunk(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
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

/// With names of so many bytes, which have little in common.
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

/// Has a token accepted twice, so that it is kept.
fn keep(plugin: &Plugin, number: usize, claim: &str) {
    let token = key().token(None, &json!({"n": number, "c": claim}));
    let headers = [("t", token.as_bytes())];
    for _ in 0..2 {
        let host = Host { shared_data: &Memory::default(), signatures: None };
        plugin.decide(Request::new(&headers), NumericDate::from_unix_seconds(1.0), host).unwrap();
    }
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn memory_is_bounded() {
    caches_count_no_less_than_the_allocator_gives_and_keep_to_their_budget();
    a_configuration_takes_no_more_than_its_documentation_says();
    no_document_takes_much_while_it_is_read();
}

/// Small tokens make the table long, large ones the entries; a second
/// configuration pushes out what the first one kept, and the table of the first stays as long as one entry is there.
fn caches_count_no_less_than_the_allocator_gives_and_keep_to_their_budget() {
    const BUDGET: usize = 2 << 20;
    let caches = TokenCaches::new(BUDGET);
    let plugins: Vec<_> = [0, 1, 40]
        .into_iter()
        .map(|targets| Plugin::in_vm(&caches, targets.to_string().as_bytes(), configuration(targets).as_bytes(), b""))
        .collect();
    // What a plugin keeps beside its tokens: the header that it read last.
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
    // Counted high, but not so high that the budget is a pretence.
    let (counted, taken) = (caches.bytes(), taken());
    assert!(counted > BUDGET / 10 * 9 && taken > BUDGET / 2, "{taken} taken, {counted} counted");
    drop(plugins);
    assert!(caches.bytes() == at_first && TAKEN.load(Ordering::Relaxed) <= before);
}

/// By `docs/operate.md`: 64 KiB, 4 KiB a key, 1 KiB a mapping, 400 bytes a byte of its name, and its text.
fn a_configuration_takes_no_more_than_its_documentation_says() {
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

/// By `docs/operate.md`: 64 MiB. In a VM it is less, since pointers have half the size there.
fn no_document_takes_much_while_it_is_read() {
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
