//! Tokens whose `kid` no key has: anyone can invent one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kit::envoy;
use kit::http::{Address, Connection};
use kit::http2;
use kit::issuer::{Algorithm, SigningKey, base64url, jwk_set};
use kit::key_server::{Answer, Gate};
use serde_json::json;

use crate::drill::CLOCKS;
use crate::setup::{
    KEYS, LISTENER, Site, ask, claims, eventually, outcome, passed, rejected, remote, request, serving,
};

/// As in `src/remote_keys/places.rs`.
const PLACES_FOR_KIDS: usize = 100;

/// A token that nobody has signed. It costs as little as possible to make.
pub(crate) fn invented(kid: usize) -> String {
    let header = json!({"alg": "ES256", "kid": format!("invented-{kid}")}).to_string();
    format!(
        "{}.{}.{}",
        base64url(header.as_bytes()),
        base64url(b"{\"iss\":\"https://issuer.test\"}"),
        base64url(&[1; 64])
    )
}

#[test]
fn requests_with_a_new_kid_join_one_fetch_and_later_unknown_ones_are_rejected_at_once() {
    for binary in envoy::binaries() {
        let [old, new] = [(); 2].map(|()| SigningKey::generate(Algorithm::ES256));
        let site = Site::start(&binary, serving(&[(Some("old"), &old)]), &remote(", timeoutSeconds: 60"), 2);
        let address = site.address(LISTENER);
        let of_old = old.token(Some("old"), &claims("alice"));
        assert_eq!(ask(&address, &of_old), passed("alice"));
        let without_kid = new.token(None, &claims("alice"));
        assert_eq!(ask(&address, &without_kid), rejected(403, "A403JK"));
        assert_eq!(site.keys.requests(KEYS), 1, "a token without kid never causes a fetch");

        let gate = Gate::default();
        let both = jwk_set(&[(Some("old"), &old), (Some("new"), &new)]);
        site.keys.set(KEYS, Answer::json(&both).behind(&gate));
        thread::scope(|scope| {
            let of_new = new.token(Some("new"), &claims("bob"));
            let asking: Vec<_> = (0..20)
                .map(|_| {
                    let (address, of_new) = (&address, of_new.clone());
                    scope.spawn(move || ask(address, &of_new))
                })
                .collect();
            eventually("all requests wait", || site.proxy.envoy.stat("http.keys.downstream_rq_active") == Ok(20));
            assert_eq!(ask(&address, &of_old), passed("alice"), "a token of a known key does not wait");
            gate.open();
            for result in asking {
                assert_eq!(result.join().unwrap(), passed("bob"));
            }
        });
        for kid in 0..4 {
            assert_eq!(ask(&address, &invented(kid)), rejected(403, "A403JK"));
        }
        assert_eq!(site.keys.requests(KEYS), 2, "the cool-down is half a minute");
        site.assert_healthy(&[&of_old]);
    }
}

#[test]
fn a_hundred_requests_with_unknown_kids_wait_and_the_next_are_rejected() {
    for binary in envoy::binaries() {
        let key = SigningKey::generate(Algorithm::ES256);
        let token = key.token(Some("a"), &claims("alice"));
        let site = Site::start(&binary, serving(&[(Some("a"), &key)]), &remote(", timeoutSeconds: 60"), 1);
        let address = site.address(LISTENER);
        assert_eq!(ask(&address, &token), passed("alice"));
        let gate = Gate::default();
        site.keys.set(KEYS, Answer::json(&jwk_set(&[(Some("a"), &key)])).behind(&gate));
        let mut counts: BTreeMap<(u16, String), usize> = BTreeMap::new();
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let requests = (0..150).map(|kid| http2::Request::get("/p").header("x-token", invented(kid)));
                http2::Connection::open(&address).unwrap().exchange_all(requests.collect())
            });
            let waiting = PLACES_FOR_KIDS as u64;
            eventually("some wait", || site.proxy.envoy.stat("http.keys.downstream_rq_active") == Ok(waiting));
            assert_eq!(site.keys.wait_for_requests(KEYS, 2), 2);
            assert_eq!(ask(&address, &token), passed("alice"), "a token of a known key is not affected");
            gate.open();
            for response in asking.join().unwrap() {
                *counts.entry(outcome(&response.unwrap())).or_default() += 1;
            }
        });
        let expected = [(rejected(403, "A403JK"), PLACES_FOR_KIDS), (rejected(503, "S503JW"), 50)];
        assert_eq!(counts, expected.into());
        assert_eq!(site.keys.requests(KEYS), 2);
        site.assert_healthy(&[&token]);
    }
}

#[test]
fn a_flood_of_invented_kids_causes_one_fetch_per_cool_down_and_valid_tokens_pass() {
    const CONNECTIONS: usize = 4;
    const KIDS: usize = 2000;
    const COOLDOWN: Duration = Duration::from_secs(1);
    for binary in envoy::binaries() {
        let key = SigningKey::generate(Algorithm::ES256);
        let token = key.token(Some("a"), &claims("alice"));
        let site = Site::start(&binary, serving(&[(Some("a"), &key)]), &remote(", unknownKidCooldownSeconds: 1"), 2);
        let address = site.address(LISTENER);
        assert_eq!(ask(&address, &token), passed("alice"));
        let begun = Instant::now();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let flood: Vec<_> = (0..CONNECTIONS)
                .map(|connection| {
                    let address = &address;
                    scope.spawn(move || {
                        let kids = (0..KIDS / CONNECTIONS).map(|kid| invented(kid * CONNECTIONS + connection));
                        answers(address, kids)
                    })
                })
                .collect();
            let valid = scope.spawn(|| {
                let tokens = std::iter::from_fn(|| (!is_over.load(Ordering::SeqCst)).then(|| token.clone()));
                answers(&address, tokens)
            });
            for answers in flood {
                assert_eq!(answers.join().unwrap(), [(rejected(403, "A403JK"), KIDS / CONNECTIONS)].into());
            }
            is_over.store(true, Ordering::SeqCst);
            let valid = valid.join().unwrap();
            assert_eq!(valid.keys().collect::<Vec<_>>(), [&passed("alice")]);
        });
        let cooldowns = begun.elapsed().as_secs() + 1;
        let received = site.keys.received();
        assert!(received.len() >= 2, "a fetch for the first of the kids");
        assert!(received.len() as u64 <= 1 + cooldowns, "{} fetches in {cooldowns} cool-downs", received.len());
        let pauses = received[1..].windows(2).map(|pair| pair[1].at - pair[0].at);
        assert!(pauses.min().is_none_or(|pause| pause >= COOLDOWN - CLOCKS), "a fetch within the cool-down");
        site.assert_healthy(&[&token]);
    }
}

/// How often each result came for requests with these tokens, one after another on one connection.
fn answers(address: &Address, tokens: impl Iterator<Item = String>) -> BTreeMap<(u16, String), usize> {
    let mut connection = Connection::open(address).unwrap();
    let mut counts = BTreeMap::new();
    for token in tokens {
        connection.send(&request(&token).build()).unwrap();
        *counts.entry(outcome(&connection.receive().unwrap())).or_default() += 1;
    }
    counts
}
