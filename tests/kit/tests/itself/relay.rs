//! A relay that loses answers.

use std::time::Duration;

use kit::engines::Etcd;
use kit::http::{Address, Connection, RequestBuilder, exchange};
use kit::http2;
use kit::key_server::{Answer, KeyServer};
use kit::relay::{Loss, Relay};

fn server() -> (KeyServer, Relay) {
    let server = KeyServer::start().unwrap();
    server.set("/", Answer::new(200).body("here"));
    let relay = Relay::start(server.address()).unwrap();
    (server, relay)
}

#[test]
fn an_answer_over_http1_is_lost_after_the_server_got_the_request() {
    let (server, relay) = server();
    let (address, get) = (Address::Tcp(relay.address()), RequestBuilder::get("/").build());
    let ask = || exchange(&address, &get).map(|response| response.text()).ok();
    assert_eq!(ask().as_deref(), Some("here"));
    relay.lose(2, Loss::Closing);
    assert_eq!([ask(), ask(), ask()], [None, None, Some("here".to_owned())]);
    assert_eq!((relay.lost(), server.requests("/")), (2, 4));

    let mut connection = Connection::open(&address).unwrap();
    let mut both = || connection.send(&get).and_then(|()| connection.receive()).map(|response| response.text()).ok();
    assert_eq!(both().as_deref(), Some("here"));
    relay.lose(1, Loss::Silent);
    // Two requests on the silent connection; others are served.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(both);
        assert_eq!(server.wait_for_requests("/", 6), 6);
        while relay.lost() < 3 {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ask().as_deref(), Some("here"));
        assert!(!waiting.is_finished());
        relay.mend().unwrap();
        assert_eq!(waiting.join().unwrap(), None, "the silent connection is closed");
    });

    relay.cut();
    assert_eq!((ask(), server.requests("/")), (None, 7));
    relay.mend().unwrap();
    assert_eq!(ask().as_deref(), Some("here"));
}

#[test]
fn an_answer_over_http2_is_lost_after_the_server_got_the_request() {
    let etcd = Etcd::start(1).unwrap();
    let relay = Relay::start(etcd.addresses()[0]).unwrap();
    let address = Address::Tcp(relay.address());
    // A PutRequest of the key `k` with this value, in the frame of gRPC.
    let put = |value: u8| {
        let message = vec![0, 0, 0, 0, 6, 0x0a, 1, b'k', 0x12, 1, value];
        let request = http2::Request::post("/etcdserverpb.KV/Put").header("content-type", "application/grpc");
        request.header("te", "trailers").body(http2::Body::Data(vec![message]))
    };
    let value = || etcd.entries("k").unwrap()[0].value.clone();
    let statuses = |connection: &mut http2::Connection, values: &[u8]| {
        let answers = connection.exchange_all(values.iter().map(|value| put(*value)).collect());
        let status = |answer: std::io::Result<kit::http::Response>| {
            answer
                .ok()
                .map(|answer| answer.trailers.iter().any(|trailer| *trailer == ("grpc-status".into(), b"0".into())))
        };
        answers.into_iter().map(status).collect::<Vec<_>>()
    };

    let mut connection = http2::Connection::open(&address).unwrap();
    // Each answer has two HEADERS frames.
    relay.lose(usize::MAX, Loss::Closing);
    relay.mend().unwrap();
    assert_eq!(statuses(&mut connection, b"12"), [Some(true), Some(true)]);
    for (value_sent, loss) in [(b'3', Loss::Closing), (b'4', Loss::Silent)] {
        relay.lose(1, loss);
        let mut connection = http2::Connection::open(&address).unwrap();
        assert_eq!(statuses(&mut connection, &[value_sent]), [None], "{loss:?}");
        assert_eq!(value().as_bytes(), [value_sent], "{loss:?}");
        assert_eq!(statuses(&mut http2::Connection::open(&address).unwrap(), b"5"), [Some(true)], "{loss:?}");
    }
    assert_eq!(relay.lost(), 2);
}
