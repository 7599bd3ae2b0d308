//! Several workers of one process.

use super::setup::{Site, configuration, key, serving, token};
use crate::host::Reply;

#[test]
fn workers_share_one_fetch_and_the_others_use_its_keys_within_half_a_second() {
    let issuer = key();
    let mut site = Site::start(3, &configuration(""));
    site.pass(1_000);
    assert_eq!(site.workers[0].state().http_calls.len(), 1);
    assert_eq!(site.calls().len(), 1);
    // Only the second worker has a waiting request, and looks for the keys at once.
    let waits = site.send(1, &token(&issuer, Some("a")));
    site.pass(10);
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    site.pass(10);
    assert_eq!(site.result(1, waits), "forwarded as alice");
    site.pass(490);
    assert_eq!(site.ask(2, &token(&issuer, Some("a"))), "forwarded as alice");
    assert_eq!((site.calls().len(), site.metric("jwks_fetches_succeeded")), (0, 1));
}

#[test]
fn an_unknown_kid_in_one_worker_waits_for_the_fetch_of_another() {
    let (old, new) = (key(), key());
    let mut site = Site::with_keys(2, &configuration(""), &serving(&[(Some("old"), &old)]));
    let first = site.send(0, &token(&new, Some("new")));
    site.pass(1);
    let second = site.send(1, &token(&new, Some("new")));
    site.pass(100);
    assert_eq!(site.workers[0].state().http_calls.len(), 1);
    assert_eq!(site.calls().len(), 1);
    site.answer(0, &serving(&[(Some("new"), &new)]));
    site.pass(10);
    assert_eq!(
        (site.result(0, first), site.result(1, second)),
        ("forwarded as alice".into(), "forwarded as alice".into())
    );
}

#[test]
fn when_the_fetching_worker_dies_another_one_takes_over_after_the_lease() {
    let issuer = key();
    let mut site = Site::start(2, &configuration(""));
    site.pass(1);
    assert_eq!(site.workers[0].state().http_calls.len(), 1);
    let first = site.send(1, &token(&issuer, Some("a")));
    drop(site.workers.remove(0));
    site.pass(4_000);
    let second = site.send(0, &token(&issuer, Some("a")));
    site.pass(2_990);
    // The lease lasts two seconds longer than the fetch could have taken.
    assert_eq!((site.result(0, first).as_str(), site.result(0, second).as_str()), ("S503JW", "waits"));
    assert!(site.calls().is_empty());
    site.pass(20);
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    site.pass(10);
    assert_eq!(site.result(0, second), "forwarded as alice");
}

#[test]
fn a_reply_that_comes_after_another_worker_has_taken_over_changes_nothing() {
    let (issuer, late) = (key(), key());
    let mut site = Site::start(2, &configuration(""));
    site.pass(1);
    // The first worker hangs: its timer does not fire.
    let hanging = site.workers.remove(0);
    site.pass(7_500);
    assert_eq!(site.calls().len(), 1);
    site.workers.insert(0, hanging);
    site.answer(0, &serving(&[(Some("late"), &late)]));
    assert_eq!(site.calls().len(), 1);
    site.answer(1, &serving(&[(Some("a"), &issuer)]));
    site.pass(500);
    for worker in [0, 1] {
        assert_eq!(site.ask(worker, &token(&issuer, Some("a"))), "forwarded as alice");
        assert_eq!(site.ask(worker, &token(&late, Some("late"))), "waits");
    }
}

#[test]
fn a_process_writes_one_line_when_fetching_fails_and_one_when_it_works_again() {
    let issuer = key();
    let mut site = Site::start(3, &configuration(""));
    site.pass(1);
    site.log();
    for _ in 0..3 {
        let worker = site.pass_until_call(6_000);
        site.answer(worker, &Reply::new(404, ""));
    }
    let line = |level, text: &str| (level, format!("jwt-auth: {text}"));
    let fails = line(3, "fetching the keys of https://issuer.example/keys fails: the status was 404, not 200");
    assert_eq!(site.log(), [fails]);
    let worker = site.pass_until_call(6_000);
    site.answer(worker, &serving(&[(Some("a"), &issuer)]));
    site.pass(6_000);
    let works = line(2, "fetching the keys of https://issuer.example/keys works again");
    let new = line(2, "new keys of https://issuer.example/keys: 1 usable");
    assert_eq!(site.log(), [works, new]);
    assert_eq!((site.metric("jwks_fetches_failed.status"), site.metric("jwks_fetches_succeeded")), (3, 1));
}
