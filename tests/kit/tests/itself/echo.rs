//! The HTTP client and the echoing upstream, with each other and with bytes that no library sends.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use kit::http::{Address, Connection, Request, RequestBuilder, Response, exchange};
use kit::upstream::Upstream;

/// The client's result for a server that sends these bytes and closes.
fn answered(answer: &'static [u8], request: &[u8]) -> std::io::Result<Response> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = Address::Tcp(listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(answer).expect("the answer is sent");
    });
    let response = exchange(&address, request);
    server.join().expect("the server ends");
    response
}

#[test]
fn raw_bytes_come_back_as_sent() {
    let upstream = Upstream::start();
    let request = RequestBuilder::new("P\x7fT", b"/a b\xff?q=\x80")
        .header(b"x-\xfe", b"caf\xc3\xa9 \xff")
        .header("x-twice", "1")
        .header("X-Twice", "2")
        .body([0, 13, 10, 13, 10, 255])
        .build();
    let response = exchange(&Address::Tcp(upstream.address()), &request).expect("an answer");

    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some(b"application/octet-stream".as_slice()));
    assert_eq!(response.body, request);
    let echoed = response.echoed().expect("a request");
    assert_eq!(echoed.target, b"/a b\xff?q=\x80");
    assert_eq!(echoed.header_values("x-twice"), [b"1", b"2"]);
    assert_eq!(echoed.header("x-none"), None);
    assert_eq!(echoed.body, [0, 13, 10, 13, 10, 255]);
    assert_eq!(upstream.requests(), 1);
    assert_eq!(upstream.received(), [request]);
}

#[test]
fn several_requests_on_one_connection() {
    let upstream = Upstream::start();
    let mut connection = Connection::open(&Address::Tcp(upstream.address())).expect("a connection");
    let requests = [
        RequestBuilder::get("/1").header("expect", "100-continue").build(),
        RequestBuilder::new("HEAD", "/2").build(),
        RequestBuilder::post("/3").chunked(&[b"abc", b"0123456789abcdefg"]).build(),
        RequestBuilder::post("/4").header("connection", "close").body("x").build(),
    ];
    // All at once, with the last one in two parts.
    for request in &requests[..3] {
        connection.send(request).expect("sent");
    }
    let (first, rest) = requests[3].split_at(9);
    connection.send(first).expect("sent");
    connection.send_more(rest).expect("sent");

    for (index, request) in requests.iter().enumerate() {
        let response = connection.receive().expect("an answer");
        let expected: &[u8] = if index == 1 { b"" } else { request };
        assert_eq!(response.body, expected, "request {index}");
    }
    assert!(connection.receive().is_err(), "the upstream closes when asked to");
    assert_eq!(upstream.requests(), 4);
    assert_eq!(upstream.received(), [requests.concat()]);
    assert_eq!(Request::parse(&requests[2]).expect("a request").body, b"abc0123456789abcdefg");
}

#[test]
fn bytes_that_are_not_a_request_are_logged_and_get_400() {
    let upstream = Upstream::start();
    let response = exchange(&Address::Tcp(upstream.address()), b"GET /\r\nhost: a\r\n\r\n").expect("an answer");
    assert_eq!((response.status, upstream.requests()), (400, 0));
    assert_eq!(upstream.received(), [b"GET /\r\nhost: a\r\n\r\n"]);
}

#[test]
fn dropping_the_upstream_closes_its_connections() {
    let upstream = Upstream::start();
    let address = upstream.address();
    let mut idle = TcpStream::connect(address).expect("a connection");
    idle.write_all(b"GET / HT").expect("sent");
    drop(upstream);
    assert_eq!(idle.read(&mut [0; 8]).unwrap_or(0), 0);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn bodies_of_answers() {
    let get = RequestBuilder::get("/").build();
    let head = RequestBuilder::new("HEAD", "/").build();
    for (answer, request, status, body) in [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd".as_slice(), &get, 200, b"ab".as_slice()),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", &head, 200, b""),
        (b"HTTP/1.1 403\r\n\r\nto the end", &get, 403, b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", &get, 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", &get, 200, b"a"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n",
            &get,
            200,
            b"ab0123456789",
        ),
    ] {
        let response = answered(answer, request).expect("an answer");
        assert_eq!((response.status, response.body.as_slice()), (status, body));
    }
}

#[test]
fn cut_answers_are_errors() {
    let get = RequestBuilder::get("/").build();
    for answer in [
        b"".as_slice(),
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"no status line\r\n\r\n",
    ] {
        let response = answered(answer, &get);
        assert!(response.is_err(), "{response:?}");
    }
}
