//! `replayColdStart: refuse` over an update of the configuration and over a hot restart of Envoy.

use std::thread;
use std::time::Duration;

use kit::bootstrap::{Bootstrap, Configuration, Listener};
use kit::envoy::{self, Envoy, Update};
use kit::http::Connection;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{header_config, key};
use kit::upstream::Upstream;
use serde_json::json;

use crate::setup::{LISTENER, Verdict, accepted, bytes, expect, from_before_start, token, used};

#[test]
fn an_update_of_the_configuration_is_no_start() {
    for binary in envoy::binaries() {
        let mut proxy = Proxy::watched(&binary, vec![listener("clockSkewSeconds: 10")]);
        let old = old("old");
        pass_a_second();
        let (seen, unseen) = (token("seen"), token("unseen"));
        expect(&proxy, &from_before_start(&old));
        expect(&proxy, &accepted(&seen));
        pass_a_second();
        let update = proxy.envoy.update_listeners(&[listener("clockSkewSeconds: 20")]).unwrap();
        assert!(matches!(update, Update::Accepted), "{}", proxy.envoy.log());
        expect(&proxy, &from_before_start(&old));
        expect(&proxy, &used(&seen));
        // It was issued before the update and after the start.
        expect(&proxy, &accepted(&unseen));
        expect(&proxy, &used(&unseen));
    }
}

#[test]
fn a_hot_restart_is_a_start() {
    for binary in envoy::binaries() {
        let upstream = Upstream::start();
        let bootstrap = Bootstrap::fixed(upstream.address(), vec![listener("")]);
        let old = Envoy::start_replaceable(&binary, &bootstrap, 2).unwrap_or_else(|error| panic!("{error}"));
        let old = Proxy { envoy: old, upstream };
        pass_a_second();
        let (seen, unseen) = (token("seen"), token("unseen"));
        expect(&old, &accepted(&seen));
        let mut kept = Connection::open(&old.envoy.address(LISTENER).unwrap()).unwrap();
        pass_a_second();

        let Proxy { envoy, upstream } = old;
        let new = Proxy { envoy: envoy.replace().unwrap_or_else(|error| panic!("{error}")), upstream };
        pass_a_second();
        expect(&new, &from_before_start(&seen));
        expect(&new, &from_before_start(&unseen));
        let later = token("later");
        expect(&new, &accepted(&later));
        expect(&new, &used(&later));
        // What is not promised: as long as the old process serves its connections, it decides for itself.
        kept.send(&bytes(&later)).unwrap();
        assert_eq!(Verdict::of(&later, &kept.receive().unwrap()), Verdict::Accepted);

        drop(envoy);
        expect(&new, &used(&later));
        let last = token("last");
        expect(&new, &accepted(&last));
        expect(&new, &used(&last));
    }
}

fn listener(lines: &str) -> Listener {
    let lines = format!("preventJtiReplay: true\nreplayColdStart: refuse\n{lines}");
    Listener::new(LISTENER, vec![filter(Configuration::Text(header_config(&lines)), None)])
}

/// A token from before the start.
fn old(jti: &str) -> String {
    key().token(Some("k1"), &json!({"jti": jti, "iat": now() - 100, "exp": now() + 3600}))
}

/// `iat` has whole seconds: only a token of a later second is later than what was before.
fn pass_a_second() {
    thread::sleep(Duration::from_millis(1100));
}
