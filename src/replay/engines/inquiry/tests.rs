use super::*;
use crate::document::parse_for_test;

const NOW: Millis = 1_700_000_000_000;
const END: u32 = 1_700_000_300;
const VALUE: [u8; 16] = [0xab; 16];

fn store(fields: &str) -> JtiStore {
    let text = format!("{{cluster: jti-store{fields}}}");
    parse_for_test(&text, |field, faults| JtiStore::parse(&field, faults)).unwrap()
}

fn redis(body: &str) -> Reply<'_> {
    Reply::Answer { headers: &[(":status", b"200")], body: body.as_bytes(), trailers: &[] }
}

fn etcd<'a>(body: &'a [u8], trailers: &'a [crate::header_map::Header<'a>]) -> Reply<'a> {
    Reply::Answer { headers: &[(":status", b"200")], body, trailers }
}

#[test]
fn redis_is_asked_with_one_command_whose_key_is_a_hash() {
    let store = store(", kind: redis, keyPrefix: 'a/b c'");
    let (inquiry, call) = Inquiry::begin(&store, &[0x0f; 16], VALUE, END, NOW);
    assert_eq!(call.cluster, "jti-store");
    assert_eq!([":method", ":path", ":authority"].map(|name| call.header(name).unwrap()), ["POST", "/", "jti-store"]);
    let expected = format!("SET/a%2Fb%20c{}/{}/NX/EX/360/GET", "0f".repeat(16), "ab".repeat(16));
    assert_eq!(String::from_utf8(call.body).unwrap(), expected);
    assert_eq!(call.timeout, Duration::from_millis(125));
    assert_eq!(inquiry.clone().answer(&store, redis(r#"{"SET":null}"#), NOW), Progress::Won);
    let own = format!(r#"{{"SET":"{}"}}"#, "ab".repeat(16));
    assert_eq!(inquiry.clone().answer(&store, redis(&own), NOW), Progress::Won);
    assert_eq!(inquiry.answer(&store, redis(r#"{"SET":"cd"}"#), NOW), Progress::Lost);
}

#[test]
fn a_failure_is_repeated_with_the_same_value_within_the_time() {
    let store = store(", kind: redis, timeoutMilliseconds: 100");
    let failures = [
        (Reply::NoAnswer, "no_answer"),
        (redis(r#"{"SET":[false,"ERR"]}"#), "engine_error"),
        (redis("<html>"), "malformed"),
        (Reply::Answer { headers: &[(":status", b"503")], body: b"", trailers: &[] }, "status"),
    ];
    for (failure, name) in failures {
        let (mut inquiry, first) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
        let mut timeouts = vec![first.timeout.as_millis()];
        for elapsed in [10, 20] {
            let Progress::Call(next, call) = inquiry.answer(&store, failure, NOW + elapsed) else {
                panic!("{failure:?}")
            };
            assert_eq!(call.body, first.body);
            timeouts.push(call.timeout.as_millis());
            inquiry = next;
        }
        assert_eq!(timeouts, [50, 45, 80]);
        assert_eq!(failed(inquiry.answer(&store, failure, NOW + 30)), name);
    }
    let (inquiry, _) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
    assert_eq!(failed(inquiry.answer(&store, Reply::NoAnswer, NOW + 100)), "no_answer", "the time is over");
}

#[test]
fn a_call_that_cannot_be_sent_is_not_repeated() {
    let store = store(", kind: redis");
    for (reply, name) in [(Reply::NoCluster, "no_cluster"), (Reply::NoHost, "no_host")] {
        let (inquiry, _) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
        assert_eq!(failed(inquiry.answer(&store, reply, NOW)), name);
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_call_wait_longer() {
    let store = store(", kind: redis, timeoutMilliseconds: 100");
    let (inquiry, _) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
    let Progress::Call(_, call) = inquiry.answer(&store, Reply::NoAnswer, NOW - 3_600_000) else { panic!("a call") };
    assert_eq!(call.timeout, Duration::from_millis(50));
}

#[test]
fn an_etcd_that_never_has_the_lease_is_not_asked_for_ever() {
    let store = store(", kind: etcd");
    let (mut inquiry, _) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
    let mut calls = 1;
    let failure = loop {
        let status: &[u8] = if calls % 2 == 1 { b"5" } else { b"9" };
        match inquiry.answer(&store, etcd(b"", &[("grpc-status", status)]), NOW) {
            Progress::Call(next, _) => inquiry = next,
            other => break failed(other),
        }
        calls += 1;
    };
    assert_eq!((failure, calls), ("malformed", 5));
}

#[test]
fn a_missing_lease_takes_none_of_the_attempts() {
    let store = store(", kind: etcd");
    let next = |inquiry: Inquiry, reply| match inquiry.answer(&store, reply, NOW) {
        Progress::Call(next, _) => next,
        other => panic!("{other:?}"),
    };
    let (inquiry, _) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
    let granting = next(inquiry, etcd(b"", &[("grpc-status", b"5")]));
    let second = next(next(granting, etcd(b"", &[("grpc-status", b"9")])), Reply::NoAnswer);
    let last = next(second, Reply::NoAnswer);
    assert_eq!(failed(last.answer(&store, Reply::NoAnswer, NOW)), "no_answer");
}

fn failed(progress: Progress) -> &'static str {
    let Progress::Failed(failure) = progress else { panic!("{progress:?}") };
    failure.name()
}

#[test]
fn etcd_is_asked_for_a_lease_only_if_it_is_missing() {
    let store = store(", kind: etcd, authority: 'etcd:2379'");
    let (inquiry, record) = Inquiry::begin(&store, &[1; 16], VALUE, END, NOW);
    assert_eq!(
        [":path", ":authority", "content-type", "te"].map(|name| record.header(name).unwrap()),
        ["/etcdserverpb.KV/Txn", "etcd:2379", "application/grpc", "trailers"]
    );
    let missing = [("grpc-status", &b"5"[..])];
    let Progress::Call(inquiry, grant) = inquiry.answer(&store, etcd(b"", &missing), NOW) else { panic!("a grant") };
    assert_eq!(grant.header(":path"), Some("/etcdserverpb.Lease/LeaseGrant"));
    let exists = [("grpc-status", &b"9"[..])];
    let Progress::Call(inquiry, again) = inquiry.answer(&store, etcd(b"", &exists), NOW) else { panic!("again") };
    assert_eq!((again.header(":path"), &again.body), (record.header(":path"), &record.body));
    let won = [0, 0, 0, 0, 6, 0x10, 1, 0x1a, 2, 0x12, 0];
    assert_eq!(inquiry.answer(&store, etcd(&won, &[("grpc-status", b"0")]), NOW), Progress::Won);
}
