//! Proofs of possession on several workers of one Envoy: each is accepted once, and they have a limit of their own.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use kit::bootstrap::{Configuration, Listener};
use kit::dpop::{Client, get_with_proof};
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{Proxy, filter, now};
use kit::rows::dpop::{RESOURCE, bad_proof, bound_token, server};
use kit::rows::{Request, World};
use serde_json::json;

fn proxy(binary: &std::path::Path, lines: &str) -> Proxy {
    Proxy::start(binary, vec![Listener::new("api", vec![filter(Configuration::Text(server("", lines)), None)])])
}

fn full(request: Request) -> kit::rows::Step {
    request.challenged(503, "S503JF", "Replay store is full, try again later", &[])
}

#[test]
fn exactly_one_of_many_requests_with_the_same_proof_on_two_workers_passes() {
    const PROOFS: usize = 100;
    const CLIENTS: usize = 8;
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let proxy = proxy(&binary, "");
        let client = Client::new(SigningKey::cached(Algorithm::ES256), world.now);
        let token = bound_token(&world, &client);
        let requests: Vec<_> = (0..PROOFS).map(|_| get_with_proof(&token, client.proof(&token).sign())).collect();
        let start = Barrier::new(CLIENTS);
        let statuses: Vec<Vec<u16>> = thread::scope(|scope| {
            let client = || {
                let send = |request| {
                    start.wait();
                    proxy.send("api", request).status
                };
                requests.iter().map(send).collect()
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let failures: Vec<_> = (0..PROOFS)
            .filter_map(|proof| {
                let answers: Vec<_> = statuses.iter().map(|client| client[proof]).collect();
                let count = |status| answers.iter().filter(|&&answer| answer == status).count();
                (count(200) != 1 || count(401) != CLIENTS - 1).then(|| format!("proof {proof}: {answers:?}"))
            })
            .collect();
        proxy.report(&failures);
        let workers = proxy.envoy.stats("downstream_cx_total").unwrap();
        let busy = workers.iter().filter(|(name, count)| name.contains("worker_") && **count > 0).count();
        assert_eq!(busy, 2, "not both workers got requests: {workers:?}");
    }
}

#[test]
fn a_full_store_rejects_new_proofs_until_old_ones_are_too_old() {
    // Long enough for the few requests before the wait below, also on a busy machine.
    const LEFT: u64 = 10;
    for binary in envoy::binaries() {
        let proxy = proxy(&binary, "maxTrackedJtis: 3");
        let world = World { now: now() };
        // A proof is kept for 301 seconds after its iat.
        let old = world.now + LEFT - 301;
        let client = Client::new(SigningKey::cached(Algorithm::ES256), world.now);
        let token = bound_token(&world, &client);
        let request = |issued_at: u64| get_with_proof(&token, client.proof(&token).claim("iat", issued_at).sign());
        let first = request(old);
        let mut results = vec![proxy.run("api", &first.clone().passes())];
        results.extend((0..2).map(|_| proxy.run("api", &request(old).passes())));
        results.push(proxy.run("api", &full(request(old))));
        results.push(proxy.run("api", &full(request(world.now))));
        results.push(proxy.run("api", &bad_proof(first, "it was used before")));
        while now() <= world.now + LEFT {
            thread::sleep(Duration::from_millis(100));
        }
        results.push(proxy.run("api", &request(world.now).passes()));
        let mut failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        let counted = proxy.counted();
        if counted.get("refused.S503JF") != Some(&2) {
            failures.push(format!("S503JF should be counted twice: {counted:?}"));
        }
        proxy.report(&failures);
    }
}

/// Proofs, of which each request has one, must not use up the places of tokens.
#[test]
fn proofs_and_tokens_have_separate_limits() {
    for binary in envoy::binaries() {
        let proxy = proxy(&binary, "preventJtiReplay: true\nmaxTrackedJtis: 3");
        let world = World { now: now() };
        let client = Client::new(SigningKey::cached(Algorithm::ES256), world.now);
        let request = |jti: &str| {
            let members = json!({"aud": RESOURCE, "jti": jti, "cnf": {"jkt": client.thumbprint()}});
            let token = world.token(&members);
            get_with_proof(&token, client.proof(&token).sign())
        };
        let results = ["a", "b", "c"]
            .map(|jti| proxy.run("api", &request(jti).passes()))
            .into_iter()
            .chain([proxy.run("api", &full(request("d")))]);
        proxy.report(&results.filter_map(Result::err).collect::<Vec<_>>());
    }
}
