//! Two Envoys whose clocks differ by as much as is promised.

use std::thread;
use std::time::Duration;

use kit::engines::Persistence;
use kit::proxy::now;
use kit::rows::date;

use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, PREFIX, Settings, Verdict, accepted, request, token, token_until, used};

/// By how many seconds the clock of the second Envoy is ahead.
const AHEAD: u32 = 60;

/// The greatest `clockSkewSeconds`: a used `jti` is kept just as long after `exp`.
const SKEW: u64 = 300;

#[test]
fn a_token_that_expires_by_the_clock_of_one_envoy_stays_used_for_the_other() {
    for engine in engines() {
        let fleet = start(&engine);
        // It expires in 15 s by the clock that is ahead, and in 75 s by the other one.
        let exp = now() + 75 - SKEW;
        let last = token_until("last", exp);
        fleet.expect(1, &accepted(&last));
        let entries = engine.entries(PREFIX);
        let needed = exp + SKEW - now();
        let [entry] = &entries[..] else { panic!("{entries:?}") };
        let ttl = entry.ttl_seconds.unwrap();
        // Both are rounded.
        assert!(ttl + 1 >= needed, "{}: for {ttl} s, needed for {needed} s", engine.kind());
        fleet.expect(0, &used(&last));
        fleet.expect(1, &used(&last));
        println!("{}: needed for {needed} s, kept for {ttl} s", engine.kind());
        assert_ahead(&fleet);

        // The other way round, and in the middle of its life.
        let (first, second) = (token("first"), token("second"));
        fleet.expect(0, &accepted(&first));
        fleet.expect(1, &used(&first));
        fleet.expect(1, &accepted(&second));
        fleet.expect(0, &used(&second));
        fleet.assert_healthy(&[&last, &first, &second]);
    }
}

/// How many tokens are asked about one by one. Each is new for the Envoy, which therefore asks the engine.
const TOKENS: usize = 400;

#[test]
#[ignore = "takes more than a minute: CONTRIBUTING.md"]
fn a_token_is_used_until_it_is_expired_by_each_clock() {
    thread::scope(|scope| {
        for engine in engines() {
            scope.spawn(move || until_expired(&engine));
        }
    });
}

fn until_expired(engine: &Engine) {
    let fleet = start(engine);
    let exp = now() + 90 - SKEW;
    let tokens: Vec<_> = (0..TOKENS).map(|number| token_until(&format!("until-{number}"), exp)).collect();
    for token in &tokens {
        assert_eq!(fleet.ask(1, token), Verdict::Accepted);
    }
    // The last ones are used when they are expired by the clock that is ahead.
    let mut used_after = 0;
    let mut rest = tokens.iter();
    let expired = loop {
        let token = rest.next().expect("more tokens");
        let left = (exp + SKEW).saturating_sub(now());
        match fleet.ask(0, token) {
            Verdict::Used => used_after += u32::from(left < u64::from(AHEAD)),
            other => break (other, left),
        }
        // The last seconds matter.
        thread::sleep(Duration::from_millis(if left > 10 { 1000 } else { 40 }));
    };
    let (verdict, left) = expired;
    // Not accepted: expired.
    assert!(matches!(&verdict, Verdict::Other(text) if text.contains("A403JE")), "{verdict:?}, {left} s left");
    assert_eq!((left, fleet.proxies[0].upstream.requests()), (0, 0));
    println!("{}: {used_after} tokens are used after they are expired by the other clock", engine.kind());
    fleet.assert_healthy(&[]);
}

fn engines() -> [Engine; 2] {
    [Engine::etcd(1), Engine::redis(Persistence::Nothing)]
}

fn start(engine: &Engine) -> Fleet {
    let lines = format!("clockSkewSeconds: {SKEW}");
    Fleet::start(&newest_envoy(), engine, &Settings { ahead_seconds: AHEAD, lines, ..Settings::default() })
}

/// Checks that only the second Envoy finds a token expired that is valid for half of the difference.
fn assert_ahead(fleet: &Fleet) {
    let exp = now() + u64::from(AHEAD) / 2 - SKEW;
    let half = token_until("half", exp);
    fleet.expect(1, &request(&half).rejected("A403JE", format!("JWT is expired at {}", date(exp))));
    fleet.expect(0, &accepted(&half));
}
