//! The HTTP/2 client: with each Envoy that `ENVOY_BINARIES` lists, and with a server that records its frames.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use kit::bootstrap::{Bootstrap, Listener};
use kit::envoy::{Envoy, binaries};
use kit::http::Address;
use kit::http2::raw::{self, Frame, frame, literal_headers};
use kit::http2::{Body, Connection, Request, exchange};
use kit::upstream::Upstream;
use serde_json::json;

/// The body of Envoy's own response for `/rejected`, which does not depend on the request body.
const REJECTION: &str = "no";

/// Runs the test on each Envoy, with a listener in front of a new upstream.
fn on_each_envoy(test: impl Fn(&Envoy, &Address, &Upstream)) {
    for binary in binaries() {
        let upstream = Upstream::start();
        let mut listener = Listener::new("api", Vec::new());
        let rejection = json!({"status": 403, "body": {"inline_string": REJECTION}});
        listener.routes.push(json!({"match": {"prefix": "/rejected"}, "direct_response": rejection}));
        let envoy = Envoy::start(&binary, &Bootstrap::fixed(upstream.address(), vec![listener]), 1);
        let envoy = envoy.expect("Envoy starts");
        test(&envoy, &envoy.address("api").expect("the listener has an address"), &upstream);
    }
}

fn data(parts: &[&[u8]]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.to_vec()).collect()
}

fn trailers() -> Vec<(String, Vec<u8>)> {
    vec![("x-trailer".to_owned(), b"t\xff".to_vec())]
}

/// A server for one connection that responds to the first request with these frames. The thread returns the frames that
/// it received before.
fn server(answer: Vec<u8>) -> (Address, JoinHandle<Vec<Frame>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = Address::Tcp(listener.local_addr().expect("an address"));
    let serve = move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let frames = read_request(&mut stream);
        stream.write_all(&[frame(raw::SETTINGS, 0, 0, &[]), answer].concat()).expect("the answer is sent");
        // Wait until the client has read it and closes.
        let _ = io::copy(&mut stream, &mut io::sink());
        frames
    };
    (address, thread::spawn(serve))
}

/// The frames of stream 1, up to END_STREAM.
fn read_request(stream: &mut TcpStream) -> Vec<Frame> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).expect("the client's bytes");
        assert!(length > 0, "the client closed");
        received.extend_from_slice(&buffer[..length]);
        let Some(frames) = received.strip_prefix(raw::PREFACE) else { continue };
        let frames: Vec<Frame> = raw::frames(frames).into_iter().filter(|frame| frame.stream == 1).collect();
        if frames.last().is_some_and(|frame| frame.flags & raw::END_STREAM != 0) {
            return frames;
        }
    }
}

#[test]
fn each_body_has_its_frames() {
    let end_headers = raw::END_HEADERS;
    let all = raw::END_HEADERS | raw::END_STREAM;
    let head = (raw::HEADERS, end_headers, None);
    let frame_of = |flags, data: &'static [u8]| (raw::DATA, flags, Some(data));
    let last = |data| frame_of(raw::END_STREAM, data);
    for (body, expected) in [
        (Body::None, vec![(raw::HEADERS, all, None)]),
        (Body::EmptyData, vec![head, last(b"")]),
        (Body::Data(Vec::new()), vec![head, last(b"")]),
        (Body::Data(data(&[b"ab", b"", b"c"])), vec![head, frame_of(0, b"ab"), frame_of(0, b""), last(b"c")]),
        (Body::DataThenTrailers(data(&[b"ab"]), trailers()), vec![head, frame_of(0, b"ab"), (raw::HEADERS, all, None)]),
        (Body::DataThenTrailers(Vec::new(), trailers()), vec![head, (raw::HEADERS, all, None)]),
    ] {
        let answer = [
            frame(raw::HEADERS, end_headers, 1, &literal_headers(&[(b":status", b"200"), (b"x", &[b'v'; 300])])),
            frame(raw::DATA, 0, 1, b"bo"),
            frame(raw::DATA, 0, 1, b"dy"),
            frame(raw::HEADERS, all, 1, &literal_headers(&[(b"grpc-status", b"7")])),
        ];
        let (address, server) = server(answer.concat());
        let response = exchange(&address, &Request::post("/").body(body)).expect("an answer");
        assert_eq!((response.status, response.body.as_slice()), (200, b"body".as_slice()));
        assert_eq!(response.headers, [("x".to_owned(), vec![b'v'; 300])]);
        assert_eq!(response.trailers, [("grpc-status".to_owned(), b"7".to_vec())]);

        let got = server.join().expect("the server ends");
        let got: Vec<_> = got.iter().map(|frame| (frame.kind, frame.flags, &frame.payload)).collect();
        assert_eq!(got.len(), expected.len(), "{got:?}");
        for ((kind, flags, payload), (expected_kind, expected_flags, data)) in got.into_iter().zip(expected) {
            assert_eq!((kind, flags), (expected_kind, expected_flags));
            assert!(data.is_none_or(|data| data == payload), "{payload:?}");
        }
    }
}

