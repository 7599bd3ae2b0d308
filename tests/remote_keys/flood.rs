//! A hundred thousand invented kids, and how long valid tokens take beside them. Not part of `make test`; CONTRIBUTING.md
//! says how to run it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kit::envoy;
use kit::http::{Address, Connection};
use kit::issuer::{Algorithm, SigningKey};

use crate::drill::name;
use crate::setup::{KEYS, LISTENER, Site, ask, claims, outcome, passed, rejected, remote, request, serving};
use crate::unknown_kid::invented;

const FLOOD: usize = 100_000;
const CONNECTIONS: usize = 4;

#[test]
#[ignore = "takes a minute for each Envoy"]
fn a_flood_of_invented_kids_costs_valid_tokens_no_more_than_other_requests_do() {
    for binary in envoy::binaries() {
        let key = SigningKey::generate(Algorithm::ES256);
        let token = key.token(Some("a"), &claims("alice"));
        let site = Site::start(&binary, serving(&[(Some("a"), &key)]), &remote(", unknownKidCooldownSeconds: 1"), 2);
        let address = site.address(LISTENER);
        assert_eq!(ask(&address, &token), passed("alice"));

        let alone = latencies(&address, &token, || thread::sleep(Duration::from_secs(10)));
        let beside_valid = latencies(&address, &token, || flood(&address, |_| token.clone(), &passed("alice")));
        let fetches_before = site.keys.requests(KEYS);
        let begun = Instant::now();
        let beside_flood = latencies(&address, &token, || flood(&address, invented, &rejected(403, "A403JK")));
        let seconds = begun.elapsed().as_secs_f64();
        let fetches = site.keys.requests(KEYS) - fetches_before;
        print(&binary, "alone", &alone, &alone);
        print(&binary, "beside as many valid tokens", &beside_valid, &alone);
        print(&binary, "beside invented kids", &beside_flood, &alone);
        print(&binary, "beside invented kids, against valid tokens", &beside_flood, &beside_valid);
        println!("{}: {FLOOD} invented kids in {seconds:.1} s, {fetches} fetches", name(&binary));
        assert!(fetches >= 1 && fetches as f64 <= seconds + 1.0, "more than one fetch per cool-down of a second");
        site.assert_healthy(&[&token]);
    }
}

/// Sends the tokens over several connections, and checks the result of each.
fn flood(address: &Address, token: impl Fn(usize) -> String + Sync, expected: &(u16, String)) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let token = &token;
            scope.spawn(move || {
                let mut lane = Connection::open(address).unwrap();
                for number in (connection..FLOOD).step_by(CONNECTIONS) {
                    lane.send(&request(&token(number)).build()).unwrap();
                    assert_eq!(&outcome(&lane.receive().unwrap()), expected);
                }
            });
        }
    });
}

/// The sorted times of requests with a valid token while `work` is done. A connection for each worker, or more.
fn latencies(address: &Address, token: &str, work: impl FnOnce()) -> Vec<Duration> {
    let is_over = AtomicBool::new(false);
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let measuring: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut lane = Connection::open(address).unwrap();
                    let bytes = request(token).build();
                    let mut times = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let begun = Instant::now();
                        lane.send(&bytes).unwrap();
                        assert_eq!(outcome(&lane.receive().unwrap()), passed("alice"));
                        times.push(begun.elapsed());
                        thread::sleep(Duration::from_millis(2));
                    }
                    times
                })
            })
            .collect();
        work();
        is_over.store(true, Ordering::SeqCst);
        measuring.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    times.sort();
    times
}

fn print(binary: &Path, what: &str, times: &[Duration], base: &[Duration]) {
    let at = |times: &[Duration], percent: usize| times[times.len() * percent / 100].as_secs_f64();
    let ratio = |percent| at(times, percent) / at(base, percent);
    println!(
        "{}, {what}: {} requests, median {:.2} ms ({:.1} times), p99 {:.2} ms ({:.1} times)",
        name(binary),
        times.len(),
        at(times, 50) * 1000.0,
        ratio(50),
        at(times, 99) * 1000.0,
        ratio(99),
    );
}
