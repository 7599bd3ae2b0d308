//! What a module sees of a request, and what goes on to the backend.

use super::{PAUSE, RESUME, ROOT, STREAM, forwarded, headers, log, vm};
use crate::host::{Action, Forwarded, Mode, Stream};

const CONTINUE: &str = "i32.const 0";

#[test]
fn by_default_the_rest_of_a_waiting_request_is_held_back_and_has_its_callbacks_when_the_headers_go_on() {
    let mut vm = vm(
        Mode::Default,
        &[
            ("request_headers", PAUSE),
            ("request_body", "(call $read (i32.const 0)) i32.const 0"),
            ("request_trailers", "(call $trailer (i32.const 2)) i32.const 0"),
            ("tick", RESUME),
        ],
    );
    assert_eq!(vm.headers(STREAM, headers(&[(":path", "/")]), false), Ok(Action::Pause));
    assert_eq!(vm.body(STREAM, b"a=1", false), Ok(None));
    assert_eq!(vm.body(STREAM, b"&b=2", false), Ok(None));
    assert_eq!(vm.trailers(STREAM, headers(&[("t", "u")])), Ok(None));
    assert!(vm.stream(STREAM).is_waiting() && vm.stream(STREAM).forwarded.is_none());
    vm.tick(ROOT).unwrap();
    assert_eq!(log(&mut vm), "0000a=1&b=20");
    let stream = vm.close(STREAM).unwrap();
    let expected = forwarded(&[(":path", "/"), ("x", "1")], "a=1&b=2", Some(&[("t", "u"), ("x", "2")]));
    assert_eq!(stream.forwarded, expected);
    assert_eq!(stream.actions, [Action::Pause, Action::Continue, Action::Continue]);
}

#[test]
fn by_default_the_held_body_has_the_end_if_it_has_arrived_and_later_parts_have_callbacks_as_usual() {
    let resumed = |end: bool| {
        let mut vm =
            vm(Mode::Default, &[("request_headers", PAUSE), ("request_body", "local.get 2"), ("tick", RESUME)]);
        vm.headers(STREAM, headers(&[]), false).unwrap();
        vm.body(STREAM, b"", end).unwrap();
        vm.tick(ROOT).unwrap();
        if !end {
            vm.body(STREAM, b"later", true).unwrap();
        }
        vm.close(STREAM).unwrap()
    };
    // The puppet pauses at the end.
    assert_eq!(resumed(true).actions, [Action::Pause, Action::Pause]);
    let stream = resumed(false);
    assert_eq!(stream.actions, [Action::Pause, Action::Continue, Action::Pause]);
    assert!(!stream.forwarded.unwrap().is_complete);
}

#[test]
fn on_hold_a_waiting_request_has_its_callbacks_and_what_is_buffered_goes_on_without_another_one() {
    let tick = format!("call $stream (call $read (i32.const 0)) (call $write (i32.const 4)) {RESUME}");
    let callbacks = [("request_headers", PAUSE), ("request_body", PAUSE), ("request_trailers", PAUSE), ("tick", &tick)];
    for with_trailers in [false, true] {
        let mut vm = vm(Mode::Hold, &callbacks);
        vm.headers(STREAM, headers(&[]), false).unwrap();
        assert_eq!(vm.body(STREAM, b"a=1", false), Ok(Some(Action::Pause)));
        assert_eq!(vm.body(STREAM, b"&b", !with_trailers), Ok(Some(Action::Pause)));
        if with_trailers {
            assert_eq!(vm.trailers(STREAM, headers(&[("t", "u")])), Ok(Some(Action::Pause)));
        }
        vm.tick(ROOT).unwrap();
        assert_eq!(log(&mut vm), "00a=1&b0000");
        let stream = vm.close(STREAM).unwrap();
        let trailers: Option<&[(&str, &str)]> = with_trailers.then_some(&[("t", "u")]);
        assert_eq!(stream.forwarded, forwarded(&[("x", "1")], "zzzz", trailers));
        assert_eq!(stream.actions.len(), if with_trailers { 4 } else { 3 });
    }
}

