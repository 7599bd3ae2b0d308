//! `replayColdStart`: since when a process knows the `jti`s that were used.

use kit::engine_model::Kind;
use serde_json::json;

use super::setup::{Trial, claims, configuration, token};
use crate::host::{INTERNAL_FAILURE, Reply, Response};
use crate::scenarios::setup::{Site, rejection};

const START: &[u8] = b"jwt-auth/jti/start";

/// Without an engine.
fn alone(fields: &str) -> String {
    let configuration = configuration(Kind::Redis, "");
    format!("{}replayColdStart: refuse\n{fields}", configuration.split("jtiStore").next().unwrap())
}

/// The start that the process has recorded, in seconds since the epoch.
fn start(site: &Site) -> Option<f64> {
    let (value, _) = site.process.shared_data(START)?;
    Some(f64::from_le_bytes(value.try_into().expect("eight bytes")))
}

/// A token that was issued this many seconds after the process was started.
fn issued(after: i64, jti: &str) -> String {
    let mut claims = claims(jti);
    claims["iat"] = json!(1_800_000_000 + after);
    crate::key().token(None, &claims)
}

#[test]
fn the_first_tick_records_the_start_which_outlives_workers_and_configurations() {
    let mut site = Site::start(1, &alone(""));
    site.pass(0);
    assert_eq!(start(&site), None);
    site.pass(1);
    let first = start(&site).expect("a start");
    assert!((1_800_000_000.0..1_800_000_001.0).contains(&first), "{first}");
    site.pass(60_000);
    site.add_worker(&alone(""));
    site.workers[0].add_root(alone("clockSkewSeconds: 5\n")).unwrap();
    site.pass(60_000);
    drop(site.workers.remove(0));
    site.add_worker(&alone(""));
    site.pass(60_000);
    assert_eq!(start(&site), Some(first));
    // A worker that is started later accepts what was issued after the start of the process.
    assert_eq!(site.ask(1, &issued(1, "1")), "forwarded as alice");
    assert_eq!(site.ask(1, &issued(-1, "2")), "A403JT");
}

#[test]
fn the_start_is_recorded_also_before_an_update_to_refuse() {
    let mut site = Site::start(1, &alone("").replace("refuse", "accept"));
    site.pass(2_000);
    let first = start(&site).expect("a start");
    assert_eq!(site.ask(0, &issued(-100, "first")), "forwarded as alice");
    let second = site.workers[0].add_root(alone("")).unwrap();
    site.pass(2_000);
    for (after, expected) in [(-1, "A403JT"), (1, "forwarded as alice")] {
        let stream = site.send_to(0, second, &issued(after, &after.to_string()));
        assert_eq!(site.result(0, stream), expected);
    }
    assert_eq!(start(&site), Some(first));
}

#[test]
fn a_token_from_before_the_start_is_rejected_until_all_of_them_are_expired() {
    let mut site = Site::start(1, &alone("maxTokenLifetimeSeconds: 300\n"));
    site.pass(1);
    let old = |exp: i64| crate::key().token(None, &json!({"sub": "alice", "iat": exp - 299, "exp": exp, "jti": "1"}));
    let stream = site.send(0, &old(1_800_000_200));
    let message = "Invalid JWT: claim iat is not after the start of the replay store";
    let expected = Response { answers_before: 0, ..rejection(403, "A403JT", message) };
    assert_eq!(site.close(0, stream).response, Some(expected));
    // Without `iat`.
    let nameless = crate::key().token(None, &json!({"sub": "alice", "exp": 1_800_000_200, "jti": "1"}));
    assert_eq!(site.ask(0, &nameless), "A403JT");
    site.pass(300_000);
    let later = crate::key().token(None, &json!({"sub": "alice", "exp": 1_800_000_500, "jti": "1"}));
    assert_eq!(site.ask(0, &later), "A403JT");
    site.pass(1_000);
    assert_eq!(site.ask(0, &later), "forwarded as alice");
}

#[test]
fn with_an_engine_it_governs_only_what_this_process_decides_alone() {
    for kind in Kind::ALL {
        let configuration = format!("{}replayColdStart: refuse\n", configuration(kind, ", onFailure: local"));
        let mut trial = Trial::with(kind, 1, &configuration);
        trial.site.pass(2_000);
        assert_eq!(trial.ask(0, &issued(-100, "known to the engine")), "forwarded as alice");
        for (after, expected) in [(-100, "A403JT"), (1, "forwarded as alice")] {
            let token = issued(after, &format!("alone {after}"));
            let stream = trial.site.send(0, &token);
            while !trial.site.calls().is_empty() {
                trial.answer_with(0, &Reply::new(503, ""));
            }
            assert_eq!(trial.site.result(0, stream), expected);
            trial.refuse_calls(0, &[INTERNAL_FAILURE]);
            let again = trial.site.ask(0, &token);
            assert_eq!(again, if after < 0 { "A403JT" } else { "S403JU" });
        }
        trial.site.pass(1_000);
        assert_eq!(trial.site.metric("jti_store_decided_alone"), 3);
    }
}

#[test]
fn a_request_before_the_first_tick_records_the_start() {
    let mut site = Site::start(1, &alone(""));
    assert_eq!(site.ask(0, &token("1")), "forwarded as alice");
    assert_eq!(start(&site), Some(1_800_000_000.0));
    site.pass(1_000);
    assert_eq!(start(&site), Some(1_800_000_000.0));
}
