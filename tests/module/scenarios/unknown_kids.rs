//! Tokens whose `kid` no key has.

use super::setup::{ROOT, Site, configuration, key, rejection, serving, token, token_of};
use crate::host::Reply;

#[test]
fn an_unknown_kid_waits_for_one_fetch_which_brings_its_key() {
    let (old, new) = (key(), key());
    let mut site = Site::with_keys(1, &configuration(""), &serving(&[(Some("old"), &old)]));
    let first = site.send(0, &token(&new, Some("new")));
    site.pass(1);
    let second = site.send(0, &token_of("bob", &new, Some("new")));
    assert_eq!(site.ask(0, &token(&old, Some("old"))), "forwarded as alice");
    assert_eq!((site.call().root, site.call().header(":path")), (ROOT, Some("/keys")));
    site.answer(0, &serving(&[(Some("old"), &old), (Some("new"), &new)]));
    site.pass(10);
    assert_eq!([first, second].map(|stream| site.result(0, stream)), ["forwarded as alice", "forwarded as bob"]);
    assert!(site.calls().is_empty());
}

#[test]
fn an_unknown_kid_causes_one_fetch_in_a_cool_down_and_is_a403jk_at_once_within_it() {
    let (issuer, stranger) = (key(), key());
    let set = serving(&[(Some("a"), &issuer)]);
    let mut site = Site::with_keys(1, &configuration(", unknownKidCooldownSeconds: 20"), &set);
    let unknown = token(&stranger, Some("b"));
    let first = site.send(0, &unknown);
    site.pass(1);
    // Another `kid` joins the fetch.
    let other = site.send(0, &token(&stranger, Some("c")));
    site.answer(0, &set);
    site.pass(10);
    let (first, other) = (site.close(0, first), site.close(0, other));
    let rejected = |kid| Some(rejection(403, "A403JK", &format!("No matching JWK, kid:{kid} not found")));
    assert_eq!((first.response, first.forwarded), (rejected("b"), None));
    assert_eq!((other.response, other.forwarded), (rejected("c"), None));
    for _ in 0..19 {
        assert_eq!(site.ask(0, &unknown), "A403JK");
        site.pass(1_000);
        assert!(site.calls().is_empty());
    }
    site.pass(1_000);
    let third = site.send(0, &unknown);
    site.pass(1);
    site.answer(0, &Reply::new(500, ""));
    site.pass(10);
    // A fetch that failed counts, too.
    assert_eq!(site.result(0, third), "A403JK");
    assert_eq!(site.ask(0, &unknown), "A403JK");
}

#[test]
fn an_unknown_kid_joins_a_fetch_under_way_and_then_has_one_of_its_own() {
    let (issuer, stranger) = (key(), key());
    let set = serving(&[(Some("a"), &issuer)]);
    let mut site = Site::with_keys(1, &configuration(", refreshSeconds: 60"), &set);
    // Between 48 and 54 seconds after the fetch.
    site.pass(54_000);
    let regular = site.call();
    let unknown = site.send(0, &token(&stranger, Some("b")));
    site.pass(100);
    assert_eq!(site.call(), regular);
    site.answer(0, &set);
    site.pass(20);
    assert_eq!(site.result(0, unknown), "waits");
    assert!(site.call().at > regular.at);
    site.answer(0, &set);
    site.pass(20);
    assert_eq!((site.result(0, unknown).as_str(), site.calls().len()), ("A403JK", 0));
}

#[test]
fn an_unknown_kid_whose_fetch_has_no_answer_is_a403jk_after_timeout_seconds() {
    let (issuer, stranger) = (key(), key());
    let set = serving(&[(Some("a"), &issuer)]);
    let mut site = Site::with_keys(1, &configuration(", timeoutSeconds: 2"), &set);
    let unknown = site.send(0, &token(&stranger, Some("b")));
    site.pass(1_990);
    assert_eq!(site.result(0, unknown), "waits");
    site.pass(20);
    assert_eq!(site.result(0, unknown), "A403JK");
    assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
}

#[test]
fn a_token_without_a_kid_never_causes_a_fetch() {
    let (issuer, stranger) = (key(), key());
    for (kid, expected) in [(Some("a"), "A403JK"), (None, "A403JT")] {
        let mut site = Site::with_keys(1, &configuration(""), &serving(&[(kid, &issuer)]));
        assert_eq!(site.ask(0, &token(&stranger, None)), expected);
        site.pass(2_000);
        assert!(site.calls().is_empty());
    }
}

#[test]
fn a_key_without_a_kid_verifies_tokens_of_any_kid_without_a_fetch() {
    let issuer = key();
    let mut site = Site::with_keys(1, &configuration(""), &serving(&[(None, &issuer)]));
    assert_eq!(site.ask(0, &token(&issuer, Some("any"))), "forwarded as alice");
    site.pass(2_000);
    assert!(site.calls().is_empty());
}

#[test]
fn invented_kids_in_all_workers_cause_one_fetch_in_a_cool_down() {
    let (issuer, stranger) = (key(), key());
    let set = serving(&[(Some("a"), &issuer)]);
    let mut site = Site::with_keys(3, &configuration(", unknownKidCooldownSeconds: 5"), &set);
    let mut fetches = 0;
    // For 30 seconds, 50 a second.
    for number in 0..1_500 {
        let stream = site.send(number % 3, &token(&stranger, Some(&format!("invented {number}"))));
        site.pass(20);
        for worker in 0..3 {
            if !site.workers[worker].state().http_calls.is_empty() {
                fetches += 1;
                site.answer(worker, &set);
            }
        }
        site.close(number % 3, stream);
    }
    assert!((5..=6).contains(&fetches), "{fetches} fetches");
}
