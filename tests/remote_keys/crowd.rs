//! How many requests wait, and how long: clients that leave, the end of the time, a new configuration meanwhile.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;

use kit::envoy::{self, Update};
use kit::http::Address;
use kit::http2::{self, raw};
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, Gate};

use crate::setup::{
    KEYS, LISTENER, Site, ask, claims, eventually, listener, outcome, passed, rejected, remote, request, serving,
};
use crate::staged::open;

/// As in `src/remote_keys/places.rs`.
const PLACES: usize = 1000;

const ACTIVE: &str = "http.keys.downstream_rq_active";

/// Starts Envoy with a key server that answers when the gate is open.
fn start(binary: &Path, key: &SigningKey, gate: &Gate, fields: &str, workers: u32, drain_seconds: u32) -> Site {
    let server = serving(&[]);
    server.set(KEYS, Answer::json(&jwk_set(&[(Some("a"), key)])).behind(gate));
    let listeners = vec![listener(LISTENER, &remote(fields))];
    Site::draining_for(drain_seconds, binary, server, listeners, Vec::new(), workers)
}

/// Sends `count` requests, a hundred on each connection, and doesn't read the responses.
fn crowd(address: &Address, token: &str, count: usize) -> io::Result<Vec<UnixStream>> {
    let headers =
        [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/p"), ("x-token", token)];
    let block = raw::literal_headers(&headers.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let head = |number: u32| raw::frame(raw::HEADERS, raw::END_HEADERS | raw::END_STREAM, 2 * number + 1, &block);
    let connect = |_| {
        let mut stream = open(address)?;
        stream.write_all(&[raw::PREFACE, &raw::frame(raw::SETTINGS, 0, 0, &[])].concat())?;
        stream.write_all(&(0..100).map(head).collect::<Vec<_>>().concat())?;
        Ok(stream)
    };
    (0..count / 100).map(connect).collect()
}

#[test]
fn a_thousand_requests_wait_in_a_worker_and_those_whose_client_has_gone_leave_their_place() {
    let key = SigningKey::generate(Algorithm::ES256);
    let token = key.token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let gate = Gate::default();
        let site = start(&binary, &key, &gate, ", timeoutSeconds: 60", 1, 1);
        let address = site.address(LISTENER);
        let active = |count: usize| {
            eventually(&format!("{count} requests wait"), || site.proxy.envoy.stat(ACTIVE) == Ok(count as u64));
        };
        let gone = crowd(&address, &token, PLACES).unwrap();
        active(PLACES);
        assert_eq!(ask(&address, &token), rejected(503, "S503JW"), "no place is left");
        drop(gone);
        active(0);

        let statuses: Vec<u16> = thread::scope(|scope| {
            let waiting: Vec<_> = (0..PLACES / 100)
                .map(|_| {
                    scope.spawn(|| {
                        let request = http2::Request::get("/p").header("x-token", &token);
                        let mut connection = http2::Connection::open(&address).unwrap();
                        let responses = connection.exchange_all(vec![request; 100]);
                        responses.into_iter().map(|response| response.unwrap().status).collect::<Vec<_>>()
                    })
                })
                .collect();
            active(PLACES);
            assert_eq!(ask(&address, &token), rejected(503, "S503JW"), "all places are taken again");
            assert_eq!(site.proxy.upstream.requests(), 0);
            gate.open();
            waiting.into_iter().flat_map(|waiting| waiting.join().unwrap()).collect()
        });
        assert_eq!(statuses, [200; PLACES]);
        assert_eq!(site.proxy.upstream.requests(), PLACES);
        active(0);
        let counted = site.counted("");
        let counts = ["waited", "accepted", "refused.S503JW"].map(|name| counted.get(name).copied());
        assert_eq!(counts, [Some(2 * PLACES as u64), Some(PLACES as u64), Some(2)], "{counted:?}");
        assert_eq!(site.keys.requests(KEYS), 1);
        site.assert_healthy(&[&token]);
    }
}

#[test]
fn a_request_waits_no_longer_than_its_time_and_then_gets_s503jw() {
    let key = SigningKey::generate(Algorithm::ES256);
    let token = key.token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let gate = Gate::default();
        let site = start(&binary, &key, &gate, ", timeoutSeconds: 2", 2, 1);
        let address = site.address(LISTENER);
        let (plain, grpc) = thread::scope(|scope| {
            let plain = scope.spawn(|| kit::http::exchange(&address, &request(&token).build()).unwrap());
            let grpc = http2::Request::post("/p").header("x-token", &token).header("content-type", "application/grpc");
            let grpc = http2::exchange(&address, &grpc.body(http2::Body::EmptyData)).unwrap();
            (plain.join().unwrap(), grpc)
        });
        assert_eq!(outcome(&plain), rejected(503, "S503JW"));
        assert_eq!(plain.header("x-ca-error-message"), Some(b"JWK set is not available".as_slice()));
        assert_eq!(grpc.status, 200);
        assert_eq!(grpc.header("grpc-status"), Some(b"14".as_slice()), "{grpc:?}");
        assert_eq!(grpc.header("x-ca-error-code"), Some(b"S503JW".as_slice()));
        assert_eq!(site.proxy.upstream.requests(), 0);
        gate.open();
        eventually("the keys are fetched again", || site.get(&token) == passed("alice"));
        site.assert_healthy(&[&token]);
    }
}

