//! Answers of an engine that are lost after it has done what they say.

use std::time::{Duration, Instant};

use kit::bootstrap::Cluster;
use kit::engines::Persistence;
use kit::envoy;
use kit::relay::{Loss, Relay};
use serde_json::json;

use crate::checks::{failures, stored};
use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, Settings, accepted, token, unavailable, used};

/// Long enough for a busy machine: a lost answer takes half of it.
const TIMEOUT_MILLISECONDS: u32 = 2000;

/// The nodes of etcd.
const NODES: usize = 3;

/// How much longer than the time limit a rejection may take on a busy machine.
const BUSY: Duration = Duration::from_secs(2);

#[test]
fn a_request_whose_answer_was_lost_finds_its_own_write() {
    for engine in engines() {
        for loss in [Loss::Closing, Loss::Silent] {
            let relays = relays(&engine);
            let fleet = fleet(&engine, &relays);
            let before = stored(&engine);
            let tokens: Vec<_> = (0..=NODES).map(|number| token(&format!("{number} {loss:?}"))).collect();
            let (warm, tokens) = tokens.split_first().unwrap();
            // The first request opens a connection, and grants the lease.
            fleet.expect(0, &accepted(warm));

            // One of the nodes loses no answer, because on a silent connection of HTTP/2 every answer is lost.
            let losing = &relays[..relays.len().min(NODES - 1)];
            losing.iter().for_each(|relay| relay.lose(1, loss));
            // Envoy takes the nodes in turn, so each of them is asked.
            tokens.iter().for_each(|token| fleet.expect(0, &accepted(token)));
            assert!(losing.iter().map(Relay::lost).sum::<usize>() >= 1, "no answer was lost");
            assert_eq!(stored(&engine), before + 1 + tokens.len(), "one key for each token");
            relays.iter().for_each(|relay| relay.mend().unwrap());
            for token in tokens {
                fleet.expect(1, &used(token));
                fleet.expect(0, &used(token));
            }
            assert_eq!(failures(&fleet, 0), []);
            let counted = fleet.counted(0);
            assert!(counted["calls"] > counted["asked"], "{counted:?}");
            fleet.assert_healthy(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

#[test]
fn without_any_answer_a_token_is_refused_in_time_and_used_up() {
    for engine in engines() {
        for loss in [Loss::Closing, Loss::Silent] {
            let relays = relays(&engine);
            let fleet = fleet(&engine, &relays);
            let token = token(&format!("used up {loss:?}"));
            let warm = crate::setup::token(&format!("warm {loss:?}"));
            fleet.expect(0, &accepted(&warm));

            relays.iter().for_each(|relay| relay.lose(usize::MAX, loss));
            let begin = Instant::now();
            fleet.expect(0, &unavailable(&token));
            let took = begin.elapsed();
            assert!(took < Duration::from_millis(TIMEOUT_MILLISECONDS.into()) + BUSY, "{took:?}");
            relays.iter().for_each(|relay| relay.mend().unwrap());
            engine.revive();
            fleet.expect(1, &used(&token));
            fleet.expect(0, &used(&token));
            println!("{}, {loss:?}: S503JS after {took:?}", engine.kind());
            fleet.assert_healthy(&[&token, &warm]);
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
            let settings = Settings { workers: 1, cluster: Some(cluster), ..Settings::default() };
            let fleet = Fleet::start(&binary, &engine, &settings);
            let (warm, lost) = (fleet.token("warm"), fleet.token("lost"));
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

fn engines() -> [Engine; 2] {
    [Engine::etcd(NODES), Engine::redis(Persistence::Nothing)]
}

fn relays(engine: &Engine) -> Vec<Relay> {
    engine.addresses().into_iter().map(|address| Relay::start(address).unwrap()).collect()
}

fn with_keepalive(cluster: Cluster) -> Cluster {
    let keepalive = json!({"interval": "0.5s", "timeout": "0.5s"});
    let options = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {"connection_keepalive": keepalive}},
    }});
    cluster.with_field("typed_extension_protocol_options", options)
}

/// Two Envoys of one worker, whose connections go through the relays.
fn fleet(engine: &Engine, relays: &[Relay]) -> Fleet {
    let addresses: Vec<_> = relays.iter().map(Relay::address).collect();
    let settings = Settings {
        workers: 1,
        timeout_milliseconds: TIMEOUT_MILLISECONDS,
        cluster: Some(engine.cluster_at(&addresses)),
        ..Settings::default()
    };
    Fleet::start(&newest_envoy(), engine, &settings)
}