#[test]
fn each_body_reaches_the_upstream() {
    let (chunked, sized) = ("transfer-encoding", "content-length");
    on_each_envoy(|_, address, upstream| {
        for (body, length, expected, framing) in [
            // Envoy adds a length of 0 to a request that ends with its headers.
            (Body::None, None, b"".as_slice(), sized),
            (Body::EmptyData, None, b"", chunked),
            (Body::EmptyData, Some("0"), b"", sized),
            (Body::Data(data(&[b"ab", b"", b"c"])), None, b"abc", chunked),
            (Body::Data(data(&[b"ab", b"c"])), Some("3"), b"abc", sized),
            (Body::Data(vec![vec![b'x'; 200_000]; 2]), None, &[b'x'; 400_000], chunked),
            (Body::DataThenTrailers(data(&[b"ab", b"c"]), trailers()), None, b"abc", chunked),
            (Body::DataThenTrailers(Vec::new(), trailers()), None, b"", chunked),
        ] {
            let mut request = Request::new("PUT", "/a%20b?c=%ff").header("x-bytes", b"caf\xc3\xa9 \x80\xff").body(body);
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
            let response = exchange(address, &request).expect("an answer");
            assert_eq!(response.status, 200, "{}", response.text());
            let got = response.echoed().expect("the upstream's answer");
            assert_eq!((got.method.as_str(), got.target.as_slice()), ("PUT", b"/a%20b?c=%ff".as_slice()));
            let names: Vec<&str> = got.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["host", "x-bytes", framing], "{request:?}");
            assert_eq!(got.header("host"), Some(b"test".as_slice()));
            assert_eq!(got.header("x-bytes"), Some(b"caf\xc3\xa9 \x80\xff".as_slice()));
            assert_eq!(got.body, expected);
        }
        assert_eq!(upstream.requests(), 8);

        let got = exchange(address, &Request::get("/")).expect("an answer").echoed().expect("the upstream's answer");
        assert_eq!(got.headers, [("host".to_owned(), b"test".to_vec())]);
        let other = Request { authority: String::new(), ..Request::get("/").header("host", "other") };
        let got = exchange(address, &other).expect("an answer").echoed().expect("the upstream's answer");
        assert_eq!(got.headers, [("host".to_owned(), b"other".to_vec())]);
    });
}

#[test]
fn several_requests_on_one_connection() {
    on_each_envoy(|_, address, upstream| {
        let mut connection = Connection::open(address).expect("a connection");
        for _ in 0..2 {
            let requests =
                (0..300).map(|number| Request::post(format!("/{number}")).body(Body::Data(vec![vec![7; number]])));
            let mut requests: Vec<Request> = requests.collect();
            requests[5].path = b"/ ".to_vec();
            let responses = connection.exchange_all(requests);
            assert_eq!(responses.len(), 300);
            for (number, response) in responses.into_iter().enumerate() {
                if number == 5 {
                    assert!(response.is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput));
                    continue;
                }
                let got = response.expect("an answer").echoed().expect("the upstream's answer");
                assert_eq!((got.target, got.body), (format!("/{number}").into_bytes(), vec![7; number]));
            }
        }
        assert_eq!(upstream.requests(), 598);
    });
}

#[test]
fn answers_that_do_not_wait_for_the_body() {
    on_each_envoy(|_, address, upstream| {
        let large = vec![vec![b'x'; 1 << 20]; 3];
        for body in [Body::None, Body::Data(large.clone()), Body::DataThenTrailers(large, trailers())] {
            let response = exchange(address, &Request::post("/rejected").body(body.clone())).expect("an answer");
            assert_eq!((response.status, response.text().as_str()), (403, REJECTION));

            let grpc = Request::post("/rejected").header("content-type", "application/grpc").header("te", "trailers");
            let response = exchange(address, &grpc.body(body)).expect("an answer");
            assert_eq!((response.status, response.body.as_slice()), (200, b"".as_slice()));
            assert_eq!(response.header("grpc-status"), Some(b"7".as_slice()));
            assert_eq!(response.header("grpc-message"), Some(REJECTION.as_bytes()));
            assert_eq!(response.trailers, []);
        }
        assert_eq!(upstream.requests(), 0);
    });
}

#[test]
fn what_h2_does_not_send_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = Address::Tcp(listener.local_addr().expect("an address"));
    let no_authority = Request { authority: "a b".to_owned(), ..Request::get("/") };
    for request in [
        Request::new("CONNECT", "/"),
        Request::new("G T", "/"),
        Request::get(""),
        Request::get("a"),
        Request::get("/#"),
        Request::get(b"/\xff"),
        no_authority,
        Request::get("/").header("A", ""),
        Request::get("/").header(":path", "/"),
        Request::get("/").header("a", "\n"),
        Request::get("/").header("connection", "close"),
        Request::get("/").body(Body::DataThenTrailers(Vec::new(), vec![("\u{ff}".to_owned(), Vec::new())])),
    ] {
        let rejected = exchange(&address, &request);
        assert!(rejected.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidInput), "{rejected:?}");
    }
    assert!(exchange(&Address::Unix("/nowhere".into()), &Request::get("/")).is_err());
}

