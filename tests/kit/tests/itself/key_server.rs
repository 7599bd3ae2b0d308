//! Each misbehaviour of the key server is what it says, byte for byte.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use kit::http::{Address, Connection, RequestBuilder, Response, exchange};
use kit::key_server::{Answer, Gate, KeyServer, Place};
use serde_json::json;

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(60);

fn get(server: &KeyServer, path: &str) -> Response {
    let address = Address::Tcp(server.address());
    exchange(&address, &RequestBuilder::get(path).build()).expect("an answer")
}

/// A server that gives this answer to `/`.
fn serving(answer: Answer) -> KeyServer {
    let server = KeyServer::start().expect("a free port");
    server.set("/", answer);
    server
}

/// Checks that one request for `/` gets exactly these bytes, and that then the server closes, or sends nothing more.
fn sends(answer: Answer, expected: &[u8], closes: bool) {
    let server = serving(answer);
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(&RequestBuilder::get("/").build()).expect("sent");
    stream.set_read_timeout(Some(LONG / 2)).expect("a timeout");
    let mut received = vec![0; expected.len()];
    stream.read_exact(&mut received).expect("as many bytes as expected");
    assert_eq!(received.escape_ascii().to_string(), expected.escape_ascii().to_string());

    if !closes {
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    }
    let more = stream.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(more, if closes { Ok(0) } else { Err(io::ErrorKind::WouldBlock) }, "{}", expected.escape_ascii());
}

#[test]
fn paths_are_answered_as_set_and_requests_are_logged() {
    let server = KeyServer::start().expect("a free port");
    server.set("/keys", Answer::json(&json!({"keys": []})).header("cache-control", "max-age=60"));
    server.set("/keys?a=b", Answer::new(500).body("no"));
    let started = Instant::now();

    let mut connection = Connection::open(&Address::Tcp(server.address())).expect("a connection");
    let mut next = |request: RequestBuilder| {
        connection.send(&request.build()).expect("sent");
        connection.receive().expect("an answer")
    };
    let keys = next(RequestBuilder::get("/keys").header("accept", "application/json"));
    assert_eq!(keys.status, 200);
    let headers = keys.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    assert_eq!(
        headers.collect::<Vec<_>>(),
        [("content-type", b"application/json".as_slice()), ("cache-control", b"max-age=60"), ("content-length", b"11"),]
    );
    assert_eq!(keys.body, br#"{"keys":[]}"#);
    let other = next(RequestBuilder::get("/keys?a=b"));
    assert_eq!((other.status, other.body.as_slice()), (500, b"no".as_slice()));
    let unknown = next(RequestBuilder::post("/other").body("x"));
    assert_eq!((unknown.status, unknown.body.as_slice()), (404, b"".as_slice()));
    assert_eq!(server.set("/keys", Answer::new(204)), 1, "one request got the earlier answer");
    assert_eq!(next(RequestBuilder::get("/keys")).status, 204);

    assert_eq!(["/keys", "/keys?a=b", "/other", "/none"].map(|path| server.requests(path)), [2, 1, 1, 0]);
    let received = server.received();
    let lines = received.iter().map(|one| (one.request.method.as_str(), one.request.target.as_slice()));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [("GET", b"/keys".as_slice()), ("GET", b"/keys?a=b"), ("POST", b"/other"), ("GET", b"/keys")]
    );
    assert_eq!(received[0].request.header("accept"), Some(b"application/json".as_slice()));
    assert_eq!(received[2].request.body, b"x");
    assert!(received.is_sorted_by_key(|one| one.at) && received[0].at >= started);
}

#[test]
fn an_answer_pauses_or_closes_at_each_place() {
    let answer = || Answer::new(200).header("a", "b").body("0123456789");
    let head = b"HTTP/1.1 200 \r\na: b\r\ncontent-length: 10\r\n\r\n".as_slice();
    let whole = [head, b"0123456789"].concat();
    sends(answer(), &whole, false);

    let short = Duration::from_millis(300);
    for (place, length) in [(Place::BeforeHead, 0), (Place::InHead, head.len() / 2), (Place::InBody, head.len() + 5)] {
        sends(answer().close(place), &whole[..length], true);
        sends(answer().wait(place, LONG), &whole[..length], false);

        let server = serving(answer().wait(place, short));
        let started = Instant::now();
        assert_eq!(get(&server, "/").body, b"0123456789", "{place:?}");
        assert!(started.elapsed() >= short, "{place:?}");
    }

    let late_close = serving(answer().wait(Place::InBody, short).close(Place::InBody));
    let started = Instant::now();
    let cut = exchange(&Address::Tcp(late_close.address()), &RequestBuilder::get("/").build());
    assert!(cut.is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof));
    assert!(started.elapsed() >= short);
}

#[test]
fn an_answer_behind_a_gate_begins_when_the_gate_is_opened() {
    let gate = Gate::default();
    let server = serving(Answer::new(200).behind(&gate));
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(&RequestBuilder::get("/").build()).expect("sent");
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    assert_eq!(stream.read(&mut [0]).map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock));
    assert_eq!(server.requests("/"), 1);
    gate.open();
    assert_eq!(stream.read(&mut [0]).expect("a byte"), 1);
    assert_eq!(get(&server, "/").status, 200, "the gate stays open");
}

