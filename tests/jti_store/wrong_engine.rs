//! A cluster that is no engine, or another one than `kind` says; and prefixes that an engine could misread.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use kit::bootstrap::Cluster;
use kit::engines::Persistence;

use crate::checks::{await_lines, failures};
use crate::record::newest_envoy;
use crate::setup::{CLUSTER, Engine, Fleet, Settings, accepted, token, unavailable, used};

const BEGIN: &str = "does not say whether a jti was used: ";

#[test]
fn what_is_no_engine_accepts_nothing_and_the_log_says_why() {
    let etcd = Engine::etcd(1);
    let redis = Engine::redis(Persistence::Nothing);
    let no_such = "Envoy has no such cluster";
    let not_this = "the answer is not one of this engine; is `kind` right, and for etcd the cluster HTTP/2?";
    let page = fixed("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>");
    let ok = fixed("HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{\"SET\":[true,\"OK\"]}");
    let long = fixed(&format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}", " ".repeat(100_000)));
    let moved = fixed("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n");
    let at = |address: SocketAddr| Cluster::with_hosts(CLUSTER, &[address]);
    let other = Cluster::with_hosts("other", &redis.addresses());
    for (name, engine, cluster, reason, because) in [
        ("an unknown cluster", &redis, other, "no_cluster", no_such),
        (
            "no host",
            &redis,
            at(page).without_hosts(),
            "no_host",
            "the cluster has no healthy host, or its circuit breaker is open",
        ),
        ("a web page for Redis", &redis, at(page), "malformed", not_this),
        ("the answer of another command", &redis, at(ok), "malformed", not_this),
        ("an endless answer", &redis, at(long), "malformed", not_this),
        ("a redirect", &redis, at(moved), "status", "the status was 302, not 200"),
        ("etcd for Redis", &redis, at(etcd.addresses()[0]), "status", "the status was 404, not 200"),
        ("Webdis for etcd", &etcd, at(redis.addresses()[0]), "", ""),
        ("etcd without HTTP/2", &etcd, at(etcd.addresses()[0]), "", ""),
    ] {
        let settings = Settings {
            envoys: 1,
            workers: 1,
            timeout_milliseconds: 1000,
            cluster: Some(cluster),
            ..Settings::default()
        };
        let fleet = Fleet::start(&newest_envoy(), engine, &settings);
        let token = token(name);
        fleet.expect(0, &unavailable(&token));
        fleet.expect(0, &unavailable(&token));
        let found = failures(&fleet, 0);
        assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 2, "{name}: {found:?}");
        if reason.is_empty() {
            println!("{name}: {found:?}\n{:?}", crate::checks::engine_lines(&fleet, 0));
        } else {
            assert_eq!(found, [(reason.to_owned(), 2)], "{name}");
            let kind = engine.kind();
            await_lines(&fleet, 0, &[&format!("[warning] jtiStore: {kind} (cluster jti-store) {BEGIN}{because}")]);
        }
        fleet.assert_healthy(&[&token]);
    }
}

#[test]
fn a_prefix_of_any_characters_is_the_beginning_of_the_key_and_nothing_else() {
    let long = "p".repeat(256);
    for engine in [Engine::etcd(1), Engine::redis(Persistence::Nothing)] {
        for prefix in ["a/b c%2f/../", "x.txt", "?raw#", "*[a]\\", "é/", "GET/", &long] {
            let store = format!(", keyPrefix: {}", serde_json::json!(prefix));
            let settings = Settings { workers: 1, store, ..Settings::default() };
            let fleet = Fleet::start(&newest_envoy(), &engine, &settings);
            let token = token("prefix");
            fleet.expect(0, &accepted(&token));
            fleet.expect(1, &used(&token));
            let keys: Vec<_> = engine.entries(prefix).into_iter().map(|entry| entry.key).collect();
            let of_prefix: Vec<_> = keys.iter().filter_map(|key| key.strip_prefix(prefix)).collect();
            let is_hash = |rest: &&str| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(matches!(of_prefix.as_slice(), [one] if is_hash(one)), "{prefix}: {keys:?}");
        }
    }
}

/// A server that answers every request with these bytes and closes the connection.
fn fixed(response: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let response = response.to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(response.as_bytes());
        }
    });
    address
}
