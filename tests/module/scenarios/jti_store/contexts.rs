//! Who asks, and who is still there when the answer comes: requests, ticks, workers and configurations.

use kit::engine_model::Kind;

use super::setup::{Trial, configuration, fetching_configuration, signed_token, signing_key, token};
use crate::host::{BAD_ARGUMENT, INTERNAL_FAILURE, Reply};
use crate::scenarios::setup::{ROOT, rejection, serving};

/// A trial in which requests wait for the answer to a call that fetches keys.
fn fetching(kind: Kind, fields: &str) -> Trial {
    Trial::with(kind, 1, &fetching_configuration(kind, fields))
}

/// The keys arrive.
fn give_keys(trial: &mut Trial) {
    trial.site.answer(0, &serving(&[(None, signing_key())]));
    trial.site.pass(20);
}

#[test]
fn requests_that_waited_for_keys_ask_from_one_tick_and_each_gets_its_own_answer() {
    for kind in Kind::ALL {
        let mut trial = fetching(kind, "");
        let jtis = ["1", "2", "1", "3"];
        let streams = jtis.map(|jti| trial.site.send(0, &signed_token(jti)));
        give_keys(&mut trial);
        assert_eq!(trial.site.calls().len(), 4);
        // The last one is answered first.
        while let Some(call) = trial.site.calls().last() {
            let reply = trial.reply(call);
            trial.site.workers[0].answer(call.token, &reply).unwrap();
            trial.site.pass(1);
        }
        let results = streams.map(|stream| trial.site.result(0, stream));
        let (won, lost) = ("forwarded as alice", "S403JU");
        // Which of the two wins depends on whose lease is there first.
        let is_first = results[0] == won;
        let expected = if is_first { [won, won, lost, won] } else { [lost, won, won, won] };
        assert_eq!(results, expected);
    }
}

#[test]
fn a_request_that_waited_for_keys_repeats_and_is_rejected_like_any_other() {
    for kind in Kind::ALL {
        let mut trial = fetching(kind, "");
        let streams = ["1", "2"].map(|jti| trial.site.send(0, &signed_token(jti)));
        give_keys(&mut trial);
        let first = trial.site.calls();
        // The first request gets no answer at all, the other one an answer to its second call.
        let mut lost = [0, 0];
        while let Some(call) = trial.site.calls().first() {
            let of_first = call.body == first[0].body;
            let is_lost = of_first || call.token == first[1].token;
            if is_lost {
                lost[usize::from(!of_first)] += 1;
            }
            let reply = if is_lost { Reply::default() } else { trial.reply(call) };
            trial.site.workers[0].answer(call.token, &reply).unwrap();
            trial.site.pass(1);
        }
        assert_eq!(lost, [3, 1]);
        assert_eq!(streams.map(|stream| trial.site.result(0, stream)), ["S503JS", "forwarded as alice"]);
    }
}

#[test]
fn a_call_of_a_tick_that_can_not_be_sent_decides_in_the_tick() {
    for kind in Kind::ALL {
        for status in [BAD_ARGUMENT, INTERNAL_FAILURE] {
            for (on_failure, expected) in [("refuse", "S503JS"), ("local", "forwarded as alice")] {
                let mut trial = fetching(kind, &format!(", onFailure: {on_failure}"));
                let streams = ["1", "2"].map(|jti| trial.site.send(0, &signed_token(jti)));
                trial.site.answer(0, &serving(&[(None, signing_key())]));
                trial.refuse_calls(0, &[status]);
                trial.site.pass(20);
                // Only the first one could not be sent.
                assert_eq!(trial.site.result(0, streams[0]), expected);
                assert_eq!(trial.site.result(0, streams[1]), "waits");
                trial.serve(0);
                assert_eq!(trial.site.result(0, streams[1]), "forwarded as alice");
            }
        }
    }
}

#[test]
fn an_answer_for_a_request_whose_client_has_left_changes_nothing() {
    for kind in Kind::ALL {
        for waits_for_keys in [false, true] {
            let (mut trial, token) = if waits_for_keys {
                (fetching(kind, ""), signed_token("1"))
            } else {
                (Trial::start(kind, 1, ""), token("1"))
            };
            let gone = trial.site.send(0, &token);
            if waits_for_keys {
                give_keys(&mut trial);
            }
            let stream = trial.site.close(0, gone);
            assert_eq!((stream.response, stream.forwarded), (None, None));
            assert_eq!(trial.serve(0), 1, "nobody goes on asking");
            trial.site.pass(2_000);
            // With Redis the call of the first request has used the token up; with etcd it found no lease.
            let expected = if kind == Kind::Redis { "S403JU" } else { "forwarded as alice" };
            assert_eq!(trial.ask(0, &token), expected);
        }
    }
}

#[test]
fn clients_that_leave_between_two_calls_of_a_tick_leave_the_others_alone() {
    for kind in Kind::ALL {
        let mut trial = fetching(kind, "");
        let streams: Vec<u32> = (0..10).map(|jti| trial.site.send(0, &signed_token(&jti.to_string()))).collect();
        give_keys(&mut trial);
        for stream in streams.iter().step_by(2) {
            trial.site.close(0, *stream);
        }
        trial.serve(0);
        trial.site.pass(1_000);
        for stream in streams.iter().skip(1).step_by(2) {
            assert_eq!(trial.site.result(0, *stream), "forwarded as alice");
        }
    }
}

