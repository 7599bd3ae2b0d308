//! Each answer of an engine, and what follows: another attempt, a lease, or the decision.

use std::time::Duration;

use kit::engine_model::{Kind, Question};

use super::setup::{Trial, non_answers, token};
use crate::host::{Action, BAD_ARGUMENT, HttpCall, INTERNAL_FAILURE, Mode, Reply};
use crate::owned;
use crate::scenarios::setup::{ROOT, rejection, request};

const UNAVAILABLE: (u32, &str, &str) = (503, "S503JS", "Replay store is not available");

/// A call without its token and its time.
fn sent(call: HttpCall) -> HttpCall {
    HttpCall { token: 0, at: Duration::ZERO, ..call }
}

/// A trial whose etcd has the lease already.
fn warm(kind: Kind, fields: &str) -> Trial {
    let mut trial = Trial::start(kind, 1, fields);
    assert_eq!(trial.ask(0, &token("warm")), "forwarded as alice");
    trial
}

#[test]
fn the_engine_is_asked_with_a_hash_and_a_random_value_in_one_call() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, ", keyPrefix: 'shop/50% off.txt/', authority: 'engine:2379'");
        let mut seen = Vec::new();
        for jti in ["a", "b"] {
            let stream = trial.site.send(0, &token(jti));
            let call = trial.call(0);
            let path = if kind == Kind::Etcd { "/etcdserverpb.KV/Txn" } else { "/" };
            assert_eq!((call.cluster.as_str(), call.timeout), ("jti-store", Duration::from_millis(125)));
            let headers = [":method", ":path", ":authority"].map(|name| call.header(name).unwrap());
            assert_eq!(headers, ["POST", path, "engine:2379"]);
            assert!(call.trailers.is_empty());
            let Question::Record { key, value, .. } = trial.question(0) else { panic!("a lease") };
            let hash = key.strip_prefix(b"shop/50% off.txt/").expect("the prefix").to_vec();
            for text in [&hash, &value] {
                assert!(text.len() == 32 && text.iter().all(|byte| b"0123456789abcdef".contains(byte)), "{text:?}");
            }
            seen.extend([hash, value]);
            assert_eq!(trial.serve(0), 1);
            assert_eq!(trial.site.result(0, stream), "forwarded as alice");
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4, "two keys and two values");
        assert_eq!(trial.ask_without_a_call(0, &token("a")), "S403JU");
    }
}

#[test]
fn after_an_answer_that_was_lost_or_is_none_the_same_bytes_are_sent_again_and_win() {
    for kind in Kind::ALL {
        for (reply, _) in non_answers(kind) {
            let mut trial = warm(kind, "");
            let stream = trial.site.send(0, &token("1"));
            let first = trial.call(0);
            trial.reply(&first);
            trial.answer_with(0, &reply);
            assert_eq!(trial.site.result(0, stream), "waits", "{reply:?}");
            let second = trial.call(0);
            assert_ne!(second.token, first.token);
            assert_eq!(sent(second), sent(first), "{reply:?}");
            trial.answer(0);
            assert_eq!(trial.site.result(0, stream), "forwarded as alice", "{reply:?}");
            assert!(trial.site.calls().is_empty());
            assert_eq!(trial.ask_without_a_call(0, &token("1")), "S403JU", "{reply:?}");
        }
    }
}

#[test]
fn after_three_calls_without_an_answer_the_request_is_rejected_and_its_jti_may_be_used_up() {
    for kind in Kind::ALL {
        for (number, (reply, _)) in non_answers(kind).into_iter().enumerate() {
            let mut trial = warm(kind, "");
            let stream = trial.site.send(0, &token("1"));
            // The engine does what it is asked each time, or never.
            let is_done = number % 2 == 0;
            for _ in 0..3 {
                assert_eq!(trial.site.result(0, stream), "waits");
                let call = trial.call(0);
                if is_done {
                    trial.reply(&call);
                }
                trial.answer_with(0, &reply);
            }
            let (status, code, message) = UNAVAILABLE;
            let stream = trial.site.close(0, stream);
            assert_eq!((stream.forwarded, stream.response), (None, Some(rejection(status, code, message))));
            assert!(trial.site.calls().is_empty());
            let expected = if is_done { "S403JU" } else { "forwarded as alice" };
            assert_eq!(trial.ask(0, &token("1")), expected, "{reply:?}");
        }
    }
}

