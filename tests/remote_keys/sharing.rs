//! One fetch for a whole process: all workers and listeners share it.

use std::thread;
use std::time::Duration;

use kit::bootstrap::Cluster;
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, Gate};

use crate::setup::{KEYS, Site, ask, claims, configuration, eventually, listener, passed, rejected, remote, serving};
use crate::unknown_kid::invented;

/// More than a worker needs to take over the keys of another one.
const SOON: Duration = Duration::from_millis(1500);

#[test]
fn all_workers_and_listeners_share_one_fetch_per_source_and_one_log_line_per_turn() {
    for binary in envoy::binaries() {
        let key = SigningKey::generate(Algorithm::ES256);
        let token = key.token(Some("a"), &claims("alice"));
        let gate = Gate::default();
        let server = serving(&[]);
        server.set(KEYS, Answer::json(&jwk_set(&[(Some("a"), &key)])).behind(&gate));
        let source = |fields: &str| configuration(&format!("{{uri: 'http://issuer.test{KEYS}', {fields}}}"));
        let listeners = vec![
            listener("one", &remote("")),
            // Only the URL, the cluster and the issuer make a source.
            listener("same", &(remote(", timeoutSeconds: 7, staleSeconds: 0") + "clockSkewSeconds: 1\n")),
            listener("issuer", &source("cluster: issuer, issuer: 'https://issuer.test'")),
            listener("cluster", &source("cluster: other")),
        ];
        let names = ["one", "same", "issuer", "cluster"];
        let clusters = vec![Cluster::new("other", server.address())];
        let site = Site::with(&binary, server, listeners, clusters, 4);
        thread::sleep(SOON);
        assert_eq!(site.keys.requests(KEYS), 3, "three sources");
        gate.open();
        for name in names {
            let address = site.address(name);
            for _ in 0..20 {
                assert_eq!(ask(&address, &token), passed("alice"), "{name}");
            }
        }
        assert_eq!(site.keys.requests(KEYS), 3);

        let turn = |answer: Answer, line: &str| {
            site.keys.set(KEYS, answer);
            for name in names {
                assert_eq!(site.get_at(name, &invented(0)), rejected(403, "A403JK"), "{name}");
            }
            let lines = || site.log_lines(&format!("fetching the keys of http://issuer.test{KEYS} {line}")).len();
            eventually(line, || lines() >= 3);
            thread::sleep(SOON);
            assert_eq!(lines(), 3, "one for each source: {line}\n{}", site.proxy.envoy.log());
        };
        turn(Answer::new(500), "fails: the status was 500, not 200");
        turn(Answer::json(&jwk_set(&[(Some("a"), &key)])), "works again");
        assert_eq!(site.get_at("same", &token), passed("alice"));
        let counted = site.counted("jwks_fetches_");
        let succeeded = 6;
        let failed = site.keys.requests(KEYS) as u64 - succeeded;
        let expected = [("jwks_fetches_failed.status", failed), ("jwks_fetches_succeeded", succeeded)];
        assert_eq!(counted, expected.map(|(name, count)| (name.to_owned(), count)).into());
        site.assert_healthy(&[&token]);
    }
}
