//! Requests with a body or trailers that arrive before, while and after keys are fetched.

use super::setup::{ROOT, Site, configuration, key, rejection, serving, token};
use crate::host::{Action, Forwarded, Headers, Mode, Reply, Stream};
use crate::owned;

/// A part of a request that follows its headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Data(&'static str),
    LastData(&'static str),
    Trailers,
}

pub(super) use Part::{Data, LastData, Trailers};

/// Requests with the body `sub=mallory&a=1`.
pub(super) const WITH_BODY: [&[Part]; 5] = [
    &[LastData("sub=mallory&a=1")],
    &[Data("sub=mall"), LastData("ory&a=1")],
    &[Data(""), Data("sub=mallory&a=1"), LastData("")],
    &[Data("sub=mallory&a=1"), Trailers],
    &[Data("sub=mall"), Data("ory&a=1"), Trailers],
];

pub(super) const WITHOUT_BODY: [&[Part]; 2] = [&[LastData("")], &[Trailers]];

pub(super) const MODES: [Mode; 2] = [Mode::Default, Mode::Hold];

/// What happens to the fetch that the request waits for.
#[derive(Clone, Copy)]
enum Event<'a> {
    Answer(&'a Reply),
    /// No answer comes in time.
    Timeout,
}

fn form(fields: &str) -> String {
    configuration("").replace("parameterName: X-Sub, location: header", "parameterName: sub, location: formData")
        + fields
}

pub(super) fn headers(token: &str) -> Headers {
    let form = "application/x-www-form-urlencoded";
    owned([(":method", "POST"), (":path", "/p"), (":authority", "test"), ("content-type", form), ("x-token", token)])
}

fn trailers() -> Headers {
    owned([("t", "u"), ("x-sub", "mallory")])
}

/// Sends a request, of which `before` parts arrive before the event and the others after it. Until then nothing of it
/// may be forwarded.
fn run(configuration: &str, mode: Mode, headers: &Headers, parts: &[Part], before: usize, event: Event) -> Stream {
    let mut site = Site::start(1, configuration);
    site.pass(1);
    let stream = site.workers[0].open(ROOT, mode).unwrap();
    site.workers[0].headers(stream, headers.clone(), false).unwrap();
    let (early, late) = parts.split_at(before);
    for part in early {
        receive(&mut site, stream, *part);
    }
    assert!(site.stream(0, stream).actions.iter().all(|action| *action == Action::Pause));
    assert_eq!((&site.stream(0, stream).forwarded, site.stream(0, stream).is_waiting()), (&None, true));
    match event {
        Event::Answer(reply) => site.answer(0, reply),
        Event::Timeout => site.pass(5_000),
    }
    site.pass(20);
    for part in late {
        receive(&mut site, stream, *part);
    }
    site.pass(20);
    site.close(0, stream)
}

pub(super) fn receive(site: &mut Site, stream: u32, part: Part) {
    let worker = &mut site.workers[0];
    match part {
        Data(text) => worker.body(stream, text.as_bytes(), false),
        LastData(text) => worker.body(stream, text.as_bytes(), true),
        Trailers => worker.trailers(stream, trailers()),
    }
    .unwrap();
}

/// Runs a request with each part of it arriving before or after the event, in both modes, and checks what came of it.
fn in_all_orders(
    configuration: &str,
    headers: &Headers,
    shapes: &[&[Part]],
    event: Event,
    check: impl Fn(Stream, &[Part], &str),
) {
    for mode in MODES {
        for parts in shapes {
            for before in 0..=parts.len() {
                let stream = run(configuration, mode, headers, parts, before, event);
                check(stream, parts, &format!("{mode:?}, {parts:?}, {before} before the event"));
            }
        }
    }
}

/// The whole request as the backend gets it.
pub(super) fn forwarded(headers: Headers, body: &str, parts: &[Part], trailers: &[(&str, &str)]) -> Option<Forwarded> {
    let has_trailers = matches!(parts.last(), Some(Trailers));
    let trailers = has_trailers.then(|| owned(trailers.iter().copied()));
    Some(Forwarded { headers, body: body.as_bytes().to_vec(), trailers, is_complete: true })
}

#[test]
fn a_form_is_edited_whenever_it_arrives() {
    let issuer = key();
    let headers = headers(&token(&issuer, None));
    let with_length: Headers = headers.iter().cloned().chain(owned([("content-length", "15")])).collect();
    let set = serving(&[(None, &issuer)]);
    for sent in [&headers, &with_length] {
        in_all_orders(&form(""), sent, &WITH_BODY, Event::Answer(&set), |stream, parts, case| {
            let expected = forwarded(headers.clone(), "a=1&sub=alice", parts, &[("t", "u"), ("x-sub", "mallory")]);
            assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
        });
    }
}

