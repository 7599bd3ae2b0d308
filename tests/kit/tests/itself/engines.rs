//! Live engines.

use std::thread;
use std::time::{Duration, Instant};

use kit::engines::{Entry, Etcd, Persistence, Redis, Reply, Webdis};
use kit::http::{Address, RequestBuilder, Response, exchange};
use serde_json::json;

fn text(text: &str) -> Result<Reply, String> {
    Ok(Reply::Text(text.to_owned()))
}

fn post(webdis: &Webdis, command: &str) -> Response {
    exchange(&Address::Tcp(webdis.address()), &RequestBuilder::post("/").body(command).build()).expect("an answer")
}

#[test]
fn a_cluster_of_etcd_survives_its_leader_and_not_its_majority() {
    let etcd = Etcd::start(3).unwrap();
    etcd.put("a/1", b"one").unwrap();
    let lease = json!({"ID": "77", "TTL": "300"});
    etcd.call(0, "/v3/lease/grant", &lease).unwrap();
    etcd.call(1, "/v3/kv/put", &json!({"key": "YS8y", "value": "dHdv", "lease": "77"})).unwrap();
    etcd.put("b/1", b"three").unwrap();
    let entries = etcd.entries("a/").unwrap();
    let [Entry { ttl_seconds: Some(ttl), .. }] = &entries[1..] else { panic!("{entries:?}") };
    assert!((240..=300).contains(ttl), "{entries:?}");
    let entry = |key: &str, value: &str, ttl_seconds| Entry { key: key.into(), value: value.into(), ttl_seconds };
    assert_eq!(entries, [entry("a/1", "one", None), entry("a/2", "two", Some(*ttl))]);
    assert_eq!(etcd.leases().unwrap(), ["77"]);

    let first = etcd.leader();
    etcd.nodes()[first].kill();
    let second = etcd.leader();
    assert_ne!(first, second);
    etcd.put("a/3", b"four").unwrap();
    etcd.nodes()[second].stop();
    assert!(etcd.put("a/4", b"five").is_err(), "a write without a majority");
    etcd.nodes()[second].cont();
    etcd.nodes()[first].restart().unwrap();
    etcd.wait_until_healthy().unwrap();
    assert!(etcd.nodes().iter().all(|node| node.is_running()));
    assert_eq!(etcd.entries("a/3").unwrap(), [entry("a/3", "four", None)]);
}

#[test]
fn etcd_over_its_quota_raises_an_alarm() {
    let etcd = Etcd::start_with(1, &["--quota-backend-bytes=2097152"]).unwrap();
    assert_eq!(etcd.alarms().unwrap(), Vec::<String>::new());
    let full = (0..20).find_map(|number| etcd.put(&format!("k{number}"), &[7; 500_000]).err());
    assert!(full.as_ref().is_some_and(|error| error.contains("database space exceeded")), "{full:?}");
    assert_eq!(etcd.alarms().unwrap(), ["NOSPACE"]);
}

#[test]
fn redis_is_read_only_or_out_of_memory_on_command() {
    let redis = Redis::start(Persistence::Nothing).unwrap();
    let set = |value: &str| redis.command(&["SET", "a", value]);
    let fails = |code: &str| matches!(set("no"), Ok(Reply::Error(error)) if error.starts_with(code));
    assert_eq!(set("1"), text("OK"));
    redis.set_read_only(true);
    assert!(fails("READONLY"));
    redis.set_read_only(false);
    redis.set_out_of_memory(true);
    assert!(fails("OOM"));
    redis.set_out_of_memory(false);
    assert_eq!(redis.command(&["SET", "ab", "", "EX", "100"]), text("OK"));
    assert_eq!(redis.command(&["GET", "none"]), Ok(Reply::Nothing));
    let entries = redis.entries("a").unwrap();
    let shown: Vec<_> = entries.iter().map(|one| (&one.key[..], &one.value[..], one.ttl_seconds.is_some())).collect();
    assert_eq!(shown, [("a", "1", false), ("ab", "", true)]);
    assert!((50..=100).contains(&entries[1].ttl_seconds.unwrap()));
}

#[test]
fn redis_knows_after_a_restart_what_it_kept() {
    for (persistence, kept) in [(Persistence::Nothing, Ok(Reply::Nothing)), (Persistence::EveryWrite, text("1"))] {
        let redis = Redis::start(persistence).unwrap();
        assert_eq!(redis.command(&["SET", "a", "1"]), text("OK"));
        redis.process().kill();
        assert!(redis.command(&["PING"]).is_err());
        redis.restart().unwrap();
        assert_eq!(redis.command(&["GET", "a"]), kept, "{persistence:?}");
    }
}

#[test]
fn webdis_answers_for_redis_and_accepts_only_what_the_filter_sends() {
    let redis = Redis::start(Persistence::Nothing).unwrap();
    let webdis = Webdis::start(redis.address()).unwrap();
    assert_eq!(post(&webdis, "SET/a/1/NX/EX/60/GET").text(), r#"{"SET":null}"#);
    assert_eq!(post(&webdis, "SET/a/2/NX/EX/60/GET").text(), r#"{"SET":"1"}"#);
    assert_eq!(post(&webdis, "FLUSHALL").status, 403);
    redis.process().stop();
    let hung = thread::scope(|scope| {
        let waiting = scope.spawn(|| post(&webdis, "SET/b/1/NX/EX/60/GET"));
        thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished(), "an answer of a suspended Redis");
        redis.process().cont();
        waiting.join().unwrap()
    });
    assert_eq!(hung.text(), r#"{"SET":null}"#);
    redis.process().kill();
    let started = Instant::now();
    while post(&webdis, "SET/c/1/NX/EX/60/GET").status != 503 {
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    redis.restart().unwrap();
    webdis.wait_until_answering().unwrap();
    assert_eq!(post(&webdis, "SET/a/1/NX/EX/60/GET").text(), r#"{"SET":null}"#);
    webdis.process().kill();
    webdis.process().restart().unwrap();
    webdis.wait_until_answering().unwrap();
}
