//! Counters and log lines about an engine.

use kit::engine_model::Kind;

use super::setup::{Trial, non_answers, token};
use crate::host::{BAD_ARGUMENT, INTERNAL_FAILURE, Reply};
use crate::scenarios::setup::Site;

const REASONS: [&str; 6] = ["no_cluster", "no_host", "no_answer", "status", "engine_error", "malformed"];

/// The counters of the reasons that are not 0.
fn failures(site: &Site) -> Vec<(&'static str, u64)> {
    let counted = REASONS.map(|reason| (reason, site.metric(&format!("jti_store_failed.{reason}"))));
    counted.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// `jti_store_asked`, `jti_store_calls` and `jti_store_decided_alone`.
fn counts(site: &Site) -> [u64; 3] {
    ["asked", "calls", "decided_alone"].map(|name| site.metric(&format!("jti_store_{name}")))
}

fn line(level: u32, text: &str) -> (u32, String) {
    (level, format!("jwt-auth: {text}"))
}

#[test]
fn nothing_is_defined_for_a_configuration_without_an_engine() {
    let configuration = super::setup::configuration(Kind::Redis, "");
    let mut site = Site::start(1, configuration.split("jtiStore").next().unwrap());
    site.pass(2_000);
    assert_eq!(site.ask(0, &token("1")), "forwarded as alice");
    for name in ["jti_store_asked", "jti_store_calls", "jti_store_decided_alone", "jti_store_failed.status"] {
        assert_eq!(site.process.metric(&format!("jwt_auth.{name}")), None, "{name}");
    }
}

#[test]
fn requests_and_calls_are_counted_once_for_all_workers() {
    for (kind, calls) in [(Kind::Redis, 2), (Kind::Etcd, 4)] {
        let mut trial = Trial::start(kind, 2, "");
        assert_eq!((counts(&trial.site), failures(&trial.site)), ([0; 3], vec![]));
        assert_eq!(trial.ask(0, &token("1")), "forwarded as alice");
        assert_eq!(trial.ask(1, &token("2")), "forwarded as alice");
        assert_eq!(trial.ask_without_a_call(1, &token("1")), "S403JU");
        trial.site.pass(1_000);
        assert_eq!((counts(&trial.site), failures(&trial.site)), ([2, calls, 0], vec![]));
        assert_eq!((trial.site.metric("accepted"), trial.site.metric("refused.S403JU")), (2, 1));
        assert_eq!(trial.site.log(), []);
    }
}

#[test]
fn each_failure_is_counted_by_its_reason_once_for_a_request() {
    for kind in Kind::ALL {
        for (reply, reason) in non_answers(kind) {
            let mut trial = Trial::start(kind, 1, "");
            let stream = trial.site.send(0, &token("1"));
            for _ in 0..3 {
                trial.answer_with(0, &reply);
            }
            trial.site.pass(1_000);
            assert_eq!(trial.site.result(0, stream), "S503JS", "{reply:?}");
            assert_eq!((counts(&trial.site), failures(&trial.site)), ([1, 3, 0], vec![(reason, 1)]), "{reply:?}");
            assert_eq!((trial.site.metric("accepted"), trial.site.metric("refused.S503JS")), (0, 1));
        }
        for (status, reason) in [(BAD_ARGUMENT, "no_cluster"), (INTERNAL_FAILURE, "no_host")] {
            let mut trial = Trial::start(kind, 1, ", onFailure: local");
            trial.refuse_calls(0, &[status]);
            assert_eq!(trial.ask(0, &token("1")), "forwarded as alice");
            trial.site.pass(1_000);
            assert_eq!((counts(&trial.site), failures(&trial.site)), ([1, 1, 1], vec![(reason, 1)]));
            assert_eq!((trial.site.metric("accepted"), trial.site.metric("refused.S503JS")), (1, 0));
        }
    }
}

#[test]
fn a_process_writes_one_line_when_the_engine_fails_and_one_when_it_answers_again() {
    for kind in Kind::ALL {
        let mut trial = Trial::start(kind, 2, "");
        let ask_in_vain = |trial: &mut Trial, jti: &str| {
            for worker in [0, 1] {
                let stream = trial.site.send(worker, &token(&format!("{jti} {worker}")));
                for _ in 0..3 {
                    trial.answer_with(worker, &Reply::new(503, ""));
                }
                assert_eq!(trial.site.result(worker, stream), "S503JS");
            }
        };
        ask_in_vain(&mut trial, "first");
        trial.site.pass(1_000);
        let engine = format!("jtiStore: {} (cluster jti-store)", kind.name());
        let reason = "the status was 503; Envoy answers so when it can't connect or TLS fails";
        let fails = line(3, &format!("{engine} does not say whether a jti was used: {reason}"));
        assert_eq!(trial.site.log(), std::slice::from_ref(&fails));
        for round in 0..20 {
            ask_in_vain(&mut trial, &round.to_string());
            trial.site.pass(1_000);
        }
        assert_eq!(trial.site.log(), []);
        for worker in [0, 1] {
            assert_eq!(trial.ask(worker, &token(&format!("good {worker}"))), "forwarded as alice");
        }
        trial.site.pass(1_000);
        assert_eq!(trial.site.log(), [line(2, &format!("{engine} says again whether a jti was used"))]);
        trial.site.pass(20_000);
        ask_in_vain(&mut trial, "again");
        trial.site.pass(1_000);
        assert_eq!(trial.site.log(), [fails]);
    }
}

#[test]
fn what_the_engine_says_is_escaped_and_cut_in_the_log() {
    let mut trial = Trial::start(Kind::Redis, 1, "");
    trial.site.send(0, &token("1"));
    let error = format!(r#"{{"SET":[false,"ERR\n\u001b[31m\u00e9 {}"]}}"#, "long ".repeat(100));
    for _ in 0..3 {
        trial.answer_with(0, &Reply::new(200, error.as_str()));
    }
    trial.site.pass(1_000);
    let log = trial.site.log();
    let [(3, text)] = log.as_slice() else { panic!("{log:?}") };
    assert!(text.is_ascii() && !text.contains(|c: char| c.is_control()) && text.len() < 400, "{text}");
    assert!(text.contains("the engine reported: ERR"), "{text}");
}
