//! `replayColdStart: refuse` over a restart of Envoy.

use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::engines::Persistence;
use kit::envoy;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{header_config, key};
use serde_json::{Value, json};

use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, LISTENER, Settings, accepted, expect, from_before_start, unavailable, used};

/// `maxTokenLifetimeSeconds` in the test that waits for its end.
const SHORT_LIFETIME: u64 = 6;

#[test]
fn after_a_restart_a_token_from_before_is_refused_and_a_new_one_passes_once() {
    for binary in envoy::binaries() {
        let used_before = issued("before", json!(now()));
        let first = start(&binary, 3600);
        // The clock has whole seconds in `iat`, so the token is as old as the start.
        thread::sleep(Duration::from_millis(1100));
        let accepted_before = issued("accepted before", json!(now()));
        expect(&first, &from_before_start(&used_before));
        expect(&first, &accepted(&accepted_before));
        expect(&first, &used(&accepted_before));
        drop(first);

        thread::sleep(Duration::from_millis(1100));
        let second = start(&binary, 3600);
        thread::sleep(Duration::from_millis(1100));
        expect(&second, &from_before_start(&accepted_before));
        let new = issued("new", json!(now()));
        expect(&second, &accepted(&new));
        expect(&second, &used(&new));
        expect(&second, &from_before_start(&issued("without iat", Value::Null)));
        expect(&second, &from_before_start(&issued("from the future", json!(now() + 30))));
        // clockSkewSeconds
        expect(&second, &accepted(&issued("ahead", json!(now() + 3))));
    }
}

#[test]
fn after_the_longest_lifetime_every_token_is_from_after_the_start() {
    let proxy = start(&newest_envoy(), SHORT_LIFETIME);
    let without_iat = |jti: &str| {
        let claims = json!({"iss": "https://issuer.test", "jti": jti, "exp": now() + SHORT_LIFETIME - 2});
        key().token(Some("k1"), &claims)
    };
    expect(&proxy, &from_before_start(&without_iat("early")));
    thread::sleep(Duration::from_secs(SHORT_LIFETIME + 1));
    let late = without_iat("late");
    expect(&proxy, &accepted(&late));
    expect(&proxy, &used(&late));
}

#[test]
fn with_an_engine_it_governs_only_what_the_process_decides_alone() {
    let engine = Engine::redis(Persistence::Nothing);
    let Engine::Redis(redis, _) = &engine else { unreachable!() };
    let old = |jti: &str| issued(jti, json!(now() - 60));
    for (store, alone) in [("", false), (", onFailure: local", true)] {
        redis.process().restart().unwrap();
        engine.revive();
        let lines = "replayColdStart: refuse\nmaxTokenLifetimeSeconds: 7200".to_owned();
        let settings = Settings {
            envoys: 1,
            workers: 1,
            timeout_milliseconds: 1000,
            store: store.to_owned(),
            lines,
            ..Settings::default()
        };
        let fleet = Fleet::start(&newest_envoy(), &engine, &settings);
        let (first, second) = (old(&format!("first {alone}")), old(&format!("second {alone}")));
        fleet.expect(0, &accepted(&first));
        fleet.expect(0, &used(&first));
        redis.process().kill();
        fleet.expect(0, &used(&first));
        fleet.expect(0, &if alone { from_before_start(&second) } else { unavailable(&second) });
        if alone {
            thread::sleep(Duration::from_millis(1100));
            let new = issued("new with an engine", json!(now()));
            fleet.expect(0, &accepted(&new));
            fleet.expect(0, &used(&new));
            assert_eq!(fleet.counted(0)["decided_alone"], 2);
        }
        fleet.assert_healthy(&[&first, &second]);
    }
}

/// An Envoy without an engine.
fn start(binary: &Path, max_lifetime: u64) -> Proxy {
    let lines = format!(
        "preventJtiReplay: true\nreplayColdStart: refuse\nclockSkewSeconds: 10\nmaxTokenLifetimeSeconds: {max_lifetime}"
    );
    let filter = filter(Configuration::Text(header_config(&lines)), None);
    Proxy::start(binary, vec![Listener::new(LISTENER, vec![filter])])
}

/// A token with this `jti` and `iat`.
fn issued(jti: &str, issued_at: Value) -> String {
    let mut claims = json!({"iss": "https://issuer.test", "jti": jti, "exp": now() + 1800});
    if issued_at != Value::Null {
        claims["iat"] = issued_at;
    }
    key().token(Some("k1"), &claims)
}
