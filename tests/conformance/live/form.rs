//! Forms on the wire. However the body is framed, the backend reads exactly what the filter wrote, and no bytes after
//! it can be read as another request.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::http::{Connection, Request, RequestBuilder};
use kit::proxy::{Proxy, filter, now};
use kit::rows::{World, header_config};
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

fn start(binary: &std::path::Path, buffer_limit: Option<u32>) -> Proxy {
    let config = header_config(
        "bypassEmptyToken: true\nclaimParameters: [{claimName: userId, parameterName: userId, location: formData}]",
    );
    let mut listener = Listener::new("form", vec![filter(Configuration::Text(config), None)]);
    listener.buffer_limit = buffer_limit;
    Proxy::start(binary, vec![listener])
}

fn token() -> String {
    World { now: now() }.token(&json!({"userId": "1213234"}))
}

fn post(token: &str) -> RequestBuilder {
    RequestBuilder::post("/p").header("x-token", token).header("content-type", FORM)
}

/// The requests that a backend reads from the bytes of one connection.
fn requests_in(bytes: &[u8]) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole head") + 4;
        let head = str::from_utf8(&rest[..end]).unwrap();
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let length = match (value("transfer-encoding"), value("content-length")) {
            (Some(_), Some(_)) => panic!("two framings"),
            (Some(_), None) => rest.windows(5).position(|window| window == b"0\r\n\r\n").expect("a last chunk") + 5,
            (None, Some(length)) => end + length.parse::<usize>().unwrap(),
            (None, None) => end,
        };
        requests.push(Request::parse(&rest[..length]).expect("a request with its body"));
        rest = &rest[length..];
    }
    requests
}

