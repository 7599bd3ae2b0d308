//! The model of engines answers with the bytes of the real ones.

use kit::engine_model::protobuf::{bytes, number};
use kit::engine_model::{Answer, Engine, Kind, grpc, unframe};

const TXN: &str = "/etcdserverpb.KV/Txn";
const GRANT: &str = "/etcdserverpb.Lease/LeaseGrant";

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a [u8]> {
    let mut headers = answer.trailers.iter().chain(&answer.headers);
    headers.find_map(|(other, value)| (other == name).then_some(value.as_slice()))
}

/// A transaction with the key `k`, as in the documentation of etcd.
fn transaction(value: &[u8], lease: u64) -> Vec<u8> {
    let put = [bytes(1, b"k"), bytes(2, value), number(3, lease)].concat();
    let message =
        [bytes(1, b"\x10\x01\x1a\x01k\x28\x00"), bytes(2, &bytes(2, &put)), bytes(3, &bytes(1, b"\x0a\x01k"))];
    grpc(&message.concat()).body
}

fn grant(id: u64, seconds: u64) -> Vec<u8> {
    grpc(&[number(1, seconds), number(2, id)].concat()).body
}

#[test]
fn etcd_creates_once_reads_afterwards_and_forgets_with_the_lease() {
    let mut etcd = Engine::new(Kind::Etcd);
    assert_eq!(header(&etcd.answer(TXN, &transaction(b"1", 7), 0), "grpc-status"), Some(&b"5"[..]));
    assert_eq!(header(&etcd.answer(GRANT, &grant(7, 10), 0), "grpc-status"), Some(&b"0"[..]));
    assert_eq!(header(&etcd.answer(GRANT, &grant(7, 99), 0), "grpc-status"), Some(&b"9"[..]));
    let message = |answer: &Answer| unframe(&answer.body).expect("a message").to_vec();
    let won = message(&etcd.answer(TXN, &transaction(b"1", 7), 1));
    assert!(won.windows(2).any(|window| window == b"\x10\x01"), "{won:x?}");
    let lost = message(&etcd.answer(TXN, &transaction(b"2", 8), 9_999));
    assert!(lost.windows(3).any(|window| window == b"\x2a\x011"), "{lost:x?}");
    assert_eq!(etcd.value(b"k", 9_999), Some(&b"1"[..]));
    assert_eq!(etcd.value(b"k", 10_000), None);
}

#[test]
fn redis_creates_once_reads_afterwards_and_forgets_after_the_seconds() {
    let mut redis = Engine::new(Kind::Redis);
    let mut set = |value: &str, now| {
        let answer = redis.answer("/", format!("SET/a%2Fb/{value}/NX/EX/10/GET").as_bytes(), now);
        String::from_utf8(answer.body).expect("JSON")
    };
    assert_eq!(set("1", 0), r#"{"SET":null}"#);
    assert_eq!(set("2", 9_999), r#"{"SET":"1"}"#);
    assert_eq!(set("3", 10_000), r#"{"SET":null}"#);
    assert_eq!(redis.value(b"a/b", 10_000), Some(&b"3"[..]));
}

#[test]
#[should_panic(expected = "SET/k/1/NX/EX/0/GET")]
fn a_question_that_no_engine_understands_is_a_mistake() {
    Engine::new(Kind::Redis).answer("/", b"SET/k/1/NX/EX/0/GET", 0);
}