#[test]
fn a_form_without_bytes_stays_empty() {
    let issuer = key();
    let headers = headers(&token(&issuer, None));
    let set = serving(&[(None, &issuer)]);
    in_all_orders(&form(""), &headers, &WITHOUT_BODY, Event::Answer(&set), |stream, parts, case| {
        let expected = forwarded(headers.clone(), "", parts, &[("t", "u"), ("x-sub", "mallory")]);
        assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
    });
}

#[test]
fn a_body_that_is_not_edited_goes_on_as_it_is_and_without_the_trailers_that_look_like_edited_headers() {
    let issuer = key();
    let mut sent = headers(&token(&issuer, None));
    sent.extend(owned([("content-length", "15"), ("x-sub", "mallory")]));
    let set = serving(&[(None, &issuer)]);
    in_all_orders(&configuration(""), &sent, &WITH_BODY, Event::Answer(&set), |stream, parts, case| {
        let mut edited = headers(&token(&issuer, None));
        edited.extend(owned([("content-length", "15"), ("x-sub", "alice")]));
        let expected = forwarded(edited, "sub=mallory&a=1", parts, &[("t", "u")]);
        assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
    });
}

#[test]
fn nothing_of_a_rejected_request_is_forwarded_whenever_it_arrives() {
    let (issuer, other) = (key(), key());
    let headers = headers(&token(&issuer, None));
    let set = serving(&[(None, &other)]);
    let shapes = [WITH_BODY.as_slice(), &WITHOUT_BODY].concat();
    for (event, status, code, message) in [
        (Event::Answer(&set), 403, "A403JT", "Invalid JWT: signature verification failed"),
        (Event::Timeout, 503, "S503JW", "JWK set is not available"),
    ] {
        for configuration in [form(""), configuration("")] {
            in_all_orders(&configuration, &headers, &shapes, event, |stream, _, case| {
                let mut response = stream.response.unwrap_or_else(|| panic!("{case}"));
                let later = stream.actions.iter().skip(response.answers_before);
                assert!(later.chain(&stream.actions).all(|action| *action == Action::Pause), "{case}");
                response.answers_before = 1;
                assert_eq!((stream.forwarded, response), (None, rejection(status, code, message)), "{case}");
            });
        }
    }
}

#[test]
fn a_form_that_is_too_large_is_rejected_whenever_it_arrives() {
    let issuer = key();
    let headers = headers(&token(&issuer, None));
    let set = serving(&[(None, &issuer)]);
    let half = "a".repeat(513).leak();
    let too_large: [&[Part]; 2] = [&[Data(half), LastData(half)], &[Data(half), Data(half), Trailers]];
    in_all_orders(&form("maxFormBytes: 1024"), &headers, &too_large, Event::Answer(&set), |stream, _, case| {
        let code = stream.response.as_ref().and_then(|response| response.header("x-ca-error-code"));
        assert_eq!(code, Some("I413FD"), "{case}");
        // Without `content-length`, the headers of a form that arrives later may have gone on.
        let body = stream.forwarded.map(|forwarded| (forwarded.body, forwarded.is_complete));
        assert!(body.is_none_or(|body| body == (Vec::new(), false)), "{case}");
    });
}

#[test]
fn with_trailers_that_were_held_back_the_form_goes_on_in_the_next_tick() {
    let issuer = key();
    let set = serving(&[(None, &issuer)]);
    let parts = [Data("a=1"), Trailers];
    let headers = headers(&token(&issuer, None));
    let stream = run(&form(""), Mode::Default, &headers, &parts, 2, Event::Answer(&set));
    // One callback each for headers, body and trailers: Envoy repeats that of the trailers if its answer is Continue.
    assert_eq!(stream.actions, [Action::Pause; 3]);
    assert_eq!(stream.forwarded.unwrap().body, b"a=1&sub=alice");
}

#[test]
fn a_client_that_leaves_before_that_tick_is_forgotten() {
    let issuer = key();
    let mut site = Site::start(1, &form(""));
    site.pass(1);
    let stream = site.workers[0].open(ROOT, Mode::Hold).unwrap();
    site.workers[0].headers(stream, headers(&token(&issuer, None)), false).unwrap();
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(10);
    receive(&mut site, stream, Data("a=1"));
    receive(&mut site, stream, Trailers);
    assert!(site.stream(0, stream).is_waiting());
    let stream = site.close(0, stream);
    assert_eq!((stream.actions, stream.response), (vec![Action::Pause; 3], None));
    site.pass(1_000);
}
