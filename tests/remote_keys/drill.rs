//! Long runs under load, which are not part of `make test`. They print what they measured; CONTRIBUTING.md says how to
//! run them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use kit::envoy;
use kit::http::{Address, Connection};
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::Answer;

use crate::setup::{KEYS, LISTENER, Site, ask, claims, outcome, passed, rejected, remote, request, serving};

const DURATION: Duration = Duration::from_secs(120);
/// How often the keys change.
const PERIOD: Duration = Duration::from_secs(5);
/// `unknownKidCooldownSeconds`.
const COOLDOWN: Duration = Duration::from_secs(1);
/// The filter's clock has whole milliseconds, and another clock than this test.
pub(crate) const CLOCKS: Duration = Duration::from_millis(10);
/// How long after a fetch a removed key may still be accepted.
const SECOND: Duration = Duration::from_secs(1);
/// For a fetch on a busy machine.
const SLACK: Duration = Duration::from_millis(500);
/// How long tokens of a removed key are sent in each period. They cause fetches, too, so they stop early enough for the
/// cool-down to be over when the next key is new.
const PROBES: Duration = Duration::from_millis(3500);
/// How many tokens of each key are in use.
const TOKENS: usize = 50;

/// A key that the server has published, now or before. Key `n` is removed when `n + 2` is published.
struct Epoch {
    kid: String,
    key: SigningKey,
    tokens: Vec<String>,
    published_at: Option<Instant>,
}

/// One request and its result.
struct Sample {
    epoch: usize,
    from: Instant,
    to: Instant,
    result: (u16, String),
}

/// All keys so far, and the newest one in use.
struct Keys {
    epochs: Vec<Epoch>,
    newest: usize,
}

impl Epoch {
    fn new(number: usize) -> Self {
        let (kid, key) = (format!("k{number}"), SigningKey::generate(Algorithm::ES256));
        let tokens = (0..TOKENS).map(|token| key.token(Some(&kid), &claims(&format!("user{token}")))).collect();
        Self { kid, key, tokens, published_at: None }
    }
}

#[test]
#[ignore = "takes four minutes for each Envoy"]
fn keys_rotate_under_load() {
    for binary in envoy::binaries() {
        // Published before, and after, the first token that is signed with it.
        for lead in [Duration::ZERO, Duration::from_millis(1500)] {
            rotate(&binary, lead);
        }
    }
}

/// Replaces a key every period. Tokens of a new key are sent from `lead` before it is published.
fn rotate(binary: &Path, lead: Duration) {
    let first = Epoch { published_at: Some(Instant::now()), ..Epoch::new(0) };
    let server = serving(&[(Some("k0"), &first.key)]);
    let site = Site::start(binary, server, &remote(", unknownKidCooldownSeconds: 1"), 2);
    let address = site.address(LISTENER);
    assert_eq!(ask(&address, &first.tokens[0]), passed("user0"));
    let keys = Mutex::new(Keys { epochs: vec![first], newest: 0 });
    let is_over = AtomicBool::new(false);
    let mut samples: Vec<Sample> = thread::scope(|scope| {
        let load: Vec<_> = (0..4)
            .map(|start| {
                scope.spawn({
                    let (keys, is_over, address) = (&keys, &is_over, &address);
                    move || {
                        send(
                            address,
                            is_over,
                            Duration::ZERO,
                            start,
                            || {
                                let keys = lock(keys);
                                Some(keys.newest).into_iter().chain(keys.newest.checked_sub(1)).collect()
                            },
                            keys,
                        )
                    }
                })
            })
            .collect();
        let probes: Vec<_> = (0..2)
            .map(|start| {
                scope.spawn({
                    let (keys, is_over, address) = (&keys, &is_over, &address);
                    move || {
                        send(
                            address,
                            is_over,
                            Duration::from_millis(20),
                            start,
                            || {
                                let keys = lock(keys);
                                let published =
                                    keys.epochs.iter().rposition(|epoch| epoch.published_at.is_some()).unwrap();
                                let is_time = keys.epochs[published].published_at.unwrap().elapsed() < PROBES;
                                published.checked_sub(2).filter(|_| is_time).into_iter().collect()
                            },
                            keys,
                        )
                    }
                })
            })
            .collect();
        let end = Instant::now() + DURATION;
        while Instant::now() < end {
            thread::sleep(PERIOD - lead);
            let next = Epoch::new(lock(&keys).epochs.len());
            lock(&keys).epochs.push(next);
            if !lead.is_zero() {
                lock(&keys).newest += 1;
                thread::sleep(lead);
            }
            let mut keys = lock(&keys);
            let published = keys.epochs.len() - 1;
            let set = [published - 1, published]
                .map(|index| (Some(keys.epochs[index].kid.as_str()), &keys.epochs[index].key));
            site.keys.set(KEYS, Answer::json(&jwk_set(&set)));
            keys.epochs[published].published_at = Some(Instant::now());
            keys.newest = published;
        }
        is_over.store(true, Ordering::SeqCst);
        load.into_iter().chain(probes).flat_map(|thread| thread.join().unwrap()).collect()
    });
    samples.sort_by_key(|sample| sample.from);
    let epochs = keys.into_inner().unwrap().epochs;
    report(binary, lead, &site, &epochs, &samples);
    site.assert_healthy(&[]);
}

