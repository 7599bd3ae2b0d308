//! Every reply to a call, and none.

use super::setup::{Site, configuration, key, serving, token};
use crate::host::{BAD_ARGUMENT, INTERNAL_FAILURE, Reply};

/// What Envoy makes of a call that it accepted.
enum Outcome {
    Answer(Reply),
    Nothing,
}

/// Whether a line reports that fetching fails, for this reason.
fn fails(reason: &str) -> (u32, String) {
    (3, format!("jwt-auth: fetching the keys of https://issuer.example/keys fails: {reason}"))
}

/// A site whose log has only what came after the configuration.
fn site() -> Site {
    let mut site = Site::start(1, &configuration(""));
    site.pass(0);
    site
}

#[test]
fn a_fetch_that_fails_is_counted_and_logged_with_its_reason_and_tried_again() {
    let issuer = key();
    let jwk = issuer.public_jwk(None, true).to_string();
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    let padded = |size: usize| format!("{set}{}", " ".repeat(size - set.len()));
    let many = format!(r#"{{"keys":[{}]}}"#, vec![jwk.as_str(); 101].join(","));
    let secret = r#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    let ok = |body: &str| Outcome::Answer(Reply::new(200, body));
    let status = |status, body: &str| Outcome::Answer(Reply::new(status, body));
    let no_answer = "there was no complete answer";
    let connect = "the status was 503; Envoy answers so when it can't connect or TLS fails";
    let timeout = "the status was 504; Envoy answers so after timeoutSeconds";
    let malformed = "the answer is not the JSON that was expected, or has more than 100 keys";
    for (name, outcome, reason, text) in [
        ("no headers", Outcome::Answer(Reply::default()), "no_answer", no_answer),
        ("no status", Outcome::Answer(Reply::default().header("a", "b")), "no_answer", no_answer),
        ("nothing at all", Outcome::Nothing, "no_answer", no_answer),
        ("refused", status(503, "upstream connect error"), "status", connect),
        ("garbage", status(502, ""), "status", "the status was 502, not 200"),
        ("timeout", status(504, "upstream request timeout"), "status", timeout),
        ("a redirect", status(302, &set), "status", "the status was 302, not 200"),
        ("another success", status(203, &set), "status", "the status was 203, not 200"),
        ("an error with keys", status(500, &set), "status", "the status was 500, not 200"),
        ("junk", ok("<html>\u{fffd}\0"), "malformed", malformed),
        ("bytes", Outcome::Answer(Reply::new(200, [0xff, 0xfe, 0])), "malformed", malformed),
        ("nothing", ok(""), "malformed", malformed),
        ("a list", ok(&format!("[[{jwk}]]")), "malformed", malformed),
        ("deep nesting", ok(&"[".repeat(200_000)), "malformed", malformed),
        ("deep nesting in a set", ok(&format!(r#"{{"keys":[{}"#, "[".repeat(200_000))), "malformed", malformed),
        ("a part", ok(&set[..set.len() - 1]), "malformed", malformed),
        ("101 keys", ok(&many), "malformed", malformed),
        ("more than 256 KiB", ok(&padded(256 * 1024 + 1)), "too_large", "the answer is larger than 256 KiB"),
        ("much more", ok(&padded(8 * 1024 * 1024)), "too_large", "the answer is larger than 256 KiB"),
        ("no keys", ok(r#"{"keys":[]}"#), "no_usable_key", "the set has no usable key"),
        ("a secret", ok(secret), "no_usable_key", "the set has no usable key"),
    ] {
        let mut site = site();
        site.pass(1);
        site.log();
        let stream = site.send(0, &token(&issuer, None));
        match outcome {
            Outcome::Answer(reply) => {
                site.answer(0, &reply);
                site.pass(10);
                assert_eq!(site.result(0, stream), "waits", "{name}");
            }
            Outcome::Nothing => {
                site.pass(6_500);
                assert_eq!(site.result(0, stream), "S503JW", "{name}");
                // Envoy never answers it.
                let calls = &mut site.workers[0].state_mut().http_calls;
                assert_eq!(calls.len(), 1, "{name}");
                calls.clear();
            }
        }
        assert_eq!(
            (site.log(), site.metric(&format!("jwks_fetches_failed.{reason}"))),
            (vec![fails(text)], 1),
            "{name}"
        );
        site.pass(1_300);
        let stream = site.send(0, &token(&issuer, None));
        // 256 KiB exactly.
        site.answer(0, &Reply::new(200, padded(256 * 1024)));
        site.pass(10);
        assert_eq!(site.result(0, stream), "forwarded as alice", "{name}");
    }
}

#[test]
fn a_call_that_envoy_does_not_accept_is_a_failed_fetch() {
    let issuer = key();
    for (status, reason, text) in [
        (BAD_ARGUMENT, "no_cluster", "Envoy has no such cluster"),
        (INTERNAL_FAILURE, "no_host", "the cluster has no healthy host, or its circuit breaker is open"),
    ] {
        let mut site = site();
        site.workers[0].state_mut().http_call_statuses.extend([status; 2]);
        let stream = site.send(0, &token(&issuer, None));
        site.pass(2_000);
        assert_eq!((site.calls().len(), site.metric(&format!("jwks_fetches_failed.{reason}"))), (0, 2));
        let log = site.log();
        assert_eq!(log.iter().filter(|(level, _)| *level == 3).collect::<Vec<_>>(), [&fails(text)]);
        assert_eq!(site.result(0, stream), "waits");
        site.pass(2_000);
        site.answer(0, &serving(&[(None, &issuer)]));
        site.pass(10);
        assert_eq!(site.result(0, stream), "forwarded as alice");
    }
}

#[test]
fn failures_are_repeated_after_pauses_that_grow_to_a_minute() {
    let mut site = site();
    let mut times = Vec::new();
    for _ in 0..6_000 {
        if let [call] = site.calls().as_slice() {
            times.push(call.at.as_millis());
            site.answer(0, &Reply::new(500, ""));
        }
        site.pass(100);
    }
    let pauses: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.len() > 12, "{pauses:?}");
    let longest = [1, 2, 4, 8, 16, 32, 60].into_iter().chain(std::iter::repeat(60));
    for (pause, least) in pauses.iter().zip(longest) {
        // Up to a fifth more, and until the next tick.
        assert!((least * 1_000..=least * 1_200 + 700).contains(pause), "{pauses:?}");
    }
}

#[test]
fn a_reply_after_timeout_seconds_comes_too_late_for_the_requests_and_is_still_used_within_the_lease() {
    let issuer = key();
    let mut site = site();
    let first = site.send(0, &token(&issuer, None));
    site.pass(5_500);
    assert_eq!(site.result(0, first), "S503JW");
    let second = site.send(0, &token(&issuer, None));
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    assert_eq!((site.result(0, first).as_str(), site.result(0, second).as_str()), ("S503JW", "forwarded as alice"));
}

#[test]
fn a_reply_after_the_fetch_was_given_up_is_ignored() {
    let (issuer, late) = (key(), key());
    let mut site = site();
    site.pass(8_500);
    // The second fetch is under way.
    let tokens: Vec<u32> = site.calls().iter().map(|call| call.token).collect();
    let [first, second] = tokens[..] else { panic!("{tokens:?}") };
    site.workers[0].answer(first, &serving(&[(Some("late"), &late)])).unwrap();
    site.pass(10);
    assert_eq!((site.metric("jwks_fetches_failed.no_answer"), site.metric("jwks_fetches_succeeded")), (1, 0));
    site.workers[0].answer(second, &serving(&[(Some("a"), &issuer)])).unwrap();
    site.pass(10);
    assert_eq!(site.ask(0, &token(&issuer, Some("a"))), "forwarded as alice");
}
