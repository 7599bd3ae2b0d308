use super::*;

const LEASE: Lease = Lease { id: 7, ttl_seconds: 90, end: 0 };

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.bytes().filter(|byte| *byte != b' ').map(|byte| (byte as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn framed(hex: &str) -> Vec<u8> {
    let message = bytes(hex);
    [&[0, 0, 0, 0, message.len() as u8][..], &message].concat()
}

/// The reply with this body and status in the trailers.
fn txn(body: &[u8], grpc_status: &str) -> Result<TxnReply, EngineFailure> {
    let trailers = [("grpc-status", grpc_status.as_bytes())];
    read_txn(EngineReply { headers: &[(":status", b"200")], body, trailers: &trailers }, b"1")
}

fn reported(grpc_status: &str) -> EngineFailure {
    engine_error(format!("gRPC status {grpc_status}").as_bytes())
}

#[test]
fn a_transaction_has_the_bytes_that_etcd_expects() {
    // As etcdctl sends them.
    let expected = "0a0710011a016b2800 120a12080a016b1201311807 1a050a030a016b";
    assert_eq!(create_or_read(b"k", b"1", &LEASE), framed(expected));
    assert_eq!(LEASE.grant(), framed("085a 1007"));
}

#[test]
fn only_a_created_key_or_the_own_value_wins() {
    const PUT: &str = "1001 1a02 1200";
    let found = |value: &str| {
        format!("1a{:02x} 0a{:02x} 12{:02x} {value}", value.len() / 2 + 4, value.len() / 2 + 2, value.len() / 2)
    };
    let answer = |answer| Ok(TxnReply::Answer(answer));
    for (message, expected) in [
        (PUT.to_owned(), answer(Answer::Won)),
        (found("2a0131"), answer(Answer::Won)),
        (found("2a0132"), answer(Answer::Lost)),
        (found("2a03313131"), answer(Answer::Lost)),
        // A key that is there and has no value, none at all, two of them, and answers that contradict themselves.
        (found(""), Err(EngineFailure::Malformed)),
        ("1a020a00".to_owned(), Err(EngineFailure::Malformed)),
        ("1a0c 0a0a 1203 2a0132 1203 2a0132".to_owned(), Err(EngineFailure::Malformed)),
        ("1a02 1200".to_owned(), Err(EngineFailure::Malformed)),
        ("1001".to_owned(), Err(EngineFailure::Malformed)),
        (format!("1001{}", found("2a0132")), Err(EngineFailure::Malformed)),
        (String::new(), Err(EngineFailure::Malformed)),
    ] {
        assert_eq!(txn(&framed(&message), "0"), expected, "{message}");
        for status in ["2", "8", "14", "", "00"] {
            assert_eq!(txn(&framed(&message), status), Err(reported(status)), "{message}, {status}");
        }
        assert_eq!(txn(&framed(&message), "5"), Ok(TxnReply::LeaseMissing));
    }
    let won = framed(PUT);
    for damaged in
        [&won[..won.len() - 1], &[&won[..], &[0]].concat(), &[&[1], &won[1..]].concat(), b"", b"<html>", b"\0\0\0\0\0"]
    {
        assert_eq!(txn(damaged, "0"), Err(EngineFailure::Malformed), "{damaged:x?}");
    }
    let without_status = EngineReply { headers: &[(":status", b"200")], body: &won, trailers: &[] };
    assert_eq!(read_txn(without_status, b"1"), Err(EngineFailure::Malformed));
    let of_a_proxy = EngineReply { headers: &[(":status", b"503"), ("grpc-status", b"0")], body: &won, trailers: &[] };
    assert_eq!(read_txn(of_a_proxy, b"1"), Err(EngineFailure::Status(503)));
    let no_space = [("grpc-status", &b"8"[..]), ("grpc-message", b"etcdserver: mvcc: database space exceeded")];
    let no_space =
        EngineReply { headers: &[&[(":status", &b"200"[..])], &no_space[..]].concat(), body: b"", trailers: &[] };
    let failure = read_txn(no_space, b"1").unwrap_err();
    assert_eq!(failure.name(), "engine_error");
    assert_eq!(failure.to_string(), "the engine reported: gRPC status 8 etcdserver: mvcc: database space exceeded");
}

#[test]
fn a_lease_covers_its_span_for_every_clock_and_all_workers_compute_the_same() {
    for (end, now) in [(1_000_000, 999_000), (1_000_000, 1_000_000), (1_000_000, 400_000), (u32::MAX, 0), (5, 10)] {
        let lease = Lease::until(end, now, 60, "a/");
        assert!(lease.id > 0, "{lease:?}");
        assert!(lease.end >= end, "{lease:?}");
        let ttl = u64::from(lease.ttl_seconds);
        assert!(ttl >= u64::from(lease.end.saturating_sub(now)) + 60 || lease.ttl_seconds == u32::MAX, "{lease:?}");
        assert_eq!(Lease::until(end, now, 60, "a/"), lease);
        assert_ne!(Lease::until(end, now, 60, "b/").id, lease.id);
    }
    let ids: std::collections::BTreeSet<i64> =
        (0..3600).map(|second| Lease::until(1_000_000 + second, 990_000, 60, "a/").id).collect();
    assert!(ids.len() < 20, "{} leases for an hour", ids.len());
}

#[test]
fn a_lease_that_exists_already_is_granted() {
    let grant = |body: &[u8], grpc_status: &str| {
        let trailers = [("grpc-status", grpc_status.as_bytes())];
        read_grant(EngineReply { headers: &[(":status", b"200")], body, trailers: &trailers }, &LEASE)
    };
    assert_eq!(grant(&framed("1007 185a"), "0"), Ok(()));
    assert_eq!(grant(b"", "9"), Ok(()));
    for (body, status) in [("1008 185a", "0"), ("1007 2201 78", "0"), ("", "0"), ("1007", "14"), ("1007", "5")] {
        assert!(grant(&framed(body), status).is_err(), "{body} {status}");
    }
}