#[test]
fn on_hold_a_body_that_has_not_ended_can_be_rewritten_at_its_end_with_the_headers_still_waiting() {
    let body = "(if (local.get 2) (then (call $set (i32.const 1)) (call $write (i32.const 2))))
        (i32.eqz (local.get 2))";
    let mut vm = vm(Mode::Hold, &[("request_headers", PAUSE), ("request_body", body)]);
    vm.headers(STREAM, headers(&[]), false).unwrap();
    vm.body(STREAM, b"a=1", false).unwrap();
    assert_eq!(vm.stream(STREAM).forwarded, None);
    vm.body(STREAM, b"", true).unwrap();
    assert_eq!(vm.close(STREAM).unwrap().forwarded, forwarded(&[("x", "1")], "zz", None));
}

#[test]
fn on_hold_continue_from_body_or_trailers_lets_a_waiting_request_through() {
    let mut body = vm(Mode::Hold, &[("request_headers", PAUSE), ("request_body", CONTINUE)]);
    body.headers(STREAM, headers(&[]), false).unwrap();
    body.body(STREAM, b"a", true).unwrap();
    assert_eq!(body.close(STREAM).unwrap().forwarded, forwarded(&[], "a", None));
    let mut trailers =
        vm(Mode::Hold, &[("request_headers", PAUSE), ("request_body", PAUSE), ("request_trailers", CONTINUE)]);
    trailers.headers(STREAM, headers(&[]), false).unwrap();
    trailers.body(STREAM, b"a", false).unwrap();
    trailers.trailers(STREAM, headers(&[])).unwrap();
    assert_eq!(trailers.close(STREAM).unwrap().forwarded, forwarded(&[], "a", Some(&[])));
}

#[test]
fn by_default_pause_in_the_body_and_continue_in_the_trailers_that_were_held_back_loses_the_body() {
    let run = |body| {
        let mut vm = vm(
            Mode::Default,
            &[("request_headers", PAUSE), ("request_body", body), ("request_trailers", CONTINUE), ("tick", RESUME)],
        );
        vm.headers(STREAM, headers(&[]), false).unwrap();
        vm.body(STREAM, b"a=1", false).unwrap();
        vm.trailers(STREAM, headers(&[])).unwrap();
        vm.tick(ROOT).unwrap();
        vm.close(STREAM).unwrap()
    };
    let lost = run(PAUSE);
    assert_eq!(lost.forwarded, forwarded(&[("x", "1")], "", Some(&[])));
    assert_eq!(lost.actions, [Action::Pause, Action::Pause, Action::Continue, Action::Continue]);
    assert_eq!(run(CONTINUE).forwarded, forwarded(&[("x", "1")], "a=1", Some(&[])));
}

/// What the host says about a tick that does this to a request whose headers were answered with `action`.
fn violation(action: &str, tick: &str) -> String {
    let mut vm = vm(Mode::Default, &[("request_headers", action), ("tick", tick)]);
    vm.headers(STREAM, headers(&[]), true).unwrap();
    vm.tick(ROOT).map_or_else(|violation| violation, |()| "none".to_owned())
}

#[test]
fn an_edit_or_a_decision_that_comes_too_late_is_a_violation() {
    assert_eq!(violation(PAUSE, RESUME), "none");
    assert_eq!(violation(PAUSE, "call $stream call $respond"), "none");
    let late = "a header was edited after the headers had gone on";
    assert_eq!(violation(PAUSE, "call $stream call $continue (call $set (i32.const 1))"), late);
    assert_eq!(violation(CONTINUE, "call $stream (call $set (i32.const 1))"), late);
    assert_eq!(violation(PAUSE, "call $stream call $continue call $continue"), "continue_stream twice");
    assert_eq!(violation(CONTINUE, "call $stream call $continue"), "continue_stream on a stream that is not paused");
    assert_eq!(violation(PAUSE, "call $stream call $respond call $continue"), "continue_stream after a response");
    let response = "a response to a request that had gone on";
    assert_eq!(violation(PAUSE, "call $stream call $continue call $respond"), response);
    assert_eq!(violation(CONTINUE, "call $stream call $respond"), response);
    assert_eq!(violation(PAUSE, "call $stream call $respond call $respond"), "two responses");
    assert_eq!(violation(PAUSE, "(call $set (i32.const 1))"), "an edit without a stream");
    assert_eq!(violation(PAUSE, "call $continue"), "continue_stream without a stream");
    assert_eq!(violation(PAUSE, "call $respond"), "a response without a stream");
}