#[test]
fn all_calls_of_a_request_end_within_its_time() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, ", timeoutMilliseconds: 250");
        let stream = trial.site.send(0, &token("1"));
        // A repetition is sent a millisecond after the answer.
        for timeout in [125, 63, 61] {
            assert_eq!(trial.call(0).timeout.as_millis(), timeout);
            trial.site.pass(timeout as u64);
            trial.answer_with(0, &Reply::new(504, "upstream request timeout"));
        }
        assert_eq!((trial.site.result(0, stream).as_str(), trial.site.calls().len()), ("S503JS", 0));
        // The first call has taken all the time, so there is no second one.
        let stream = trial.site.send(0, &token("2"));
        trial.site.pass(250);
        trial.answer_with(0, &Reply::new(504, ""));
        assert_eq!((trial.site.result(0, stream).as_str(), trial.site.calls().len()), ("S503JS", 0));
    }
}

#[test]
fn a_missing_lease_is_granted_and_the_same_bytes_are_sent_again() {
    let mut trial = Trial::start(Kind::Etcd, 1, "");
    let stream = trial.site.send(0, &token("1"));
    let first = trial.call(0);
    let Question::Record { until: lease, .. } = trial.question(0) else { panic!("a lease") };
    trial.answer(0);
    let Question::Grant { id, seconds } = trial.question(0) else { panic!("no lease") };
    // The token expires after 600 s, its jti is kept 300 s longer, and clocks may differ by 60 s.
    assert!(id == lease && (960..1_100).contains(&seconds), "{id} {seconds}");
    trial.answer(0);
    let again = trial.call(0);
    assert_eq!((again.headers, again.body), (first.headers, first.body));
    assert_eq!(trial.site.result(0, stream), "waits");
    trial.answer(0);
    assert_eq!(trial.site.result(0, stream), "forwarded as alice");
    // The lease serves the next one, too.
    let stream = trial.site.send(0, &token("2"));
    assert!(matches!(trial.question(0), Question::Record { until, .. } if until == lease));
    assert_eq!(trial.serve(0), 1);
    assert_eq!(trial.site.result(0, stream), "forwarded as alice");
}

#[test]
fn a_lease_that_another_worker_has_granted_meanwhile_serves_both() {
    let mut trial = Trial::start(Kind::Etcd, 2, "");
    let streams = [trial.site.send(0, &token("1")), trial.site.send(1, &token("2"))];
    // Both find it missing, and both grant it.
    for worker in [0, 1, 0, 1] {
        trial.answer(worker);
    }
    for (worker, stream) in streams.into_iter().enumerate() {
        assert_eq!(trial.serve(worker), 1);
        assert_eq!(trial.site.result(worker, stream), "forwarded as alice");
    }
}

#[test]
fn an_etcd_that_never_has_the_lease_gets_five_calls() {
    let mut trial = Trial::start(Kind::Etcd, 1, "");
    let stream = trial.site.send(0, &token("1"));
    let missing = Reply::new(200, "").header("grpc-status", "5");
    let exists = Reply::new(200, "").header("grpc-status", "9");
    for reply in [&missing, &exists, &missing, &exists, &missing] {
        assert_eq!(trial.site.result(0, stream), "waits");
        trial.answer_with(0, reply);
    }
    assert_eq!((trial.site.result(0, stream).as_str(), trial.site.calls().len()), ("S503JS", 0));
}

