//! Clusters besides the upstream, on each Envoy that `ENVOY_BINARIES` lists.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kit::bootstrap::{Bootstrap, Cluster, Listener};
use kit::envoy::{Envoy, binaries};
use kit::http::{Connection, RequestBuilder, Response, exchange};
use kit::key_server::{Answer, KeyServer, Place};
use kit::upstream::Upstream;
use serde_json::json;

/// An Envoy with these clusters. The path `/<name>` leads to the cluster of that name, and all others to the upstream.
pub(crate) fn envoy_with(binary: &Path, upstream: &Upstream, clusters: &[(&str, Cluster)]) -> Envoy {
    let mut listener = Listener::new("api", Vec::new());
    let routes = clusters
        .iter()
        .map(|(name, _)| json!({"match": {"path": format!("/{name}")}, "route": {"cluster": name, "timeout": "60s"}}));
    listener.routes.extend(routes);
    let bootstrap = Bootstrap::fixed(upstream.address(), vec![listener]);
    let bootstrap = clusters.iter().fold(bootstrap, |all, (_, cluster)| all.with_cluster(cluster.clone()));
    Envoy::start(binary, &bootstrap, 1).expect("Envoy starts")
}

pub(crate) fn get(envoy: &Envoy, path: &str) -> Response {
    exchange(&envoy.address("api").expect("its address"), &RequestBuilder::get(path).build()).expect("an answer")
}

fn body_of(response: &Response) -> (u16, String) {
    (response.status, response.text())
}

#[test]
fn clusters_are_called_besides_the_upstream() {
    for binary in binaries() {
        let (upstream, mut keys) = (Upstream::start(), KeyServer::start().expect("a free port"));
        keys.set("/keys", Answer::new(200).body("the keys"));
        let cluster = Cluster::new("keys", keys.address());
        let clusters = [("keys", cluster), ("nobody", Cluster::new("nobody", keys.address()).without_hosts())];
        let envoy = envoy_with(&binary, &upstream, &clusters);

        assert_eq!(body_of(&get(&envoy, "/keys")), (200, "the keys".into()));
        assert_eq!(body_of(&get(&envoy, "/nobody")), (503, "no healthy upstream".into()));
        let echoed = get(&envoy, "/").echoed().expect("the upstream's answer");
        assert_eq!(echoed.target, b"/");
        assert_eq!((keys.requests("/keys"), upstream.requests()), (1, 1));

        keys.stop();
        assert_eq!(get(&envoy, "/keys").status, 503);
        keys.restart().expect("the same port");
        assert_eq!(body_of(&get(&envoy, "/keys")), (200, "the keys".into()));
        assert_eq!(keys.requests("/keys"), 2);
    }
}

#[test]
fn the_circuit_breakers_of_a_cluster_count_requests_at_once_and_waiting() {
    for binary in binaries() {
        let (upstream, keys) = (Upstream::start(), KeyServer::start().expect("a free port"));
        keys.set("/keys", Answer::new(200).wait(Place::BeforeHead, Duration::from_secs(60)));
        let cluster = Cluster::new("keys", keys.address()).with_limits(1, 1);
        let envoy = envoy_with(&binary, &upstream, &[("keys", cluster)]);
        let started = || {
            let mut connection = Connection::open(&envoy.address("api").expect("its address")).expect("a connection");
            connection.send(&RequestBuilder::get("/keys").build()).expect("sent");
            connection
        };

        let _active = started();
        assert_eq!(keys.wait_for_requests("/keys", 1), 1);
        let _pending = started();
        wait_for_stat(&envoy, "cluster.keys.upstream_rq_pending_active", 1);
        let rejected = get(&envoy, "/keys");
        let reason = "upstream connect error or disconnect/reset before headers. reset reason: overflow";
        assert_eq!(body_of(&rejected), (503, reason.into()));
        assert_eq!(keys.requests("/keys"), 1);
    }
}

fn wait_for_stat(envoy: &Envoy, name: &str, value: u64) {
    let started = Instant::now();
    while envoy.stat(name) != Ok(value) {
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", envoy.stat(name));
        thread::sleep(Duration::from_millis(10));
    }
}