/// Sends tokens of the keys that `choose` gives, one after another on one connection, until it is over.
fn send(
    address: &Address,
    is_over: &AtomicBool,
    pause: Duration,
    start: usize,
    choose: impl Fn() -> Vec<usize>,
    keys: &Mutex<Keys>,
) -> Vec<Sample> {
    let mut connection = Connection::open(address).unwrap();
    let mut samples = Vec::new();
    let mut turn = start;
    while !is_over.load(Ordering::SeqCst) {
        turn += 1;
        let chosen = choose();
        let Some(&epoch) = chosen.get(turn % chosen.len().max(1)) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let bytes = request(&lock(keys).epochs[epoch].tokens[turn / 2 % TOKENS]).build();
        let from = Instant::now();
        connection.send(&bytes).unwrap();
        let result = outcome(&connection.receive().unwrap());
        samples.push(Sample { epoch, from, to: Instant::now(), result });
        thread::sleep(pause);
    }
    samples
}

fn lock(keys: &Mutex<Keys>) -> MutexGuard<'_, Keys> {
    keys.lock().unwrap()
}

/// Checks all samples against the times at which keys were published and fetched, and prints what was measured.
fn report(binary: &Path, lead: Duration, site: &Site, epochs: &[Epoch], samples: &[Sample]) {
    let fetches: Vec<Instant> = site.keys.received().iter().map(|one| one.at).collect();
    let published = |epoch: usize| epochs.get(epoch).and_then(|epoch| epoch.published_at);
    let fetched_after = |time: Instant| fetches.iter().find(|&&at| at >= time).copied();
    let (mut failures, mut early, mut latest, mut slowest) = (Vec::new(), 0, Duration::ZERO, Duration::ZERO);
    let mut removed = 0;
    for Sample { epoch, from, to, result } in samples {
        let is_accepted = result.0 == 200;
        let removal = published(epoch + 2);
        let usable_from = published(*epoch).map(|at| if lead.is_zero() { at } else { at + COOLDOWN + SLACK });
        if removal.is_none_or(|removal| *to < removal) {
            slowest = slowest.max(*to - *from);
            if !is_accepted && usable_from.is_some_and(|at| *from >= at) {
                failures.push(format!("a valid token of k{epoch} was refused: {result:?}"));
            }
            early += usize::from(!is_accepted);
        }
        let Some(fetch) = removal.and_then(fetched_after) else { continue };
        removed += usize::from(*from >= fetch);
        if is_accepted && *from >= fetch {
            latest = latest.max(*from - fetch);
        }
        if *from >= fetch + SECOND && *result != rejected(403, "A403JK") {
            failures.push(format!("a token of k{epoch}, {:?} after the fetch without it: {result:?}", *from - fetch));
        }
    }
    let pauses = fetches.windows(2).skip(1).map(|pair| pair[1] - pair[0]);
    let shortest = pauses.min().unwrap_or_default();
    println!(
        "{}, tokens {lead:?} before their key: {} requests, {} keys, {} fetches at least {shortest:?} apart; slowest \
         request of a valid token {slowest:?}; {early} refused before their key was fetched; {removed} requests with \
         removed keys, the last accepted {latest:?} after the fetch",
        name(binary),
        samples.len(),
        epochs.len(),
        fetches.len(),
    );
    let count = failures.len();
    assert!(count == 0, "{count} failures:\n{}", failures[..count.min(20)].join("\n"));
    assert!(shortest >= COOLDOWN - CLOCKS, "a fetch within the cool-down");
    assert!(lead.is_zero() || early > 0, "no token was sent before its key");
    assert!(removed > 100, "no token of a removed key was sent");
}

/// The last parts of the path of a binary.
pub(crate) fn name(binary: &Path) -> String {
    let parts: Vec<_> = binary.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
