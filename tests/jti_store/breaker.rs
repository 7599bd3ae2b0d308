//! A circuit breaker of the engine's cluster that is open, because the engine hangs.

use std::path::Path;

use kit::envoy;
use kit::http::Connection;

use crate::record::eventually;
use crate::setup::{CLUSTER, Engine, Fleet, LISTENER, Settings, Verdict, accepted, bytes, token, unavailable, used};

/// `max_requests` of the cluster.
const LIMIT: u32 = 3;

#[test]
fn a_request_above_the_circuit_breaker_gets_s503js_at_once() {
    for binary in envoy::binaries() {
        let drill = Drill::start(&binary, "");
        let above = token("above");
        drill.while_open(|fleet| fleet.expect(0, &unavailable(&above)));
        // The refused token is not used up, and all is as before.
        drill.fleet.expect(0, &accepted(&above));
        drill.fleet.expect(1, &used(&above));
        let counted = drill.fleet.counted(0);
        assert_eq!(counted.get("failed.no_host"), Some(&1), "{counted:?}");
        assert_eq!(counted.keys().filter(|name| name.starts_with("failed.")).count(), 1, "{counted:?}");
        assert!(!counted.contains_key("decided_alone"), "{counted:?}");
        drill.fleet.assert_healthy(&[&above]);
    }
}

/// Whoever opens the circuit breaker can use a token once for each process: what `onFailure: local` means.
#[test]
fn above_the_circuit_breaker_a_process_decides_alone_with_on_failure_local() {
    for binary in envoy::binaries() {
        let drill = Drill::start(&binary, ", onFailure: local");
        let above = token("above");
        drill.while_open(|fleet| {
            fleet.expect(0, &accepted(&above));
            fleet.expect(0, &used(&above));
        });
        // etcd never got it, so another process gets it once more.
        drill.fleet.expect(1, &accepted(&above));
        drill.fleet.expect(0, &used(&above));
        drill.fleet.expect(1, &used(&above));
        let counted = drill.fleet.counted(0);
        let found = ["failed.no_host", "decided_alone"].map(|name| counted.get(name).copied());
        assert_eq!(found, [Some(1), Some(1)], "{counted:?}");
        assert_eq!(counted.keys().filter(|name| name.starts_with("failed.")).count(), 1, "{counted:?}");
        drill.fleet.assert_healthy(&[&above]);
    }
}

/// Two Envoys with one node of etcd.
struct Drill {
    engine: Engine,
    fleet: Fleet,
}

impl Drill {
    fn start(binary: &Path, store: &str) -> Self {
        let engine = Engine::etcd(1);
        let cluster = Some(engine.cluster().with_limits(LIMIT, LIMIT));
        let settings = Settings { store: store.to_owned(), cluster, ..Settings::default() };
        let fleet = Fleet::start(binary, &engine, &settings);
        // Later requests send one call each, because the lease exists.
        fleet.expect(0, &accepted(&token("first")));
        Self { engine, fleet }
    }

    /// Suspends etcd, lets as many requests wait for it in the first Envoy as its circuit breaker allows, and calls
    /// `above`. Then they get their answers.
    fn while_open(&self, above: impl FnOnce(&Fleet)) {
        let (fleet, node) = (&self.fleet, self.engine.processes()[0]);
        let stat = |name: &str| fleet.proxies[0].envoy.stat(name).unwrap();
        let waiting = || stat(&format!("http.{LISTENER}.downstream_rq_active"));
        node.stop();
        let tokens: Vec<_> = (0..LIMIT).map(|number| token(&format!("waiting-{number}"))).collect();
        let mut connections: Vec<_> = tokens
            .iter()
            .map(|token| {
                let mut connection = Connection::open(&fleet.address(0)).unwrap();
                connection.send(&bytes(token)).unwrap();
                connection
            })
            .collect();
        let breaker = format!("cluster.{CLUSTER}.circuit_breakers.default.rq_open");
        eventually("the circuit breaker is open", || stat(&breaker) == 1);
        above(fleet);
        // They wait longer than the request above, although they came before it.
        assert_eq!(waiting(), u64::from(LIMIT));
        node.cont();
        for (token, connection) in tokens.iter().zip(&mut connections) {
            assert_eq!(Verdict::of(token, &connection.receive().unwrap()), Verdict::Accepted);
            assert_eq!(fleet.ask(1, token), Verdict::Used);
        }
        eventually("the circuit breaker is closed", || stat(&breaker) == 0);
    }
}
