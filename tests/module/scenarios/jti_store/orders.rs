//! Requests with a body or trailers that arrive before, while and after the engine answers. Nothing of a request goes on
//! before the decision, and then all of it or nothing.

use kit::engine_model::Kind;

use super::setup::{Trial, configuration, fetching_configuration, signed_token, signing_key, token};
use crate::host::{Action, BAD_ARGUMENT, Headers, Mode, Reply, Stream};
use crate::owned;
use crate::scenarios::forms::{
    Data, LastData, MODES, Part, Trailers, WITH_BODY, WITHOUT_BODY, forwarded, headers, receive,
};
use crate::scenarios::setup::{ROOT, rejection, serving};

/// What the engine says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Won,
    /// Another request has used the `jti`.
    Lost,
    /// No answer, whatever is asked.
    Failed,
    /// The first call gets no answer, and the next one can't be sent.
    NotSent,
}

/// A request whose form or header is edited.
fn edited(kind: Kind, edits_form: bool, fields: &str) -> String {
    edit_form(configuration(kind, fields), edits_form)
}

fn edit_form(configuration: String, edits_form: bool) -> String {
    let form = "parameterName: sub, location: formData";
    if edits_form { configuration.replace("parameterName: X-Sub, location: header", form) } else { configuration }
}

/// The answers to all calls of the request.
fn happen(trial: &mut Trial, stream: u32, event: Event) {
    loop {
        let Some(call) = trial.site.workers[0].state().http_calls.first().cloned() else { return };
        assert_waits(trial, stream);
        if event == Event::Lost {
            // Another process was faster.
            trial.use_up(&call);
        }
        let reply = match event {
            Event::Won | Event::Lost => trial.reply(&call),
            Event::Failed => Reply::default(),
            Event::NotSent => {
                trial.refuse_calls(0, &[BAD_ARGUMENT]);
                Reply::default()
            }
        };
        trial.answer_with(0, &reply);
    }
}

fn assert_waits(trial: &Trial, stream: u32) {
    let stream = trial.site.stream(0, stream);
    assert!(stream.actions.iter().all(|action| *action == Action::Pause), "{stream:?}");
    assert_eq!((&stream.forwarded, stream.is_waiting()), (&None, true));
}

/// Sends a request, of which `before` parts arrive before the event and the others after it.
fn run(trial: &mut Trial, mode: Mode, headers: &Headers, parts: &[Part], before: usize, event: Event) -> Stream {
    let stream = trial.site.workers[0].open(ROOT, mode).unwrap();
    trial.site.workers[0].headers(stream, headers.clone(), false).unwrap();
    let (early, late) = parts.split_at(before);
    early.iter().for_each(|part| receive(&mut trial.site, stream, *part));
    happen(trial, stream, event);
    finish(trial, stream, late)
}

/// Lets the rest of a request arrive.
fn finish(trial: &mut Trial, stream: u32, late: &[Part]) -> Stream {
    let pass = |trial: &mut Trial| trial.site.pass(20);
    pass(trial);
    for part in late {
        receive(&mut trial.site, stream, *part);
    }
    pass(trial);
    trial.site.close(0, stream)
}

/// Runs a request with each part of it arriving before or after the event, in both modes and with both engines.
fn in_all_orders(
    edits_form: bool,
    fields: &str,
    headers: &Headers,
    shapes: &[&[Part]],
    event: Event,
    check: impl Fn(Stream, &[Part], &str),
) {
    for kind in Kind::ALL {
        for mode in MODES {
            for parts in shapes {
                for before in 0..=parts.len() {
                    let mut trial = Trial::with(kind, 1, &edited(kind, edits_form, fields));
                    let stream = run(&mut trial, mode, headers, parts, before, event);
                    check(stream, parts, &format!("{kind:?}, {mode:?}, {parts:?}, {before} before the answer"));
                }
            }
        }
    }
}

/// The headers, with those that no edit changes.
fn with(more: &[(&str, &str)]) -> Headers {
    headers(&token("1")).into_iter().chain(owned(more.iter().copied())).collect()
}

#[test]
fn a_form_is_edited_whenever_it_arrives() {
    for sent in [with(&[]), with(&[("content-length", "15")])] {
        in_all_orders(true, "", &sent, &WITH_BODY, Event::Won, |stream, parts, case| {
            let expected = forwarded(with(&[]), "a=1&sub=alice", parts, &[("t", "u"), ("x-sub", "mallory")]);
            assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
        });
    }
}

#[test]
fn a_form_without_bytes_stays_empty() {
    in_all_orders(true, "", &with(&[]), &WITHOUT_BODY, Event::Won, |stream, parts, case| {
        let expected = forwarded(with(&[]), "", parts, &[("t", "u"), ("x-sub", "mallory")]);
        assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
    });
}

#[test]
fn a_body_that_is_not_edited_goes_on_as_it_is_and_without_the_trailers_that_look_like_edited_headers() {
    let sent = with(&[("content-length", "15"), ("x-sub", "mallory")]);
    let edited = with(&[("content-length", "15"), ("x-sub", "alice")]);
    in_all_orders(false, "", &sent, &WITH_BODY, Event::Won, |stream, parts, case| {
        let expected = forwarded(edited.clone(), "sub=mallory&a=1", parts, &[("t", "u")]);
        assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
    });
}