#[test]
fn of_requests_with_one_jti_that_ask_at_the_same_time_one_is_forwarded() {
    for kind in Kind::ALL {
        for workers in [[0, 0, 0], [0, 1, 2]] {
            let mut trial = Trial::start(kind, 3, "");
            let streams = workers.map(|worker| (worker, trial.site.send(worker, &token("1"))));
            for worker in [2, 1, 0] {
                trial.serve(worker);
            }
            let mut results = streams.map(|(worker, stream)| trial.site.result(worker, stream));
            results.sort();
            assert_eq!(results, ["S403JU", "S403JU", "forwarded as alice"]);
        }
    }
}

#[test]
fn any_number_of_requests_ask_at_the_same_time() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 1, "");
        let streams: Vec<u32> = (0..1_001).map(|jti| trial.site.send(0, &token(&jti.to_string()))).collect();
        assert_eq!(trial.site.calls().len(), 1_001);
        trial.serve(0);
        trial.site.pass(1_000);
        for stream in streams {
            assert_eq!(trial.site.result(0, stream), "forwarded as alice");
            trial.site.close(0, stream);
        }
        assert_eq!((trial.site.metric("jti_store_asked"), trial.site.metric("accepted")), (1_001, 1_001));
    }
}

#[test]
fn a_request_that_asks_is_decided_by_its_own_configuration_after_an_update() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 1, "");
        let old = trial.site.send(0, &token("1"));
        let updated = configuration(kind, ", cluster: other").replacen("cluster: jti-store, ", "", 1);
        let second = trial.site.workers[0].add_root(updated.replace("X-Sub", "X-User")).unwrap();
        let new = trial.site.send_to(0, second, &token("2"));
        trial.site.pass(10);
        let clusters: Vec<_> = trial.site.calls().into_iter().map(|call| (call.root, call.cluster)).collect();
        assert_eq!(clusters, [(ROOT, "jti-store".to_owned()), (second, "other".to_owned())]);
        trial.serve(0);
        assert_eq!(trial.site.result(0, old), "forwarded as alice");
        let forwarded = trial.site.close(0, new).forwarded.unwrap();
        let user = forwarded.headers.iter().find(|(name, _)| name == "x-user");
        assert_eq!(user.map(|(_, value)| value.as_slice()), Some(&b"alice"[..]));
        trial.site.close(0, old);
        trial.site.workers[0].remove_root(ROOT).unwrap();
        trial.site.pass(2_000);
        assert_eq!(trial.site.metric("accepted"), 2);
        // The other configuration knows what both have used.
        for jti in ["1", "2"] {
            let again = trial.site.send_to(0, second, &token(jti));
            assert_eq!((trial.site.result(0, again).as_str(), trial.site.calls().len()), ("S403JU", 0));
        }
    }
}

#[test]
fn a_configuration_that_ends_with_calls_under_way_is_forgotten() {
    for kind in Kind::ALL {
        for waits_for_keys in [false, true] {
            let mut trial = if waits_for_keys { fetching(kind, "") } else { Trial::start(kind, 1, "") };
            let token = if waits_for_keys { signed_token("1") } else { token("1") };
            let gone = trial.site.send(0, &token);
            if waits_for_keys {
                give_keys(&mut trial);
            }
            let second = trial.site.workers[0].add_root(configuration(kind, "")).unwrap();
            trial.site.close(0, gone);
            trial.site.workers[0].remove_root(ROOT).unwrap();
            assert!(trial.site.calls().is_empty());
            trial.site.pass(2_000);
            let next = trial.site.send_to(0, second, &super::setup::token("2"));
            trial.serve(0);
            assert_eq!(trial.site.result(0, next), "forwarded as alice");
        }
    }
}

#[test]
fn when_a_worker_ends_while_it_asks_the_engine_knows_what_was_used() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 2, "");
        assert_eq!(trial.ask(1, &token("warm")), "forwarded as alice");
        let streams = ["written", "lost"].map(|jti| trial.site.send(0, &token(jti)));
        let calls = trial.site.calls();
        trial.reply(&calls[0]);
        assert!(streams.iter().all(|stream| trial.site.result(0, *stream) == "waits"));
        drop(trial.site.workers.remove(0));
        assert_eq!(["written", "lost"].map(|jti| trial.ask(0, &token(jti))), ["S403JU", "forwarded as alice"]);
    }
}

#[test]
fn a_jti_that_another_configuration_of_the_process_has_used_meanwhile_is_rejected() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 1, "");
        let without_engine = configuration(kind, "");
        let without_engine: String = without_engine
            .lines()
            .filter(|line| !line.starts_with("jtiStore"))
            .map(|line| format!("{line}\n"))
            .collect();
        let second = trial.site.workers[0].add_root(without_engine).unwrap();
        let asking = trial.site.send(0, &token("1"));
        let other = trial.site.send_to(0, second, &token("1"));
        assert_eq!(trial.site.result(0, other), "forwarded as alice");
        trial.serve(0);
        let stream = trial.site.close(0, asking);
        let expected = rejection(403, "S403JU", "Claim jti in JWT is used");
        assert_eq!((stream.forwarded, stream.response), (None, Some(expected)));
    }
}

#[test]
fn when_the_clock_is_set_while_a_request_asks_it_is_still_decided() {
    for kind in Kind::ALL {
        for seconds in [-86_400, -60, -1, 1, 60, 86_400] {
            let mut trial = Trial::start(kind, 1, "");
            let stream = trial.site.send(0, &token("1"));
            trial.site.process.set_clock(seconds);
            trial.answer_with(0, &Reply::default());
            // When it is set forward, the time is over.
            let expected = if seconds > 0 { "S503JS" } else { "waits" };
            assert_eq!(trial.site.result(0, stream), expected, "{seconds} s");
            trial.serve(0);
            let expected = if seconds > 0 { "S503JS" } else { "forwarded as alice" };
            assert_eq!(trial.site.result(0, stream), expected, "{seconds} s");
        }
    }
}
