//! Answers that come after the filter has asked again, and connections that lose all answers.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kit::bootstrap::Cluster;
use kit::engines::{EngineProcess, Persistence};
use kit::envoy;
use kit::relay::{Loss, Relay};
use serde_json::json;

use crate::checks::{failures, stored};
use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, Settings, accepted, token, used};

/// `timeoutMilliseconds`. The first attempt takes half of it.
const TIMEOUT: Duration = Duration::from_millis(5000);

/// The part of it in which the engine is suspended: the first attempt and some of the second.
const SUSPENDED: Duration = Duration::from_millis(2900);

#[test]
fn a_request_whose_answer_comes_late_finds_its_own_write() {
    for engine in [Engine::etcd(1), Engine::redis(Persistence::Nothing)] {
        // Each of Redis and Webdis alone.
        for process in engine.processes() {
            let fleet = start(&newest_envoy(), &engine, None);
            let (warm, late) = (jti(&fleet, "warm"), jti(&fleet, "late"));
            fleet.expect(0, &accepted(&warm));
            let before = stored(&engine);
            let took = while_suspended(process, || fleet.expect(0, &accepted(&late)));
            assert!(took >= SUSPENDED && took < TIMEOUT + Duration::from_secs(2), "{took:?}");
            assert_eq!(stored(&engine), before + 1);
            fleet.expect(1, &used(&late));
            fleet.expect(0, &used(&late));
            assert_eq!(failures(&fleet, 0), []);
            let counted = fleet.counted(0);
            assert!(counted["calls"] >= 1 + counted["asked"], "{counted:?}");
            println!("{}: accepted after {took:?}, {counted:?}", engine.kind());
            fleet.assert_healthy(&[&warm, &late]);
        }
    }
}

/// With one address, such as that of a service, a repetition must not use the connection that has just ended. A call
/// without an answer ends a connection of HTTP/1.1; of HTTP/2, only `connection_keepalive` does.
#[test]
fn a_connection_that_ends_after_a_request_is_replaced_within_this_request() {
    for engine in [Engine::etcd(1), Engine::redis(Persistence::Nothing)] {
        for (binary, loss) in
            envoy::binaries().into_iter().flat_map(|binary| [(binary.clone(), Loss::Closing), (binary, Loss::Silent)])
        {
            let relay = Relay::start(*engine.addresses().last().unwrap()).unwrap();
            let cluster = engine.cluster_at(&[relay.address()]);
            let cluster = if engine.kind() == "etcd" { with_keepalive(cluster) } else { cluster };
            let fleet = start(&binary, &engine, Some(cluster));
            let (warm, lost) = (jti(&fleet, "warm"), jti(&fleet, "lost"));
            fleet.expect(0, &accepted(&warm));
            let before = stored(&engine);
            relay.lose(1, loss);
            let begin = Instant::now();
            fleet.expect(0, &accepted(&lost));
            println!("{}, {loss:?}: accepted after {:?}", engine.kind(), begin.elapsed());
            assert_eq!((relay.lost(), stored(&engine)), (1, before + 1));
            fleet.expect(1, &used(&lost));
            fleet.expect(0, &used(&lost));
            assert_eq!(failures(&fleet, 0), []);
            fleet.assert_healthy(&[&warm, &lost]);
        }
    }
}

fn with_keepalive(cluster: Cluster) -> Cluster {
    let keepalive = json!({"interval": "0.5s", "timeout": "0.5s"});
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": keepalive}},
    }});
    cluster.with_field("typed_extension_protocol_options", options)
}

/// Two Envoys of one worker.
fn start(binary: &Path, engine: &Engine, cluster: Option<Cluster>) -> Fleet {
    Fleet::start(binary, engine, &Settings { workers: 1, cluster, ..Settings::default() })
}

/// Suspends a process for a while, in which `send` begins. How long `send` took.
fn while_suspended(process: &EngineProcess, send: impl FnOnce()) -> Duration {
    process.stop();
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SUSPENDED);
            process.cont();
        });
        send();
        begin.elapsed()
    })
}

/// A token with a `jti` that no other fleet has.
fn jti(fleet: &Fleet, name: &str) -> String {
    token(&format!("{name}-{}", fleet.proxies[0].envoy.id()))
}
