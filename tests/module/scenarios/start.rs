//! Requests that come before the first set.

use std::collections::HashMap;
use std::time::Duration;

use kit::issuer::{Algorithm, SigningKey};

use super::setup::{ROOT, Site, configuration, key, rejection, request, serving, text, token, token_of};
use crate::host::{Action, Forwarded, HttpCall, Mode, Reply, Response};
use crate::owned;

#[test]
fn requests_wait_for_the_first_set_and_are_forwarded_with_their_edits() {
    let issuer = key();
    let mut site = Site::start(1, &format!("outcome: {{}}\n{}", configuration("")));
    // Before the first tick, and after it.
    let first = site.send(0, &token(&issuer, Some("a")));
    site.pass(1);
    let second = site.send(0, &token_of("bob", &issuer, Some("a")));
    for stream in [first, second] {
        assert_eq!(site.result(0, stream), "waits");
        assert_eq!(
            (&site.stream(0, stream).actions, &site.stream(0, stream).filter_state),
            (&vec![Action::Pause], &HashMap::new())
        );
    }
    let at = Duration::from_millis(1_800_000_000_001);
    let headers = owned([
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "issuer.example"),
        (":path", "/keys"),
        ("accept", "application/json"),
        ("user-agent", "jwt-auth"),
    ]);
    let timeout = Duration::from_secs(5);
    let expected = HttpCall {
        token: 1,
        root: ROOT,
        cluster: "issuer".to_owned(),
        headers,
        body: vec![],
        trailers: vec![],
        timeout,
        at,
    };
    assert_eq!(site.call(), expected);
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    assert_eq!(site.result(0, first), "waits");
    site.pass(10);
    for (stream, sub) in [(first, "alice"), (second, "bob")] {
        let stream = site.close(0, stream);
        let mut headers = request(&token_of(sub, &issuer, Some("a")));
        // Of an EdDSA key the signature is always the same, so the token is, too.
        headers.retain(|(name, _)| name != "x-sub");
        headers.extend(owned([("x-sub", sub)]));
        let forwarded = Forwarded { headers, body: vec![], trailers: None, is_complete: true };
        assert_eq!((stream.forwarded, stream.response, stream.actions), (Some(forwarded), None, vec![Action::Pause]));
        assert_eq!(stream.filter_state, HashMap::from([(b"jwt_auth_code".to_vec(), b"OK".to_vec())]));
    }
    // From now on nobody waits.
    assert_eq!(site.ask(0, &token_of("carol", &issuer, Some("a"))), "forwarded as carol");
}

#[test]
fn a_request_that_waited_timeout_seconds_is_rejected_with_s503jw() {
    let issuer = key();
    let mut site = Site::start(1, &format!("outcome: {{}}\n{}", configuration(", timeoutSeconds: 3")));
    site.pass(1);
    let stream = site.send(0, &token(&issuer, None));
    site.pass(2_990);
    assert_eq!(site.result(0, stream), "waits");
    site.pass(20);
    let stream = site.close(0, stream);
    assert_eq!((stream.response, stream.forwarded), (Some(rejection(503, "S503JW", "JWK set is not available")), None));
    assert_eq!(stream.filter_state, HashMap::from([(b"jwt_auth_code".to_vec(), b"S503JW".to_vec())]));
}

#[test]
fn a_grpc_client_whose_request_waited_gets_a_grpc_status() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    let send = |site: &mut Site, token: &str| {
        let stream = site.workers[0].open(ROOT, Mode::Hold).unwrap();
        let mut headers = request(token);
        headers.extend(owned([("content-type", "application/grpc")]));
        site.workers[0].headers(stream, headers, false).unwrap();
        assert_eq!(site.workers[0].body(stream, b"\0\0\0\0\0", false), Ok(Some(Action::Pause)));
        stream
    };
    let unavailable = send(&mut site, &token(&issuer, None));
    site.pass(3_000);
    let denied = send(&mut site, &token(&key(), None));
    site.pass(2_010);
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    for (stream, grpc_status, code, message) in [
        (unavailable, 14, "S503JW", "JWK set is not available"),
        (denied, 7, "A403JT", "Invalid JWT: signature verification failed"),
    ] {
        let headers = owned([("x-ca-error-code", code), ("x-ca-error-message", message)]);
        let body = message.as_bytes().to_vec();
        let expected = Response { status: 200, headers, body, grpc_status, answers_before: 2 };
        let stream = site.close(0, stream);
        assert_eq!((stream.response, stream.forwarded), (Some(expected), None));
    }
}

#[test]
fn a_client_that_leaves_while_its_request_waits_is_forgotten_and_the_others_go_on() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    let streams: Vec<u32> = (0..3).map(|_| site.send(0, &token(&issuer, None))).collect();
    site.pass(1);
    let gone = site.close(0, streams[1]);
    assert_eq!((gone.forwarded, gone.response), (None, None));
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    assert_eq!([0, 2].map(|index| site.result(0, streams[index])), ["forwarded as alice", "forwarded as alice"]);
    // When all have left, the answer still arrives.
    let mut site = Site::start(1, &configuration(""));
    let stream = site.send(0, &token(&issuer, None));
    site.pass(1);
    site.close(0, stream);
    site.pass(1_000);
    site.answer(0, &serving(&[(None, &issuer)]));
    assert_eq!(site.ask(0, &token(&issuer, None)), "forwarded as alice");
}

#[test]
fn only_a_request_that_a_fetched_key_could_help_waits() {
    let (known, issuer) = (key(), key());
    let secret = SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32]);
    let jwk = known.public_jwk(Some("known"), true);
    let mut site = Site::start(1, &format!("jwk: {jwk}\n{}", configuration("")));
    for (token, expected) in [
        (token(&known, Some("known")), "forwarded as alice"),
        (token(&issuer, Some("other")), "waits"),
        (token(&issuer, None), "waits"),
        // A fetched key may have the same `kid`.
        (token(&issuer, Some("known")), "waits"),
        (token(&secret, Some("other")), "A403JT"),
        (issuer.token_raw(br#"{"alg":"none"}"#, b"{}"), "A403JT"),
        (issuer.token_raw(br#"{"alg":"EdDSA","kid":5}"#, b"{}"), "A403JK"),
        ("nonsense".to_owned(), "I400JD"),
        (String::new(), "I400JR"),
    ] {
        assert_eq!(site.ask(0, &token), expected, "{token}");
    }
}

#[test]
fn a_request_is_rejected_at_once_when_no_fetch_ends_before_its_deadline() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    site.pass(1);
    // The pauses after a failure are 1, 2 and 4 seconds, then 8 and more, each with up to a fifth more.
    for pause in [1, 2, 4, 8] {
        site.answer(0, &Reply::new(500, ""));
        site.pass(10);
        let expected = if pause < 5 { "waits" } else { "S503JW" };
        assert_eq!(site.ask(0, &token(&issuer, None)), expected, "{pause}");
        site.pass(pause * 1_200 + 500);
        assert_eq!(site.call().header(":path"), Some("/keys"));
    }
    // While the next fetch is under way, requests wait again.
    let stream = site.send(0, &token(&issuer, None));
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    assert_eq!(text(&site.close(0, stream).forwarded.unwrap().headers, "x-sub"), "alice");
}
