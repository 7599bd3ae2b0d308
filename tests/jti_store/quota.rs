//! An etcd whose quota is used up, as by a full disk: it answers reads and refuses writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::engines::Etcd;
use kit::envoy;
use serde_json::json;

use crate::record::{counted, eventually};
use crate::setup::{Engine, Fleet, Settings, accepted, token, unavailable, used};

const QUOTA: &str = "--quota-backend-bytes=4194304";

/// How etcd calls the alarm.
const ALARM: &str = "NOSPACE";

#[test]
fn an_etcd_without_space_accepts_nothing_until_it_has_space_again() {
    for binary in envoy::binaries() {
        let engine = Engine::Etcd(Etcd::start_with(3, &[QUOTA]).unwrap());
        let Engine::Etcd(etcd) = &engine else { unreachable!() };
        // Each worker logs for itself.
        let fleet = Fleet::start(&binary, &engine, &Settings { workers: 1, ..Settings::default() });
        let (known, new) = (token("known"), token("new"));
        fleet.expect(0, &accepted(&known));

        fill(etcd);
        for envoy in 0..2 {
            fleet.expect(envoy, &unavailable(&new));
        }
        // This Envoy knows it without etcd, the other one doesn't.
        fleet.expect(0, &used(&known));
        fleet.expect(1, &unavailable(&known));

        let logged = |envoy: usize| {
            let log = fleet.proxies[envoy].envoy.log();
            log.lines().filter(|line| line.contains("whether a jti was used")).map(str::to_owned).collect::<Vec<_>>()
        };
        eventually("all Envoys have logged it", || !logged(0).is_empty() && !logged(1).is_empty());

        clean(etcd);
        fleet.expect(1, &accepted(&new));
        fleet.expect(0, &used(&new));
        fleet.expect(1, &used(&known));

        for (envoy, (counted, failed)) in counted(&fleet).into_iter().zip([1, 2]).enumerate() {
            let failures: Vec<_> = counted.iter().filter(|(name, _)| name.starts_with("failed.")).collect();
            assert_eq!(failures, [(&"failed.engine_error".to_owned(), &failed)], "{counted:?}");
            let lines = logged(envoy);
            let [warning, information] = &lines[..] else { panic!("{lines:?}") };
            let expected = "does not say whether a jti was used: the engine reported: gRPC status 8 etcdserver: mvcc: \
                            database space exceeded";
            assert!(warning.contains("[warning]") && warning.ends_with(expected), "{warning}");
            assert!(information.contains("[info]"), "{information}");
        }
        let reached = fleet.proxies.iter().map(|proxy| proxy.upstream.requests()).collect::<Vec<_>>();
        assert_eq!(reached, [1, 1]);
        fleet.assert_healthy(&[&known, &new]);
    }
}

/// Writes large values until etcd refuses them.
fn fill(etcd: &Etcd) {
    let large = vec![b'x'; 256 << 10];
    let refused = (0..100).find_map(|number| etcd.put(&format!("large/{number}"), &large).err());
    let refused = refused.expect("the quota is used up");
    assert!(refused.contains("database space exceeded"), "{refused}");
    assert!(etcd.alarms().unwrap().contains(&ALARM.to_owned()));
}

/// What the operator of an etcd without space does: deletes, compacts, defragments each node, and ends the alarm.
fn clean(etcd: &Etcd) {
    let call = |node, path, message| etcd.call(node, path, &message).unwrap();
    let (first, end) = (STANDARD.encode("large/"), STANDARD.encode("large0"));
    let deleted = call(0, "/v3/kv/deleterange", json!({"key": first, "range_end": end}));
    call(0, "/v3/kv/compaction", json!({"revision": deleted["header"]["revision"], "physical": true}));
    for node in 0..3 {
        call(node, "/v3/maintenance/defragment", json!({}));
    }
    let alarms = call(0, "/v3/maintenance/alarm", json!({"action": "GET"}));
    for alarm in alarms["alarms"].as_array().unwrap() {
        let message = json!({"action": "DEACTIVATE", "memberID": alarm["memberID"], "alarm": ALARM});
        call(0, "/v3/maintenance/alarm", message);
    }
    assert_eq!(etcd.alarms().unwrap(), Vec::<String>::new());
}
