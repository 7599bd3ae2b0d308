//! How many requests may wait at once.

use super::setup::{Site, configuration, key, serving, token};

#[test]
fn a_thousand_requests_wait_in_a_worker_and_the_next_one_is_rejected() {
    let issuer = key();
    let mut site = Site::start(2, &configuration(""));
    let good = token(&issuer, Some("a"));
    let streams: Vec<u32> = (0..1000).map(|_| site.send(0, &good)).collect();
    assert_eq!(site.ask(0, &good), "S503JW");
    // Each worker has places of its own.
    assert_eq!(site.ask(1, &good), "waits");
    // A client that leaves makes room for another one.
    site.close(0, streams[500]);
    let late = site.send(0, &good);
    assert_eq!(site.result(0, late), "waits");
    assert_eq!(site.ask(0, &good), "S503JW");
    site.pass(2_000);
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    site.pass(30);
    let others = streams.iter().filter(|stream| **stream != streams[500]);
    for stream in others.chain([&late]) {
        assert_eq!(site.result(0, *stream), "forwarded as alice");
    }
}

#[test]
fn a_thousand_requests_that_wait_in_vain_are_all_rejected_in_time() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(", timeoutSeconds: 1"));
    let good = token(&issuer, Some("a"));
    let streams: Vec<u32> = (0..1000).map(|_| site.send(0, &good)).collect();
    site.pass(1_050);
    for stream in streams {
        assert_eq!(site.result(0, stream), "S503JW");
        site.close(0, stream);
    }
    // All places are free again.
    let again: Vec<u32> = (0..1000).map(|_| site.send(0, &good)).collect();
    assert!(again.into_iter().all(|stream| site.result(0, stream) == "waits"));
}

#[test]
fn a_hundred_requests_with_unknown_kids_wait_and_leave_the_places_of_others() {
    let (issuer, stranger) = (key(), key());
    let mut site = Site::with_keys(1, &configuration(""), &serving(&[(Some("a"), &issuer)]));
    let invented = |number: usize| token(&stranger, Some(&format!("invented {number}")));
    let streams: Vec<u32> = (0..100).map(|number| site.send(0, &invented(number))).collect();
    assert!(streams.iter().all(|stream| site.result(0, *stream) == "waits"));
    assert_eq!(site.ask(0, &invented(100)), "S503JW");
    // Known keys are not affected.
    assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
    site.pass(1);
    assert_eq!(site.ask(0, &invented(101)), "S503JW");
    site.close(0, streams[0]);
    let joins = site.send(0, &invented(102));
    assert_eq!(site.result(0, joins), "waits");
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    site.pass(10);
    for stream in streams[1..].iter().chain([&joins]) {
        assert_eq!(site.result(0, *stream), "A403JK");
    }
    assert!(site.calls().is_empty());
}