#[test]
fn a_grant_without_an_answer_is_followed_by_another_transaction() {
    let mut trial = Trial::start(Kind::Etcd, 1, "");
    let stream = trial.site.send(0, &token("1"));
    trial.answer(0);
    let grant = trial.call(0);
    trial.reply(&grant);
    trial.answer_with(0, &Reply::default());
    assert!(matches!(trial.question(0), Question::Record { .. }));
    assert_eq!((trial.serve(0), trial.site.result(0, stream)), (1, "forwarded as alice".to_owned()));
}

#[test]
fn a_call_that_can_not_be_sent_is_the_decision_at_once() {
    let (http, code, message) = UNAVAILABLE;
    for (kind, status) in Kind::ALL.into_iter().flat_map(|kind| [BAD_ARGUMENT, INTERNAL_FAILURE].map(|s| (kind, s))) {
        let mut trial = warm(kind, "");
        trial.refuse_calls(0, &[status]);
        let stream = trial.site.send(0, &token("1"));
        let mut expected = rejection(http, code, message);
        expected.answers_before = 0;
        let stream = trial.site.close(0, stream);
        assert_eq!((stream.actions, stream.response), (vec![Action::Pause], Some(expected)));
        // The second call of a request.
        let stream = trial.site.send(0, &token("2"));
        trial.refuse_calls(0, &[status]);
        trial.answer_with(0, &Reply::new(503, ""));
        assert_eq!(trial.site.result(0, stream), "S503JS");
        assert!(trial.site.calls().is_empty());
        // Neither is used up.
        for jti in ["1", "2"] {
            assert_eq!(trial.ask(0, &token(jti)), "forwarded as alice");
        }
    }
}

#[test]
fn with_on_failure_local_each_worker_of_the_process_decides_alone_and_knows_the_others() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 2, ", onFailure: local");
        let stream = trial.site.send(0, &token("1"));
        let other = trial.site.send(1, &token("1"));
        for worker in [0, 1] {
            while !trial.site.workers[worker].state().http_calls.is_empty() {
                trial.answer_with(worker, &Reply::new(503, ""));
            }
        }
        assert_eq!([trial.site.result(0, stream), trial.site.result(1, other)], ["forwarded as alice", "S403JU"]);
        assert_eq!(trial.ask_without_a_call(1, &token("1")), "S403JU");
        trial.refuse_calls(1, &[INTERNAL_FAILURE]);
        assert_eq!(trial.ask_without_a_call(1, &token("2")), "forwarded as alice");
        assert_eq!(trial.ask_without_a_call(0, &token("2")), "S403JU");
    }
}

#[test]
fn a_request_that_is_rejected_for_another_reason_asks_nothing() {
    let expired = crate::key().token(None, &serde_json::json!({"exp": 1_799_999_999, "jti": "1"}));
    let without_jti = crate::key().token(None, &serde_json::json!({"exp": 1_800_000_600}));
    let mut forged = token("1");
    forged.replace_range(forged.len() - 4.., "AAAA");
    for kind in Kind::ALL {
        let mut trial = warm(kind, "");
        for (token, code) in [(&expired, "A403JE"), (&without_jti, "S403JI"), (&forged, "A403JT")] {
            assert_eq!(trial.ask_without_a_call(0, token), code);
        }
        assert_eq!(trial.ask_without_a_call(0, ""), "I400JR");
        assert_eq!(trial.ask(0, &token("1")), "forwarded as alice");
    }
}

#[test]
fn a_grpc_client_gets_a_grpc_status() {
    let mut trial = Trial::start(Kind::Redis, 1, "");
    let mut headers = request(&token("1"));
    headers.extend(owned([("content-type", "application/grpc")]));
    let stream = trial.site.workers[0].open(ROOT, Mode::Hold).unwrap();
    trial.site.workers[0].headers(stream, headers, false).unwrap();
    for _ in 0..3 {
        trial.answer_with(0, &Reply::default());
    }
    let response = trial.site.close(0, stream).response.unwrap();
    assert_eq!((response.status, response.grpc_status), (200, 14));
    assert_eq!(response.header("x-ca-error-code"), Some("S503JS"));
}
