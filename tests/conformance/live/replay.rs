//! Replay protection across workers, updates and filters.

use std::sync::Barrier;
use std::thread;

use kit::bootstrap::{Configuration, Listener, WasmFilter};
use kit::envoy::{self, Update};
use kit::proxy::{Proxy, filter, now};
use kit::rows::{self, World, get, header_config};
use serde_json::json;

fn listener(name: &str, lines: &str) -> Listener {
    Listener::new(name, vec![filter(Configuration::Text(header_config(lines)), None)])
}

#[test]
fn exactly_one_of_many_requests_with_the_same_jti_on_two_workers_passes() {
    const JTIS: usize = 200;
    const CLIENTS: usize = 8;
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let proxy = Proxy::start(&binary, vec![listener("once", "preventJtiReplay: true")]);
        let tokens: Vec<_> = (0..JTIS).map(|jti| world.token(&json!({"jti": format!("race{jti}")}))).collect();
        let start = Barrier::new(CLIENTS);
        let statuses: Vec<Vec<u16>> = thread::scope(|scope| {
            let client = || {
                tokens
                    .iter()
                    .map(|token| {
                        start.wait();
                        proxy.send("once", &get().token(token)).status
                    })
                    .collect()
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let failures: Vec<_> = (0..JTIS)
            .filter_map(|jti| {
                let answers: Vec<_> = statuses.iter().map(|client| client[jti]).collect();
                let passed = answers.iter().filter(|&&status| status == 200).count();
                let used = answers.iter().filter(|&&status| status == 403).count();
                (passed != 1 || used != CLIENTS - 1).then(|| format!("jti {jti}: {answers:?}"))
            })
            .collect();
        proxy.report(&failures);
        let workers = proxy.envoy.stats("downstream_cx_total").unwrap();
        let busy = workers.iter().filter(|(name, count)| name.contains("worker_") && **count > 0).count();
        assert_eq!(busy, 2, "not both workers got requests: {workers:?}");
    }
}

#[test]
fn used_jtis_outlive_a_listener_update_and_are_shared_by_instances_of_one_vm_id() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({"jti": "updated"}));
        let mut proxy = Proxy::watched(&binary, vec![listener("a", "preventJtiReplay: true")]);
        let first = proxy.run("a", &get().token(&token).passes());
        let update = proxy
            .envoy
            .update_listeners(&[
                listener("a", "preventJtiReplay: true\nclockSkewSeconds: 1\nmaxTrackedJtis: 5"),
                listener("b", "preventJtiReplay: true\nmaxTrackedJtis: 10000000"),
            ])
            .unwrap();
        assert!(matches!(update, Update::Accepted), "{}", proxy.envoy.log());
        let used = || get().token(&token).rejected("S403JU", "Claim jti in JWT is used");
        let results = [first, proxy.run("a", &used()), proxy.run("b", &used())];
        proxy.report(&results.into_iter().filter_map(Result::err).collect::<Vec<_>>());
    }
}

/// A clock skew of up to 300 seconds on another listener, or after an update, must not make a used `jti` valid again.
#[test]
fn a_used_jti_stays_used_for_listeners_and_updates_with_a_greater_clock_skew() {
    // Long enough for the first request, also on a busy machine.
    const LIFETIME: u64 = 4;
    for binary in envoy::binaries() {
        let lines = |skew: u64| format!("preventJtiReplay: true\nclockSkewSeconds: {skew}");
        let listeners = |first: u64| [listener("first", &lines(first)), listener("wide", &lines(300))];
        let mut proxy = Proxy::watched(&binary, listeners(0).to_vec());
        let start = now();
        let world = World { now: start };
        let request = |jti: &str| get().token(world.token(&json!({"jti": jti, "exp": start + LIFETIME})));
        let used = || request("skew").rejected("S403JU", "Claim jti in JWT is used");
        let mut results = vec![proxy.run("first", &request("skew").passes())];
        while now() <= start + LIFETIME {
            thread::sleep(std::time::Duration::from_millis(100));
        }
        results.push(proxy.run("wide", &used()));
        results.push(proxy.run("wide", &request("unused").passes()));
        let expired = format!("JWT is expired at {}", rows::date(start + LIFETIME));
        results.push(proxy.run("first", &request("skew").rejected("A403JE", expired)));
        let update = proxy.envoy.update_listeners(&listeners(300)).unwrap();
        assert!(matches!(update, Update::Accepted), "{}", proxy.envoy.log());
        results.push(proxy.run("first", &used()));
        proxy.report(&results.into_iter().filter_map(Result::err).collect::<Vec<_>>());
    }
}

/// The command `check` warns about such a chain.
#[test]
fn two_replay_filters_in_one_chain_reject_every_request_unless_their_jtis_are_separate() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let filters = |vm_id: &str, parameter: &str| {
            let first = filter(Configuration::Text(header_config("preventJtiReplay: true")), None);
            let text = rows::config(&format!("parameter: {parameter}\npreventJtiReplay: true"));
            let mut second = WasmFilter { name: "second".to_owned(), ..filter(Configuration::Text(text), None) };
            second.vm_id = vm_id.to_owned();
            vec![first, second]
        };
        let proxy = Proxy::start(
            &binary,
            vec![
                Listener::new("shared", filters("", "X-Token")),
                Listener::new("apart", filters("other", "X-Token")),
                Listener::new("other", filters("", "X-Second")),
            ],
        );
        let token = |jti: &str| world.token(&json!({"jti": jti}));
        let used = "Claim jti in JWT is used";
        let results = [
            proxy.run("shared", &get().token(token("shared")).rejected("S403JU", used)),
            proxy.run("apart", &get().token(token("apart")).passes()),
            proxy.run("other", &get().token(token("other1")).header("X-Second", token("other2")).passes()),
        ];
        proxy.report(&results.into_iter().filter_map(Result::err).collect::<Vec<_>>());
    }
}

#[test]
fn a_full_store_rejects_new_jtis_until_old_ones_have_expired() {
    for binary in envoy::binaries() {
        let proxy = Proxy::start(
            &binary,
            vec![listener("small", "preventJtiReplay: true\nmaxTrackedJtis: 3\nclockSkewSeconds: 300")],
        );
        // Long enough for the few requests before the wait below, also on a busy machine.
        const LIFETIME: u64 = 8;
        let start = now();
        let world = World { now: start };
        // The token is expired and only accepted because of the clock skew. So the 300 seconds that its jti is kept
        // after expiry are almost over.
        let exp = start + LIFETIME - 300;
        let request = |jti: &str| get().token(world.token(&json!({"jti": jti, "exp": exp})));
        let late = || get().token(world.token(&json!({"jti": "late"})));
        let full = |request: rows::Request| request.rejected("S503JF", "Replay store is full, try again later");
        let mut results: Vec<_> =
            ["a", "b", "c"].iter().map(|jti| proxy.run("small", &request(jti).passes())).collect();
        results.push(proxy.run("small", &full(request("d"))));
        results.push(proxy.run("small", &full(late())));
        results.push(proxy.run("small", &request("a").rejected("S403JU", "Claim jti in JWT is used")));
        while now() <= start + LIFETIME {
            thread::sleep(std::time::Duration::from_millis(100));
        }
        results.push(proxy.run("small", &late().passes()));
        let mut failures: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        let said = proxy.envoy.log().matches("the replay store is full").count();
        if said != 1 {
            failures.push(format!("the log reports a full store {said} times"));
        }
        let counted = proxy.counted();
        if counted.get("refused.S503JF") != Some(&2) {
            failures.push(format!("S503JF should be counted twice: {counted:?}"));
        }
        proxy.report(&failures);
    }
}
