//! Clusters that are no engine, or another one than `kind` says, and answers that only look like those of an engine, at
//! one listener each.

use std::net::SocketAddr;

use kit::bootstrap::{Bootstrap, Cluster, Configuration, Listener};
use kit::engines::{Persistence, Reply};
use kit::envoy::Envoy;
use kit::http::Response;
use kit::http2;
use kit::key_server::{Answer, KeyServer, Place};
use kit::proxy::{Proxy, filter};
use kit::rows::header_config;
use kit::upstream::Upstream;
use serde_json::json;

use crate::checks::{await_lines, engine_lines, failures};
use crate::record::newest_envoy;
use crate::setup::{Engine, Fleet, PREFIX, Settings, accepted, token, unavailable, used};

const NO_ANSWER: (&str, &str) = ("no_answer", "there was no complete answer");
const MALFORMED: (&str, &str) =
    ("malformed", "the answer is not one of this engine; is `kind` right, and for etcd the cluster HTTP/2?");
const UNREACHABLE: (&str, &str) = ("status", "the status was 503; Envoy answers so when it can't connect or TLS fails");
/// Envoy answers a call of gRPC itself, too.
const NOT_HTTP2: &str = "the engine reported: gRPC status 14 upstream connect error or disconnect/reset before headers. \
                         reset reason: protocol error";
const NO_HOST: (&str, &str) = ("no_host", "the cluster has no healthy host, or its circuit breaker is open");
const NO_CLUSTER: (&str, &str) = ("no_cluster", "Envoy has no such cluster");
const GARBLED: (&str, &str) = ("status", "the status was 502, not 200");

/// A listener whose engine is a server of this test.
struct Case {
    /// Also the name of the listener and the cluster.
    name: &'static str,
    kind: &'static str,
    server: Server,
    /// The counter, and what the log line says.
    failure: (&'static str, &'static str),
}

enum Server {
    Http1(KeyServer),
    Http2(http2::Server),
    /// Something else, with or without HTTP/2.
    Other(SocketAddr, bool),
    /// A cluster without hosts.
    NoHost,
    /// Envoy has no cluster of this name.
    NoCluster,
}