#[test]
fn nothing_of_a_rejected_request_is_forwarded_whenever_it_arrives() {
    let shapes = [WITH_BODY.as_slice(), &WITHOUT_BODY].concat();
    for (event, status, code, message) in [
        (Event::Lost, 403, "S403JU", "Claim jti in JWT is used"),
        (Event::Failed, 503, "S503JS", "Replay store is not available"),
        (Event::NotSent, 503, "S503JS", "Replay store is not available"),
    ] {
        for edits_form in [true, false] {
            in_all_orders(edits_form, "", &with(&[]), &shapes, event, |stream, _, case| {
                let mut response = stream.response.unwrap_or_else(|| panic!("{case}"));
                assert!(stream.actions.iter().all(|action| *action == Action::Pause), "{case}");
                response.answers_before = 1;
                assert_eq!((stream.forwarded, response), (None, rejection(status, code, message)), "{case}");
            });
        }
    }
}

#[test]
fn with_on_failure_local_a_request_without_an_answer_goes_on_whenever_it_arrives() {
    for event in [Event::Failed, Event::NotSent] {
        in_all_orders(true, ", onFailure: local", &with(&[]), &WITH_BODY, event, |stream, parts, case| {
            let expected = forwarded(with(&[]), "a=1&sub=alice", parts, &[("t", "u"), ("x-sub", "mallory")]);
            assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
        });
    }
}

#[test]
fn a_call_that_can_not_be_sent_decides_before_any_part_of_the_body() {
    let shapes = [WITH_BODY.as_slice(), &WITHOUT_BODY].concat();
    for kind in Kind::ALL {
        for (on_failure, mode) in ["refuse", "local"].into_iter().flat_map(|policy| MODES.map(|mode| (policy, mode))) {
            for parts in &shapes {
                let configuration = edited(kind, true, &format!(", onFailure: {on_failure}"));
                let mut trial = Trial::with(kind, 1, &configuration);
                trial.refuse_calls(0, &[BAD_ARGUMENT]);
                let stream = run(&mut trial, mode, &with(&[]), parts, 0, Event::Won);
                let case = format!("{kind:?}, {on_failure}, {mode:?}, {parts:?}");
                if on_failure == "local" {
                    let has_body = WITH_BODY.contains(parts);
                    let body = if has_body { "a=1&sub=alice" } else { "" };
                    let expected = forwarded(with(&[]), body, parts, &[("t", "u"), ("x-sub", "mallory")]);
                    assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
                } else {
                    let mut response = rejection(503, "S503JS", "Replay store is not available");
                    response.answers_before = 0;
                    assert_eq!((stream.forwarded, stream.response), (None, Some(response)), "{case}");
                    assert!(stream.actions.iter().all(|action| *action == Action::Pause), "{case}");
                }
            }
        }
    }
}

#[test]
fn a_form_that_is_too_large_is_rejected_whenever_it_arrives() {
    let half = "a".repeat(513).leak();
    let too_large: [&[Part]; 2] = [&[Data(half), LastData(half)], &[Data(half), Data(half), Trailers]];
    for kind in Kind::ALL {
        for mode in MODES {
            for (parts, before) in
                too_large.iter().flat_map(|parts| (0..=parts.len()).map(move |before| (parts, before)))
            {
                let configuration = format!("{}maxFormBytes: 1024\n", edited(kind, true, ""));
                let mut trial = Trial::with(kind, 1, &configuration);
                let stream = run(&mut trial, mode, &with(&[]), parts, before, Event::Won);
                let case = format!("{kind:?}, {mode:?}, {parts:?}, {before} before the answer");
                let code = stream.response.as_ref().and_then(|response| response.header("x-ca-error-code"));
                assert_eq!(code, Some("I413FD"), "{case}");
                // Without `content-length`, the headers of a form that arrives later may have gone on.
                let body = stream.forwarded.map(|forwarded| (forwarded.body, forwarded.is_complete));
                assert!(body.is_none_or(|body| body == (Vec::new(), false)), "{case}");
            }
        }
    }
}

#[test]
fn a_request_that_waited_for_keys_first_is_edited_whenever_it_arrives() {
    let set = serving(&[(None, signing_key())]);
    let mut tried = 0;
    for (kind, mode, edits_form) in Kind::ALL
        .into_iter()
        .flat_map(|kind| MODES.map(|mode| (kind, mode)))
        .flat_map(|(kind, mode)| [true, false].map(|edits_form| (kind, mode, edits_form)))
    {
        for parts in WITH_BODY {
            for (keys_after, answer_after) in
                (0..=parts.len()).flat_map(|keys| (keys..=parts.len()).map(move |answer| (keys, answer)))
            {
                let configuration = edit_form(fetching_configuration(kind, ""), edits_form);
                let mut trial = Trial::with(kind, 1, &configuration);
                let stream = trial.site.workers[0].open(ROOT, mode).unwrap();
                let sent = headers(&signed_token("1"));
                trial.site.workers[0].headers(stream, sent.clone(), false).unwrap();
                parts[..keys_after].iter().for_each(|part| receive(&mut trial.site, stream, *part));
                assert_waits(&trial, stream);
                trial.answer_with(0, &set);
                trial.site.pass(20);
                parts[keys_after..answer_after].iter().for_each(|part| receive(&mut trial.site, stream, *part));
                happen(&mut trial, stream, Event::Won);
                let stream = finish(&mut trial, stream, &parts[answer_after..]);
                let case = format!("{kind:?}, {mode:?}, {parts:?}, {keys_after} and {answer_after}");
                let expected = if edits_form {
                    forwarded(sent, "a=1&sub=alice", parts, &[("t", "u"), ("x-sub", "mallory")])
                } else {
                    let edited = sent.into_iter().chain(owned([("x-sub", "alice")])).collect();
                    forwarded(edited, "sub=mallory&a=1", parts, &[("t", "u")])
                };
                assert_eq!((stream.forwarded, stream.response), (expected, None), "{case}");
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried} orders");
}
