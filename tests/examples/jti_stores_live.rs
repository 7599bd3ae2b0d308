//! The configurations of `envoy/` with `jtiStore`, in live Envoys with real engines. Only addresses, certificates and the
//! key are replaced, so the rest of each file is what decides.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kit::certificate::Ca;
use kit::engines::{Etcd, Persistence, Redis, Webdis};
use kit::envoy::{self, Envoy};
use kit::http::{RequestBuilder, exchange};
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::now;
use kit::upstream::Upstream;
use serde_json::json;
use serde_yaml::Value;

use crate::jti_stores::{Certificates, ETCD, MEMBERS, REDIS};
use crate::remote_keys::{bootstrap, configuration, plugin_mut, with_local_paths};
use crate::{at, at_mut};

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// The servers' CA has issued etcd's certificate for another name.
    ServerName,
    /// etcd's certificate is from another CA.
    ServerCa,
    /// Envoy's certificate is from another CA.
    Client,
}

fn key() -> SigningKey {
    SigningKey::cached(Algorithm::ES256)
}

fn socket(address: SocketAddr) -> Value {
    serde_yaml::to_value(json!({"socket_address": {"address": address.ip(), "port_value": address.port()}})).unwrap()
}

/// The bootstrap of a file, with these addresses in place of the engine's.
fn with_addresses(file: &str, engine: &[SocketAddr], upstream: SocketAddr) -> Value {
    let mut bootstrap = with_local_paths(bootstrap(file));
    let mut configuration = configuration(file, &bootstrap);
    configuration["jwk"] = serde_yaml::to_value(key().public_jwk(None, true)).unwrap();
    // Tests share the machine.
    *at_mut(&mut configuration, "jtiStore/timeoutMilliseconds") = 5000.into();
    *at_mut(plugin_mut(&mut bootstrap), "configuration/value") = serde_yaml::to_string(&configuration).unwrap().into();
    connect(&mut bootstrap, "jti-store", engine);
    connect(&mut bootstrap, "upstream", &[upstream]);
    bootstrap
}

/// Puts these addresses in the place of those of a cluster.
pub(crate) fn connect(bootstrap: &mut Value, cluster: &str, addresses: &[SocketAddr]) {
    let place = format!("static_resources/clusters/@{cluster}/load_assignment/endpoints/0/lb_endpoints");
    let endpoints = at_mut(bootstrap, &place).as_sequence_mut().unwrap();
    for (endpoint, address) in endpoints.iter_mut().zip(addresses.iter().cycle()) {
        let endpoint = at_mut(endpoint, "endpoint");
        // Otherwise, auto_host_sni takes the address as the name.
        endpoint["hostname"] = at(endpoint, "address/socket_address/address").clone();
        endpoint["address"] = socket(*address);
    }
}

fn start(binary: &Path, bootstrap: &Value) -> Envoy {
    let text = serde_yaml::to_string(bootstrap).unwrap();
    Envoy::start_with(binary, "envoy.yaml", &text, 1).unwrap_or_else(|error| panic!("{error}"))
}

fn token(jti: &str) -> String {
    key().token(None, &json!({"jti": jti, "iat": now(), "exp": now() + 300}))
}

/// Status and, for a rejection, code of the answer to a request with this token.
fn send(envoy: &Envoy, token: &str) -> (u16, Option<String>) {
    let request = RequestBuilder::get("/").header("authorization", format!("Bearer {token}"));
    let response = exchange(&envoy.address("main").unwrap(), &request.build()).unwrap();
    let code = response.header("x-ca-error-code").map(|code| String::from_utf8_lossy(code).into_owned());
    (response.status, code)
}

/// Each Envoy accepts a token, which no other one then accepts.
fn assert_each_accepts_once(envoys: &[Envoy], prefix: &str) {
    let used = (403, Some("S403JU".to_owned()));
    for (index, first) in envoys.iter().enumerate() {
        let token = token(&format!("{prefix} {index}"));
        assert_eq!(send(first, &token), (200, None), "{}", first.log());
        for envoy in envoys {
            assert_eq!(send(envoy, &token), used, "{}", envoy.log());
        }
    }
}