/// A new configuration with the same source shares its keys and its fetch, and the requests of the old one still pass.
#[test]
fn requests_wait_through_an_update_of_the_listener() {
    let key = SigningKey::generate(Algorithm::ES256);
    let token = key.token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let gate = Gate::default();
        let mut site = start(&binary, &key, &gate, ", timeoutSeconds: 60", 2, 60);
        let address = site.address(LISTENER);
        thread::scope(|scope| {
            let asking =
                |count: usize| -> Vec<_> { (0..count).map(|_| scope.spawn(|| ask(&address, &token))).collect() };
            let before = asking(6);
            eventually("the first requests wait", || site.proxy.envoy.stat(ACTIVE) == Ok(6));
            let changed = listener(LISTENER, &(remote(", timeoutSeconds: 60") + "clockSkewSeconds: 1\n"));
            assert_eq!(site.proxy.envoy.update_listeners(&[changed]), Ok(Update::Accepted));
            let after = asking(6);
            eventually("all requests wait", || site.proxy.envoy.stat(ACTIVE) == Ok(12));
            gate.open();
            for result in before.into_iter().chain(after) {
                assert_eq!(result.join().unwrap(), passed("alice"));
            }
        });
        assert_eq!(site.keys.requests(KEYS), 1);
        site.assert_healthy(&[&token]);
    }
}

/// The listener of the waiting request ends before the keys come, and with it the root context that fetches.
#[test]
fn keys_are_fetched_again_when_the_listener_that_fetches_them_is_gone() {
    let key = SigningKey::generate(Algorithm::ES256);
    let token = key.token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let gate = Gate::default();
        let mut site = start(&binary, &key, &gate, ", timeoutSeconds: 3", 2, 1);
        let address = site.address(LISTENER);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| kit::http::exchange(&address, &request(&token).build()));
            assert_eq!(site.keys.wait_for_requests(KEYS, 1), 1);
            // This call is never answered, only later ones.
            site.keys.set(KEYS, Answer::json(&jwk_set(&[(Some("a"), &key)])));
            let changed = listener(LISTENER, &(remote(", timeoutSeconds: 3") + "clockSkewSeconds: 1\n"));
            assert_eq!(site.proxy.envoy.update_listeners(&[changed]), Ok(Update::Accepted));
            // The connection is closed with its listener, or the time of the request is over before.
            assert!(waiting.join().unwrap().map_or(true, |response| response.status != 200));
        });
        eventually("the keys are fetched again", || site.get(&token) == passed("alice"));
        assert_eq!(site.keys.requests(KEYS), 2);
        eventually("no request is left", || site.proxy.envoy.stat(ACTIVE) == Ok(0));
        site.assert_healthy(&[&token]);
    }
}
