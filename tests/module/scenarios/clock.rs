//! The clock is set forward or back, and keys that grow old.

use super::setup::{Site, configuration, key, serving, token};
use crate::host::Reply;

const HOUR: i64 = 3_600;

#[test]
fn a_request_that_waits_while_the_clock_is_set_back_is_answered_in_time() {
    for back in [1, 4, 30, 61, HOUR] {
        let issuer = key();
        let mut site = Site::start(1, &configuration(""));
        site.pass(1);
        let stream = site.send(0, &token(&issuer, None));
        site.pass(4_500);
        site.process.set_clock(-back);
        // Its wait may begin anew, no more.
        site.pass(5_100);
        assert_eq!(site.result(0, stream), "S503JW", "{back} s");
    }
}

#[test]
fn a_request_that_waits_while_the_clock_is_set_back_is_forwarded_when_the_keys_arrive() {
    for back in [1, 30, HOUR] {
        let issuer = key();
        let mut site = Site::start(1, &configuration(""));
        site.pass(1);
        let stream = site.send(0, &token(&issuer, None));
        site.pass(1_000);
        site.process.set_clock(-back);
        site.pass(1_000);
        site.answer(0, &serving(&[(None, &issuer)]));
        site.pass(20);
        assert_eq!(site.result(0, stream), "forwarded as alice", "{back} s");
    }
}

#[test]
fn when_the_clock_is_set_forward_the_wait_ends_and_the_next_fetch_begins() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    site.pass(1);
    let stream = site.send(0, &token(&issuer, None));
    site.process.set_clock(HOUR);
    site.pass(10);
    assert_eq!(site.result(0, stream), "S503JW");
    site.workers[0].state_mut().http_calls.clear();
    let stream = site.send(0, &token(&issuer, None));
    site.pass(2_000);
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    assert_eq!(site.result(0, stream), "forwarded as alice");
}

#[test]
fn when_the_clock_is_set_back_the_keys_stay_and_are_fetched_again() {
    let (old, new) = (key(), key());
    let mut site = Site::with_keys(2, &configuration(""), &serving(&[(Some("old"), &old)]));
    site.process.set_clock(-HOUR);
    assert_eq!(site.ask(0, &token(&old, Some("old"))), "forwarded as alice");
    site.pass(1_000);
    assert_eq!(site.ask(1, &token(&old, Some("old"))), "forwarded as alice");
    assert_eq!(site.calls().len(), 1);
    site.answer(0, &serving(&[(Some("new"), &new)]));
    site.pass(500);
    for worker in [0, 1] {
        assert_eq!(site.ask(worker, &token(&new, Some("new"))), "forwarded as alice");
    }
    // The schedule is that of the new time.
    site.pass(470_000);
    assert!(site.calls().is_empty());
}

#[test]
fn when_the_clock_is_set_back_failing_fetches_have_their_pauses() {
    let issuer = key();
    let mut site = Site::with_keys(1, &configuration(""), &serving(&[(Some("a"), &issuer)]));
    site.process.set_clock(-HOUR);
    let mut fetches = 0;
    // For 30 seconds.
    for _ in 0..300 {
        site.pass(100);
        if !site.calls().is_empty() {
            fetches += 1;
            site.answer(0, &Reply::new(500, ""));
        }
    }
    // After pauses of 1, 2, 4, 8 and 16 seconds.
    assert!((4..=5).contains(&fetches), "{fetches} fetches");
    assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
}

#[test]
fn keys_that_could_not_be_replaced_are_used_for_stale_seconds_and_then_requests_wait() {
    let issuer = key();
    let fields = ", refreshSeconds: 60, staleSeconds: 40";
    let mut site = Site::with_keys(1, &configuration(fields), &serving(&[(Some("a"), &issuer)]));
    for _ in 0..98 {
        assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
        site.pass(1_000);
        if !site.calls().is_empty() {
            site.answer(0, &Reply::new(500, ""));
        }
    }
    assert_eq!(site.metric(&format!("jwks_keys.{}", super::setup::LABEL)), 1);
    site.pass(3_000);
    let result = site.ask(0, &token(&issuer, Some("a")));
    assert!(["waits", "S503JW"].contains(&result.as_str()), "{result}");
    site.pass(500);
    assert_eq!(site.metric(&format!("jwks_keys.{}", super::setup::LABEL)), 0);
}