/// Waits until the health checks know that this many members are healthy.
fn assert_health_checks_find(envoy: &Envoy, expected: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let healthy = || envoy.stat("cluster.jti-store.membership_healthy").unwrap();
    while healthy() != expected {
        assert!(Instant::now() < deadline, "{} are healthy: {}", healthy(), envoy.log());
        thread::sleep(Duration::from_millis(50));
    }
}

/// The Envoys with a configuration, one of each version. With a single version, two of it.
fn fleet(bootstrap: &Value) -> Vec<Envoy> {
    let binaries = envoy::binaries();
    binaries.iter().cycle().take(binaries.len().max(2)).map(|binary| start(binary, bootstrap)).collect()
}

fn try_certificates(wrong: Wrong) {
    let (servers, clients, upstream) = (Ca::new(), Ca::new(), Upstream::start());
    let certificates = MEMBERS.map(|name| match wrong {
        Wrong::ServerName => servers.issue("other.example.com"),
        Wrong::ServerCa => Ca::new().issue(name),
        Wrong::Nothing | Wrong::Client => servers.issue(name),
    });
    // A wrong certificate shows in one node, too.
    let count = if wrong == Wrong::Nothing { certificates.len() } else { 1 };
    let etcd = Etcd::start_tls(&certificates[..count], &clients).unwrap_or_else(|error| panic!("{error}"));
    let mut bootstrap = with_addresses(ETCD, &etcd.addresses(), upstream.address());
    let other = Ca::new();
    let files = Certificates::new(&servers, if wrong == Wrong::Client { &other } else { &clients });
    files.put_into(&mut bootstrap);
    let envoys = fleet(&bootstrap);
    if wrong == Wrong::Nothing {
        assert_each_accepts_once(&envoys, "all");
    }
    for envoy in &envoys {
        assert_health_checks_find(envoy, if wrong == Wrong::Nothing { 3 } else { 0 });
        if wrong != Wrong::Nothing {
            let unavailable = (503, Some("S503JS".to_owned()));
            assert_eq!(send(envoy, &token("never")), unavailable, "{wrong:?}: {}", envoy.log());
        }
        for (stat, of) in [("fail_verify_san", Wrong::ServerName), ("fail_verify_error", Wrong::ServerCa)] {
            let count = envoy.stat(&format!("cluster.jti-store.ssl.{stat}")).unwrap();
            assert_eq!(count > 0, wrong == of, "{wrong:?}: {stat} is {count}");
        }
    }
    let log = etcd.nodes()[0].log();
    assert_eq!(log.contains("failed to verify client"), wrong == Wrong::Client, "{log}");
    if wrong == Wrong::Nothing {
        etcd.nodes()[1].kill();
        // Meanwhile, the others may have to choose a leader, which a request need not survive.
        envoys.iter().for_each(|envoy| assert_health_checks_find(envoy, 2));
        assert_each_accepts_once(&envoys, "without one");
    }
    let expected = if wrong == Wrong::Nothing { 2 * envoys.len() } else { 0 };
    assert_eq!(upstream.requests(), expected, "{wrong:?}");
}

#[test]
fn with_jti_etcd_yaml_each_token_is_accepted_once_also_when_a_member_is_down() {
    try_certificates(Wrong::Nothing);
}

#[test]
fn jti_etcd_yaml_asks_only_a_server_with_the_name_of_a_member() {
    try_certificates(Wrong::ServerName);
}

#[test]
fn jti_etcd_yaml_asks_only_a_server_with_a_certificate_of_its_ca() {
    try_certificates(Wrong::ServerCa);
}

#[test]
fn jti_etcd_yaml_needs_the_client_certificate() {
    try_certificates(Wrong::Client);
}

#[test]
fn with_jti_redis_yaml_each_token_is_accepted_once() {
    let redis = Redis::start(Persistence::Nothing).unwrap_or_else(|error| panic!("{error}"));
    let webdis = Webdis::start(redis.address()).unwrap_or_else(|error| panic!("{error}"));
    let upstream = Upstream::start();
    let envoys = fleet(&with_addresses(REDIS, &[webdis.address()], upstream.address()));
    assert_each_accepts_once(&envoys, "");
    assert_eq!(upstream.requests(), envoys.len());
}