/// A GET of `/raw` on stream 1 with these additional headers.
fn raw_get(headers: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut all: Vec<(&[u8], &[u8])> =
        vec![(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"test"), (b":path", b"/raw")];
    all.extend_from_slice(headers);
    frame(raw::HEADERS, raw::END_HEADERS | raw::END_STREAM, 1, &literal_headers(&all))
}

#[test]
fn raw_frames_that_envoy_takes() {
    on_each_envoy(|_, address, upstream| {
        let long = [b'v'; 20_000];
        for value in
            [b"caf\xc3\xa9 \x80\xff".as_slice(), b"", &long[..126], &long[..127], &long[..255], &long[..10_000]]
        {
            let received = raw::exchange(address, &raw_get(&[(b"x-raw", value)])).expect("a connection");
            let response = raw::response(&received).expect("an answer");
            let got = response.echoed().expect("the upstream's answer");
            assert_eq!((got.target.as_slice(), got.header("x-raw")), (b"/raw".as_slice(), Some(value)));
        }
        // The headers in two frames.
        let whole = raw::frames(&raw_get(&[(b"x-raw", &long)]));
        let (first, second) = whole[0].payload.split_at(10_000);
        let split =
            [frame(raw::HEADERS, raw::END_STREAM, 1, first), frame(raw::CONTINUATION, raw::END_HEADERS, 1, second)];
        let received = raw::exchange(address, &split.concat()).expect("a connection");
        let got = raw::response(&received).expect("an answer").echoed().expect("the upstream's answer");
        assert_eq!(got.header("x-raw"), Some(long.as_slice()));
        assert_eq!(upstream.requests(), 7);
    });
}

#[test]
fn raw_header_names_that_envoy_rejects() {
    let names = [b"x-\xff".as_slice(), b"\xff", b"x-\x80", b"x-caf\xc3\xa9", b"X-Raw", b"x raw", b""];
    on_each_envoy(|envoy, address, upstream| {
        // Envoy waits a second before it closes and sends nothing, not even its SETTINGS, because all frames come at
        // once.
        let exchange = |name| raw::exchange(address, &raw_get(&[(name, b"v")])).expect("a connection");
        thread::scope(|scope| {
            let attempts = names.map(|name| (name, scope.spawn(move || exchange(name))));
            for (name, attempt) in attempts {
                let received = attempt.join().expect("the attempt ends");
                assert_eq!(raw::frames(&received), [], "{}", name.escape_ascii());
                assert!(raw::response(&received).is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe));
            }
        });
        assert_eq!(envoy.stat("http.api.downstream_cx_protocol_error"), Ok(names.len() as u64));
        assert_eq!(upstream.received(), Vec::<Vec<u8>>::new());
    });
}

#[test]
fn raw_answers() {
    let settings = frame(raw::SETTINGS, 0, 0, &[]);
    let head = frame(raw::HEADERS, raw::END_HEADERS, 1, &literal_headers(&[(b":status", b"401"), (b"a", b"\xff")]));
    let whole = [settings.clone(), head.clone(), frame(raw::DATA, raw::END_STREAM, 1, b"no")].concat();
    let response = raw::response(&whole).expect("an answer");
    assert_eq!(
        (response.status, response.text().as_str(), response.header("a")),
        (401, "no", Some(b"\xff".as_slice()))
    );

    let reset = frame(raw::RST_STREAM, 0, 1, &1_u32.to_be_bytes());
    let goaway = frame(raw::GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1]);
    for (bytes, kind) in [
        ([settings.as_slice(), &reset].concat(), Some(io::ErrorKind::ConnectionReset)),
        ([settings.as_slice(), &head, &reset].concat(), Some(io::ErrorKind::ConnectionReset)),
        ([settings.as_slice(), &goaway].concat(), Some(io::ErrorKind::ConnectionReset)),
        ([settings.as_slice(), &head].concat(), None),
        (settings.clone(), None),
        (Vec::new(), None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), None),
    ] {
        let error = raw::response(&bytes).expect_err("no answer");
        assert!(kind.is_none_or(|kind| kind == error.kind()), "{error:?}");
        assert_ne!(error.kind(), io::ErrorKind::TimedOut);
    }
    let cut = &whole[..whole.len() - 1];
    assert_eq!(raw::frames(cut).len(), 2);
    assert_eq!(
        raw::frames(&goaway),
        [Frame { kind: raw::GOAWAY, flags: 0, stream: 0, payload: vec![0, 0, 0, 0, 0, 0, 0, 1] }]
    );
}
