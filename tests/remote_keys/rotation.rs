//! Keys that change.

use std::thread;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::http::Connection;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::Answer;
use kit::proxy::filter;

use crate::setup::{KEYS, Site, claims, outcome, passed, rejected, remote, request, serving};

/// How long after a fetch a worker may still accept a removed key.
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_new_key_is_fetched_for_its_first_token_and_a_removed_one_takes_its_cached_tokens_along() {
    for binary in envoy::binaries() {
        let [gone, stays] = [Algorithm::RS256, Algorithm::ES256].map(SigningKey::generate);
        let new = SigningKey::generate(Algorithm::EdDSA);
        let listeners = ["host", "wasm"].map(|backend| {
            let backend_setting = format!("signatures: {backend}");
            Listener::new(backend, vec![filter(Configuration::Text(remote("")), Some(&backend_setting))])
        });
        let server = serving(&[(Some("gone"), &gone), (Some("stays"), &stays)]);
        let site = Site::with(&binary, server, listeners.into(), Vec::new(), 2);
        let of_gone = gone.token(Some("gone"), &claims("alice"));
        let of_stays = stays.token(Some("stays"), &claims("bob"));
        let of_new = new.token(Some("new"), &claims("carol"));

        // Enough connections to each listener that both workers have some.
        let addresses = ["host", "wasm"].map(|name| site.address(name));
        let mut connections: Vec<Connection> =
            addresses.iter().flat_map(|address| (0..8).map(|_| Connection::open(address).unwrap())).collect();
        let mut all_get = |token: &str, expected: (u16, String), when: &str| {
            for (number, connection) in connections.iter_mut().enumerate() {
                connection.send(&request(token).build()).unwrap();
                let found = outcome(&connection.receive().unwrap());
                assert_eq!(found, expected, "{when}, connection {number}: {}", site.proxy.envoy.log());
            }
        };
        // A token is cached when it comes for the second time, and then found in the cache.
        for _ in 0..3 {
            all_get(&of_gone, passed("alice"), "before");
            all_get(&of_stays, passed("bob"), "before");
        }
        assert!(site.counted("cache_hits")["cache_hits"] > 0);

        site.keys.set(KEYS, Answer::json(&jwk_set(&[(Some("stays"), &stays), (Some("new"), &new)])));
        assert_eq!(site.get_at("host", &of_new), passed("carol"));
        all_get(&of_stays, passed("bob"), "right after the fetch");
        thread::sleep(SECOND);
        all_get(&of_gone, rejected(403, "A403JK"), "after a second");
        all_get(&of_stays, passed("bob"), "after a second");
        all_get(&of_new, passed("carol"), "after a second");
        assert_eq!(site.keys.requests(KEYS), 2, "one fetch for the new key, for all workers");
        site.assert_healthy(&[&of_gone, &of_stays, &of_new]);
    }
}