#[test]
fn what_is_no_engine_accepts_nothing_and_the_log_says_why() {
    let won = json!({"SET": null});
    let redis = |name, answer: Answer, failure| {
        let server = KeyServer::start().unwrap();
        server.set("/", answer);
        Case { name, kind: "redis", server: Server::Http1(server), failure }
    };
    let etcd = |name, status: u16, body: &[u8], trailers: &[(&str, &str)], failure| {
        let list = |headers: &[(&str, &str)]| {
            headers.iter().map(|&(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect::<Vec<_>>()
        };
        let headers = list(&[("content-type", "application/grpc")]);
        let answer = Response { status, headers, body: body.to_vec(), trailers: list(trailers) };
        Case { name, kind: "etcd", server: Server::Http2(http2::Server::start(&answer).unwrap()), failure }
    };
    let other =
        |name, kind, address, is_http2, failure| Case { name, kind, server: Server::Other(address, is_http2), failure };
    let engine = Engine::redis(Persistence::Nothing);
    let (resp, webdis) = (engine.processes()[0].address(), engine.processes()[1].address());
    let etcd_engine = Engine::etcd(1);
    let real_etcd = etcd_engine.addresses()[0];
    // A transaction that created the key: `succeeded`, and the answer to the put.
    let created: &[u8] = &[0, 0, 0, 0, 6, 0x10, 1, 0x1a, 2, 0x12, 0];
    let ok: &[(&str, &str)] = &[("grpc-status", "0")];
    let failed = |message| ("engine_error", message);
    let cases = vec![
        redis("long", Answer::json(&won).padded_to(100 << 10), MALFORMED),
        redis("endless", Answer::json(&won).endless(), NO_ANSWER),
        redis("cut", Answer::json(&won).close(Place::InBody), NO_ANSWER),
        redis("closed", Answer::json(&won).close(Place::BeforeHead), UNREACHABLE),
        redis("garbage", Answer::raw([1, 2, 3, 4]), GARBLED),
        redis("not-http", Answer::raw("HTTP/9.9 xx\r\n\r\n"), GARBLED),
        redis("created", Answer::new(201).body(won.to_string()), ("status", "the status was 201, not 200")),
        redis(
            "switching",
            Answer::raw("HTTP/1.1 101 \r\n\r\n{\"SET\":null}"),
            ("status", "the status was 101, not 200"),
        ),
        redis("other-command", Answer::json(&json!({"GET": null})), MALFORMED),
        redis("old-redis", Answer::json(&json!({"SET": [true, "OK"]})), MALFORMED),
        redis("html", Answer::new(200).header("content-type", "text/html").body("<html>"), MALFORMED),
        redis("empty", Answer::new(200), MALFORMED),
        redis("redirect", Answer::new(302).header("location", "/x"), ("status", "the status was 302, not 200")),
        etcd("no-message", 200, b"", ok, MALFORMED),
        etcd("no-status", 200, created, &[], MALFORMED),
        etcd("http-error", 500, created, ok, ("status", "the status was 500, not 200")),
        etcd("compressed", 200, &[&[1], &created[1..]].concat(), ok, MALFORMED),
        etcd("two-messages", 200, &[created, created].concat(), ok, MALFORMED),
        etcd("long-message", 200, &vec![b' '; 100 << 10], ok, MALFORMED),
        etcd("html-in-http2", 200, b"<html>", &[], MALFORMED),
        etcd(
            "busy",
            200,
            b"",
            &[("grpc-status", "8"), ("grpc-message", "etcdserver: too many requests")],
            failed("the engine reported: gRPC status 8 etcdserver: too many requests"),
        ),
        etcd(
            "lease-never-there",
            200,
            b"",
            &[("grpc-status", "5"), ("grpc-message", "no lease")],
            failed("the engine reported: gRPC status 5 no lease"),
        ),
        other("redis-itself", "redis", resp, false, UNREACHABLE),
        other("webdis-as-etcd", "etcd", webdis, false, ("status", "the status was 403, not 200")),
        other("webdis-over-http2", "etcd", webdis, true, failed(NOT_HTTP2)),
        other("redis-over-http2", "etcd", resp, true, failed(NOT_HTTP2)),
        other("etcd-without-http2", "etcd", real_etcd, false, ("status", "the status was 404, not 200")),
        other("etcd-as-redis", "redis", real_etcd, false, ("status", "the status was 404, not 200")),
        Case { name: "no-host", kind: "redis", server: Server::NoHost, failure: NO_HOST },
        Case { name: "no-cluster", kind: "etcd", server: Server::NoCluster, failure: NO_CLUSTER },
    ];
    let fleet = start(&cases);
    let proxy = &fleet.proxies[0];
    let mut differences = Vec::new();
    let tokens: Vec<_> = cases.iter().map(|case| token(case.name)).collect();
    for (case, token) in cases.iter().zip(&tokens) {
        if let Err(difference) = proxy.run(case.name, &unavailable(token)) {
            differences.push(format!("{}: {difference}", case.name));
        }
    }
    let mut expected = std::collections::BTreeMap::new();
    cases.iter().for_each(|case| *expected.entry(case.failure.0.to_owned()).or_insert(0) += 1);
    let found = failures(&fleet, 0);
    if found != expected.into_iter().collect::<Vec<_>>() {
        differences.push(format!("counted {found:?}"));
    }
    for case in &cases {
        let Case { name, kind, failure: (_, because), .. } = case;
        let begin = format!("[warning] jtiStore: {kind} (cluster {name}) does not say whether a jti was used: ");
        let found: Vec<_> = engine_lines(&fleet, 0).into_iter().filter(|line| line.starts_with(&begin)).collect();
        if found != [format!("{begin}{because}")] {
            differences.push(format!("{name}: {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    fleet.assert_healthy(&tokens.iter().map(String::as_str).collect::<Vec<_>>());
}

/// The complete answer after an interim one is an answer.
#[test]
fn an_interim_response_before_the_answer_is_passed_over() {
    let bytes = "HTTP/1.1 103 \r\nlink: </x>\r\n\r\nHTTP/1.1 200 \r\ncontent-length: 12\r\n\r\n{\"SET\":null}";
    let server = KeyServer::start().unwrap();
    server.set("/", Answer::raw(bytes));
    let cases = [Case { name: "interim", kind: "redis", server: Server::Http1(server), failure: NO_ANSWER }];
    let fleet = start(&cases);
    let token = token("interim");
    let proxy = &fleet.proxies[0];
    let results = [accepted(&token), used(&token)].map(|step| proxy.run("interim", &step));
    assert_eq!(failures(&fleet, 0), [], "{:?}", engine_lines(&fleet, 0));
    proxy.report(&results.into_iter().filter_map(Result::err).collect::<Vec<_>>());
    fleet.assert_healthy(&[&token]);
}

/// Somebody else's key, for example because another program uses the same Redis.
#[test]
fn a_key_with_a_value_of_another_type_is_an_error_of_redis() {
    let engine = Engine::redis(Persistence::Nothing);
    let Engine::Redis(redis, _) = &engine else { unreachable!() };
    let fleet = Fleet::start(&newest_envoy(), &engine, &Settings { workers: 1, ..Settings::default() });
    let token = token("list");
    fleet.expect(0, &accepted(&token));
    let key = engine.entries(PREFIX).remove(0).key;
    assert_eq!(redis.command(&["DEL", &key]), Ok(Reply::Integer(1)));
    assert_eq!(redis.command(&["LPUSH", &key, "x"]), Ok(Reply::Integer(1)));
    fleet.expect(1, &unavailable(&token));
    let line = "[warning] jtiStore: redis (cluster jti-store) does not say whether a jti was used: the engine \
                reported: WRONGTYPE Operation against a key holding the wrong kind of value";
    await_lines(&fleet, 1, &[line]);
    assert_eq!(failures(&fleet, 1), [("engine_error".to_owned(), 1)]);
    // The list is as it was.
    assert_eq!(redis.command(&["LLEN", &key]), Ok(Reply::Integer(1)));
    fleet.assert_healthy(&[&token]);
}

/// One Envoy of one worker with a listener for each case.
fn start(cases: &[Case]) -> Fleet {
    let listener = |case: &Case| {
        let Case { name, kind, .. } = case;
        let store = format!("{{kind: {kind}, cluster: {name}, timeoutMilliseconds: 1500}}");
        let lines = format!("preventJtiReplay: true\njtiStore: {store}");
        Listener::new(name, vec![filter(Configuration::Text(header_config(&lines)), None)])
    };
    let upstream = Upstream::start();
    let bootstrap = Bootstrap::fixed(upstream.address(), cases.iter().map(listener).collect());
    let cluster = |case: &Case| match &case.server {
        Server::Http1(server) => Some(Cluster::new(case.name, server.address())),
        Server::Http2(server) => Some(Cluster::new(case.name, server.address()).over_http2()),
        Server::Other(address, true) => Some(Cluster::new(case.name, *address).over_http2()),
        Server::Other(address, false) => Some(Cluster::new(case.name, *address)),
        Server::NoHost => Some(Cluster::with_hosts(case.name, &[])),
        Server::NoCluster => None,
    };
    let bootstrap = cases.iter().filter_map(cluster).fold(bootstrap, Bootstrap::with_cluster);
    let envoy = Envoy::start(&newest_envoy(), &bootstrap, 1).unwrap_or_else(|error| panic!("{error}"));
    Fleet { proxies: vec![Proxy { envoy, upstream }] }
}