#[test]
fn bodies_with_a_length_and_in_chunks_reach_the_backend_rewritten() {
    let token = token();
    for binary in envoy::binaries() {
        let proxy = start(&binary, None);
        let address = proxy.envoy.address("form").unwrap();
        let long = "a=1&".repeat(50_000);
        for (request, expected) in [
            (post(&token).body("userId=1&a=2"), "a=2&userId=1213234".to_owned()),
            (post(&token).chunked(&[b"us", b"erId=1&a", b"=2"]), "a=2&userId=1213234".to_owned()),
            (post(&token).chunked(&[b"userId=1"]), "userId=1213234".to_owned()),
            (post(&token).body(&long), format!("{long}&userId=1213234")),
            (post(&token).body(""), String::new()),
            (post(&token).chunked(&[]), String::new()),
            (post("").body("userId=1"), String::new()),
            (post("").chunked(&[b"a=1"]), "a=1".to_owned()),
        ] {
            let mut connection = Connection::open(&address).unwrap();
            connection.send(&request.build()).unwrap();
            let echoed = connection.receive().unwrap().echoed().unwrap();
            assert_eq!(String::from_utf8(echoed.body).unwrap(), expected);
        }
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}

#[test]
fn pipelined_requests_stay_separate_on_the_connection_to_the_backend() {
    let token = token();
    for binary in envoy::binaries() {
        let proxy = start(&binary, None);
        let address = proxy.envoy.address("form").unwrap();
        let grows = post(&token).body("a=1").build();
        let shrinks = post(&token).body(format!("userId={}", "x".repeat(500))).build();
        let plain = RequestBuilder::get("/last").header("x-token", &token).build();
        let mut connection = Connection::open(&address).unwrap();
        for request in [&grows, &shrinks, &plain] {
            connection.send(request).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(connection.receive().unwrap().status, 200);
        }
        let read: Vec<_> = proxy.upstream.received().iter().flat_map(|bytes| requests_in(bytes)).collect();
        let bodies: Vec<_> =
            read.iter().map(|request| (request.target.as_slice(), String::from_utf8_lossy(&request.body))).collect();
        assert_eq!(
            bodies,
            [(b"/p".as_slice(), "a=1&userId=1213234".into()), (b"/p", "userId=1213234".into()), (b"/last", "".into())]
        );
        assert!(read.iter().all(|request| request.header("content-length").is_none()), "{read:?}");
    }
}

#[test]
fn a_form_larger_than_envoys_buffer_is_rejected_as_a_whole() {
    let token = token();
    for binary in envoy::binaries() {
        let proxy = start(&binary, Some(4096));
        let address = proxy.envoy.address("form").unwrap();
        let send = |request: RequestBuilder| kit::http::exchange(&address, &request.build()).unwrap();
        let value = |length: usize| format!("a={}", "x".repeat(length - 2));
        assert_eq!(send(post(&token).body(value(4000))).status, 200, "the longest form that fits with the claim");
        for body in [value(4090), value(20_000)] {
            let before: Vec<usize> = proxy.upstream.received().iter().map(Vec::len).collect();
            let response = send(post(&token).body(&body));
            // Each worker has its own connections.
            let connections = proxy.upstream.received();
            let known = before.iter().copied().chain(std::iter::repeat(0));
            let arrived: Vec<u8> =
                connections.iter().zip(known).flat_map(|(bytes, known)| &bytes[known..]).copied().collect();
            assert_eq!(response.status, 413, "{} bytes", body.len());
            assert!(!arrived.windows(4).any(|window| window == b"a=xx"), "a part of the body was forwarded");
        }
        assert_eq!(send(post(&token).body("a=1")).status, 200, "the worker lives");
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}

/// With `content-length`, the size is known before the `jti` is used up. Without it, only the body shows the size.
#[test]
fn a_form_above_max_form_bytes_is_rejected_and_does_not_use_up_its_jti_if_its_size_is_given() {
    const LIMIT: usize = 2048;
    let value = |length: usize| format!("a={}", "x".repeat(length - 2));
    let config = header_config(&format!(
        "preventJtiReplay: true\nmaxFormBytes: {LIMIT}
claimParameters: [{{claimName: userId, parameterName: userId, location: formData}}]"
    ));
    for binary in envoy::binaries() {
        let proxy =
            Proxy::start(&binary, vec![Listener::new("form", vec![filter(Configuration::Text(config.clone()), None)])]);
        let address = proxy.envoy.address("form").unwrap();
        let world = World { now: now() };
        let token = |jti: &str| world.token(&json!({"userId": "1213234", "jti": jti}));
        let outcome = |request: RequestBuilder| {
            let before: Vec<usize> = proxy.upstream.received().iter().map(Vec::len).collect();
            let response = kit::http::exchange(&address, &request.build()).unwrap();
            // Each worker has its own connections.
            let connections = proxy.upstream.received();
            let known = before.iter().copied().chain(std::iter::repeat(0));
            let arrived: Vec<u8> =
                connections.iter().zip(known).flat_map(|(bytes, known)| &bytes[known..]).copied().collect();
            let text = |name: &str| String::from_utf8_lossy(response.header(name).unwrap_or_default()).into_owned();
            let has_body = arrived.windows(4).any(|window| window == b"a=xx");
            (response.status, text("x-ca-error-code"), text("x-ca-error-message"), arrived.is_empty(), has_body)
        };
        let passes = (200, String::new(), String::new(), false, true);
        let rejected =
            |status: u16, code: &str, message: &str| (status, code.to_owned(), message.to_owned(), true, false);
        let large = rejected(413, "I413FD", "Form is larger than 2048 bytes");
        for length in [LIMIT + 1, 1_000_000, 2_000_000] {
            assert_eq!(outcome(post(&token("known")).body(value(length))), large, "{length}");
        }
        assert_eq!(outcome(post(&token("known")).body(value(LIMIT))), passes);
        assert_eq!(
            outcome(post(&token("known")).body(value(LIMIT))),
            rejected(403, "S403JU", "Claim jti in JWT is used")
        );
        for (jti, length) in [("chunked", LIMIT + 1), ("long", 200_000)] {
            let body = value(length);
            let pieces: Vec<&[u8]> = body.as_bytes().chunks(1000).collect();
            let (status, code, message, _, has_body) = outcome(post(&token(jti)).chunked(&pieces));
            assert_eq!(
                (status, code, message, has_body),
                (large.0, large.1.clone(), large.2.clone(), false),
                "{length}"
            );
        }
        let body = value(LIMIT);
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(1000).collect();
        assert_eq!(outcome(post(&token("fits")).chunked(&pieces)), passes);
        let json =
            RequestBuilder::post("/p").header("x-token", token("json")).header("content-type", "application/json");
        assert_eq!(outcome(json.body(value(10 * LIMIT))), passes, "the limit is for forms only");
        let counted = proxy.counted();
        assert_eq!(counted.get("refused.I413FD"), Some(&5), "{counted:?}");
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}