#[test]
fn bodies_are_padded_to_their_exact_length() {
    let keys = json!({"keys": [{"kty": "EC"}]});
    let limit = 256 << 10;
    for length in [limit - 1, limit, limit + 1, 40 << 20] {
        for answer in [
            Answer::json(&keys).padded_to(length),
            Answer::json(&keys).padded_to(length).chunked(),
            Answer::json(&keys).padded_to(length).until_close(),
        ] {
            let response = get(&serving(answer.clone()), "/");
            assert_eq!(response.body.len(), length, "{answer:?}");
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&response.body).expect("JSON"), keys);
        }
    }
    let short = get(&serving(Answer::new(200).body("longer").padded_to(2)), "/");
    assert_eq!(short.body, b"longer");
}

#[test]
fn framings_of_a_body() {
    let answer = || Answer::new(200).body("ab");
    for (answer, expected, closes) in [
        (answer(), "HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nab", false),
        (answer().chunked(), "HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", false),
        (answer().until_close(), "HTTP/1.1 200 \r\nconnection: close\r\n\r\nab", true),
        (Answer::new(404), "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n", false),
        (Answer::new(404).chunked(), "HTTP/1.1 404 \r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", false),
        (Answer::new(204).body("ab").chunked(), "HTTP/1.1 204 \r\n\r\n", false),
        (Answer::new(304), "HTTP/1.1 304 \r\n\r\n", false),
    ] {
        sends(answer, expected.as_bytes(), closes);
    }
}

#[test]
fn an_endless_body_does_not_end_and_costs_nobody_else() {
    for answer in [Answer::new(200).body("{}").endless(), Answer::new(200).body("{}").endless().until_close()] {
        let server = serving(answer);
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.write_all(&RequestBuilder::get("/").build()).expect("sent");
        let mut received = vec![0; 50 << 20];
        stream.read_exact(&mut received).expect("no end");
        assert!(received.starts_with(b"HTTP/1.1 200 "));
        assert_eq!(get(&server, "/other").status, 404);
    }
}

#[test]
fn heads_are_sent_exactly_as_given() {
    let gzip = get(&serving(Answer::json(&json!({})).header("Content-Encoding", "gzip")), "/");
    assert_eq!((gzip.header("content-encoding"), gzip.body.as_slice()), (Some(b"gzip".as_slice()), b"{}".as_slice()));

    let redirect = get(&serving(Answer::new(302).header("location", "/elsewhere")), "/");
    assert_eq!((redirect.status, redirect.header("location")), (302, Some(b"/elsewhere".as_slice())));

    let html = get(&serving(Answer::new(200).header("content-type", "text/html").body("<p>")), "/");
    assert_eq!((html.header("content-type"), html.body.as_slice()), (Some(b"text/html".as_slice()), b"<p>".as_slice()));

    let high = get(&serving(Answer::new(200).header("x", b"caf\xc3\xa9 \xff\x80")), "/");
    assert_eq!(high.header("x"), Some(b"caf\xc3\xa9 \xff\x80".as_slice()));

    let many = (0..150).fold(Answer::new(200), |answer, number| answer.header(format!("x-{number}"), "y"));
    assert_eq!(get(&serving(many), "/").headers.len(), 151);
}

#[test]
fn bytes_that_are_not_http_are_sent_and_the_connection_is_closed() {
    let garbage = b"\x16\x03\x01 not HTTP \xff\r\n\r\n".as_slice();
    sends(Answer::raw(garbage), garbage, true);
    sends(Answer::raw(""), b"", true);
    sends(Answer::raw(garbage).close(Place::InHead), &garbage[..garbage.len() / 2], true);
}

#[test]
fn a_stopped_server_refuses_and_answers_again_on_the_same_port() {
    let mut server = serving(Answer::new(200).body("keys"));
    let address = server.address();
    let mut idle = TcpStream::connect(address).expect("a connection");
    idle.write_all(b"GET / HT").expect("sent");
    assert_eq!(get(&server, "/").status, 200);

    for round in 2..12 {
        server.stop();
        assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0, "an open connection is closed");
        let refused = TcpStream::connect(address).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::ConnectionRefused));
        server.restart().expect("the same port");
        idle = TcpStream::connect(address).expect("a connection");
        assert_eq!((get(&server, "/").body.as_slice(), server.requests("/")), (b"keys".as_slice(), round));
    }
    assert_eq!(server.address(), address);
    drop(server);
    assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_pause_does_not_delay_the_stop() {
    let mut server = serving(Answer::new(200).wait(Place::BeforeHead, LONG));
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.write_all(&RequestBuilder::get("/").build()).expect("sent");
    assert_eq!(server.wait_for_requests("/", 1), 1);
    server.stop();
    stream.set_read_timeout(Some(LONG / 2)).expect("a timeout");
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
}

#[test]
fn waiting_for_requests_ends_with_the_last_of_them() {
    let server = serving(Answer::new(200));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.wait_for_requests("/", 2));
        for path in ["/", "/other", "/"] {
            get(&server, path);
        }
        assert_eq!(waiting.join().expect("it ends"), 2);
    });
    assert_eq!(server.wait_for_requests("/", 1), 2);
}