#[test]
fn a_stream_must_not_continue_itself_nor_reach_its_headers_after_they_went_on() {
    let mut itself = vm(Mode::Default, &[("request_headers", "call $continue i32.const 1")]);
    let violation = itself.headers(STREAM, headers(&[]), true).unwrap_err();
    assert_eq!(violation, "continue_stream in a callback of the stream itself");
    let body = "(call $list (i32.const 0)) (call $set (i32.const 1)) i32.const 0";
    let mut later = vm(Mode::Default, &[("request_headers", CONTINUE), ("request_body", body)]);
    later.headers(STREAM, headers(&[("a", "b")]), false).unwrap();
    let violation = later.body(STREAM, b"a", true).unwrap_err();
    assert_eq!(violation, "a header was edited after the headers had gone on");
    // The list is empty, and the edit fails with BadArgument.
    assert_eq!(log(&mut later), "02");
}

#[test]
fn trailers_can_be_edited_only_in_their_callback_and_while_they_wait() {
    let tick = "call $stream (call $trailer (i32.const 1))";
    for (action, is_allowed) in [(PAUSE, true), (CONTINUE, false)] {
        let callbacks = [("request_body", PAUSE), ("request_trailers", action), ("tick", tick)];
        let mut vm = vm(Mode::Hold, &callbacks);
        vm.headers(STREAM, headers(&[]), false).unwrap();
        vm.body(STREAM, b"a", false).unwrap();
        let violation = "a trailer was edited before the trailers arrived, or after they had gone on".to_owned();
        assert_eq!(vm.tick(ROOT), Err(violation.clone()));
        vm.trailers(STREAM, headers(&[])).unwrap();
        assert_eq!(vm.tick(ROOT), if is_allowed { Ok(()) } else { Err(violation) });
    }
}

#[test]
fn a_request_is_complete_only_when_its_trailers_have_gone_on() {
    let callbacks = [("request_headers", PAUSE), ("request_trailers", PAUSE), ("tick", RESUME)];
    let mut vm = vm(Mode::Default, &callbacks);
    vm.headers(STREAM, headers(&[]), false).unwrap();
    vm.body(STREAM, b"a", false).unwrap();
    vm.trailers(STREAM, headers(&[])).unwrap();
    vm.tick(ROOT).unwrap();
    let expected = Forwarded { headers: headers(&[("x", "1")]), body: b"a".to_vec(), ..Forwarded::default() };
    assert_eq!(vm.close(STREAM).unwrap().forwarded, Some(expected));
}

#[test]
fn a_body_whose_length_is_not_the_stated_one_is_a_violation() {
    let mut vm = vm(Mode::Hold, &[("request_body", "(call $write (i32.const 2)) i32.const 0")]);
    vm.headers(STREAM, headers(&[("content-length", "1")]), false).unwrap();
    assert_eq!(vm.body(STREAM, b"a", true).unwrap_err(), "content-length 1 and a body of 2 bytes");
}

#[test]
fn a_response_ends_a_waiting_request_and_nothing_is_forwarded() {
    let tick = "call $stream call $respond";
    let callbacks = [("request_headers", PAUSE), ("request_body", CONTINUE), ("tick", tick)];
    let mut vm = vm(Mode::Hold, &callbacks);
    vm.headers(STREAM, headers(&[]), false).unwrap();
    vm.tick(ROOT).unwrap();
    vm.body(STREAM, b"a", true).unwrap();
    let Stream { response, forwarded, .. } = vm.close(STREAM).unwrap();
    let response = response.unwrap();
    assert_eq!((response.status, response.body.as_slice(), response.answers_before), (403, b"x".as_slice(), 1));
    assert_eq!(forwarded, None);
}
