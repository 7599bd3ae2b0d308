//! Many requests with one `jti` at the same time, at all workers of two Envoys.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use kit::envoy;
use kit::http::Connection;

use crate::record::{Record, counted, name};
use crate::setup::{Engine, Fleet, LISTENER, Settings, Verdict};

/// How many connections each Envoy has. Each sends every token.
const CONNECTIONS: usize = 4;

#[test]
fn one_of_eight_requests_at_the_same_time_is_accepted() {
    for binary in envoy::binaries() {
        race(&binary, 200);
    }
}

#[test]
#[ignore = "takes minutes for each Envoy: CONTRIBUTING.md"]
fn of_ten_thousand_jtis_each_is_accepted_once() {
    for binary in envoy::binaries() {
        race(&binary, 10_000);
    }
}

fn race(binary: &Path, jtis: usize) {
    let engine = Engine::etcd(3);
    let fleet = Fleet::start(binary, &engine, &Settings::default());
    let record = Record::with_tokens(jtis);
    let envoys = fleet.proxies.len();
    let connections: Vec<_> = (0..envoys).flat_map(|envoy| on_all_workers(&fleet, envoy)).collect();
    let clients = connections.len();

    let together = Barrier::new(clients);
    let begin = Instant::now();
    thread::scope(|scope| {
        for (envoy, mut connection) in connections {
            let (record, together) = (&record, &together);
            scope.spawn(move || {
                for index in 0..jtis {
                    together.wait();
                    record.ask(&mut connection, envoy, index);
                }
            });
        }
    });
    let took = begin.elapsed();

    record.assert_once(&fleet);
    for (index, answers) in record.by_token().iter().enumerate() {
        let mut verdicts: Vec<_> = answers.iter().map(|answer| answer.verdict.clone()).collect();
        verdicts.sort();
        let expected = [vec![Verdict::Accepted], vec![Verdict::Used; clients - 1]].concat();
        assert_eq!(verdicts, expected, "token {index}: {answers:?}");
    }
    let mut asked = Vec::new();
    for counted in counted(&fleet) {
        assert!(!counted.keys().any(|name| !["asked", "calls"].contains(&name.as_str())), "{counted:?}");
        // An Envoy knows a jti only after it has asked for it.
        assert!(counted["asked"] >= jtis as u64, "{counted:?}");
        asked.push(counted["asked"]);
    }
    println!(
        "{}: {jtis} jtis, {clients} requests each: {:.0} requests a second; each accepted once, {} times S403JU; the \
         Envoys asked etcd {asked:?} times",
        name(binary),
        (jtis * clients) as f64 / took.as_secs_f64(),
        jtis * (clients - 1),
    );
}

/// Connections to an Envoy, of which each worker serves at least one.
fn on_all_workers(fleet: &Fleet, envoy: usize) -> Vec<(usize, Connection)> {
    let proxy = &fleet.proxies[envoy];
    loop {
        let open = |_| (envoy, Connection::open(&fleet.address(envoy)).unwrap());
        let connections: Vec<_> = (0..CONNECTIONS).map(open).collect();
        // Time for the workers to accept them.
        thread::sleep(Duration::from_millis(100));
        let served = |worker| {
            let stats = proxy.envoy.stats(&format!("worker_{worker}.downstream_cx_active")).unwrap();
            stats.iter().any(|(name, count)| name.starts_with("listener.") && name.contains(LISTENER) && *count > 0)
        };
        if served(0) && served(1) {
            return connections;
        }
        drop(connections);
    }
}
