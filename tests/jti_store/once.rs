//! A `jti` is accepted once by all Envoys of an engine.

use std::sync::Barrier;
use std::thread;

use kit::engines::Persistence;
use kit::envoy;
use kit::http::Connection;
use kit::proxy::now;

use crate::setup::{
    Engine, Fleet, ISSUER, PREFIX, Settings, Verdict, accepted, bytes, token, token_until, unavailable, used,
};

fn engines() -> [Engine; 2] {
    [Engine::etcd(3), Engine::redis(Persistence::Nothing)]
}

#[test]
fn a_jti_is_accepted_once_by_all_envoys_of_an_engine() {
    for engine in engines() {
        for binary in envoy::binaries() {
            let fleet = Fleet::start(&binary, &engine, &Settings::default());
            let name = |number| format!("{}/{number}", binary.display());
            let (first, second) = (token(&name(1)), token(&name(2)));
            fleet.expect(0, &accepted(&first));
            fleet.expect(0, &used(&first));
            fleet.expect(1, &used(&first));
            fleet.expect(1, &accepted(&second));
            fleet.expect(0, &used(&second));
            // Another token with the same jti.
            fleet.expect(1, &used(&token_until(&name(1), now() + 600)));
            for envoy in 0..2 {
                let counted = fleet.counted(envoy);
                let others: Vec<_> = counted.keys().filter(|name| !["asked", "calls"].contains(&&***name)).collect();
                // What an Envoy has accepted or found used, it knows without the engine.
                assert_eq!((counted["asked"], others), (2, Vec::new()), "{} {counted:?}", engine.kind());
            }
            fleet.assert_healthy(&[&first, &second]);
        }
    }
}

#[test]
fn of_requests_at_the_same_time_one_is_accepted() {
    for engine in engines() {
        for binary in envoy::binaries() {
            let fleet = Fleet::start(&binary, &engine, &Settings::default());
            let tokens: Vec<_> = (0..50).map(|number| token(&format!("{}/{number}", binary.display()))).collect();
            let start = Barrier::new(4);
            let send_all = |envoy| {
                let mut connection = Connection::open(&fleet.address(envoy)).unwrap();
                let send = |token: &String| {
                    start.wait();
                    connection.send(&bytes(token)).unwrap();
                    Verdict::of(token, &connection.receive().unwrap())
                };
                tokens.iter().map(send).collect()
            };
            // Two connections to each of two Envoys.
            let verdicts: Vec<Vec<Verdict>> = thread::scope(|scope| {
                let send_all = &send_all;
                let threads = [0, 1, 0, 1].map(|envoy| scope.spawn(move || send_all(envoy)));
                threads.map(|thread| thread.join().unwrap()).into()
            });
            for (number, token) in tokens.iter().enumerate() {
                let mut found: Vec<_> = verdicts.iter().map(|all| all[number].clone()).collect();
                found.sort();
                let expected = [Verdict::Accepted, Verdict::Used, Verdict::Used, Verdict::Used];
                assert_eq!(found, expected, "{}", engine.kind());
                assert_eq!(fleet.ask(number % 2, token), Verdict::Used, "{}", engine.kind());
            }
            let reached: usize = fleet.proxies.iter().map(|proxy| proxy.upstream.requests()).sum();
            assert_eq!(reached, tokens.len(), "{}", engine.kind());
        }
    }
}

#[test]
fn an_engine_gets_only_a_hash_and_keeps_it_as_long_as_the_token_can_be_used() {
    for engine in engines() {
        for binary in envoy::binaries() {
            let prefix = format!("{PREFIX}{}/ %.txt", binary.display());
            let settings = Settings { envoys: 1, store: format!(", keyPrefix: '{prefix}'"), ..Settings::default() };
            let fleet = Fleet::start(&binary, &engine, &settings);
            let (before, exp) = (now(), now() + 3600);
            fleet.expect(0, &accepted(&token_until("a secret jti", exp)));
            let entries = engine.entries(&prefix);
            let after = now();

            let [entry] = &entries[..] else { panic!("{}: {entries:?}", engine.kind()) };
            for hash in [&entry.key[prefix.len()..], &entry.value] {
                let is_hex = hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                assert_eq!((hash.len(), is_hex), (32, true), "{}: {entry:?}", engine.kind());
            }
            let logs = engine.processes().into_iter().map(|process| process.log()).collect::<String>();
            for private in ["secret", ISSUER, "alice"] {
                assert!(!logs.contains(private), "{private} in a log of {}: {logs}", engine.kind());
            }

            // Until exp + 300 s by the slowest clock. A lease of etcd serves all tokens of a span of 128 s, and lives
            // one span longer.
            let spans = if engine.kind() == "etcd" { 2 * 128 } else { 0 };
            let ttl = entry.ttl_seconds.expect("a time to live");
            let (shortest, longest) = (exp + 360 - after, exp + 360 - before + spans);
            // Whole seconds are rounded.
            assert!((shortest - 2..=longest + 2).contains(&ttl), "{}: {ttl}, {shortest} to {longest}", engine.kind());
        }
    }
}

#[test]
fn without_an_engine_no_jti_is_accepted_and_none_is_used_up() {
    for engine in engines() {
        for binary in envoy::binaries() {
            // All nodes of etcd, and each process of Redis alone.
            let outages = if engine.kind() == "etcd" { vec![vec![0, 1, 2]] } else { vec![vec![0], vec![1]] };
            let fleet = Fleet::start(&binary, &engine, &Settings::default());
            for outage in &outages {
                let name = |word| format!("{}/{outage:?}/{word}", binary.display());
                let (known, new) = (token(&name("known")), token(&name("new")));
                fleet.expect(0, &accepted(&known));
                for index in outage {
                    engine.processes()[*index].kill();
                }
                fleet.expect(0, &unavailable(&new));
                fleet.expect(1, &unavailable(&new));
                fleet.expect(1, &unavailable(&known));
                fleet.expect(0, &used(&known));
                engine.revive();
                fleet.expect(1, &accepted(&new));
                fleet.expect(0, &used(&new));
                fleet.expect(0, &used(&known));
            }
            let counted = fleet.counted(1);
            let outages = outages.len() as u64;
            // For a host that it can't reach, Envoy answers a call of gRPC with a grpc-status. For its Redis, Webdis
            // answers 503, as Envoy does for Webdis.
            let reason = if engine.kind() == "etcd" { "failed.engine_error" } else { "failed.status" };
            let failed = counted.iter().filter(|(name, _)| name.starts_with("failed."));
            let failed: Vec<_> = failed.map(|(name, count)| (name.as_str(), *count)).collect();
            let expected = (3 * outages, vec![(reason, 2 * outages)]);
            assert_eq!((counted["asked"], failed), expected, "{} {counted:?}", engine.kind());
            fleet.assert_healthy(&[]);
        }
    }
}
