//! The filter with HTTP/2, where bodies can end in ways that HTTP/1 does not have.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::http2::{Body, Connection, Request, exchange};
use kit::proxy::{Proxy, filter, now};
use kit::rows::{World, header_config};
use serde_json::json;

const FORM: &str = "application/x-www-form-urlencoded";

fn start(binary: &std::path::Path, lines: &str) -> Proxy {
    let config = header_config(&format!(
        "claimParameters:
- {{claimName: userId, parameterName: userId, location: formData}}
- {{claimName: sub, parameterName: X-Sub, location: header}}
- {{claimName: sub, parameterName: sub, location: query}}
{lines}"
    ));
    Proxy::start(binary, vec![Listener::new("h2", vec![filter(Configuration::Text(config), None)])])
}

fn token(members: &serde_json::Value) -> String {
    World { now: now() }.token(members)
}

#[test]
fn a_form_is_rewritten_however_it_is_split_into_frames() {
    let token = token(&json!({"userId": "7"}));
    let frames = |parts: &[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect::<Vec<_>>();
    let trailers = vec![("x-trailer".to_owned(), b"1".to_vec())];
    for binary in envoy::binaries() {
        let proxy = start(&binary, "bypassEmptyToken: true");
        let address = proxy.envoy.address("h2").unwrap();
        let long = "a=1&".repeat(30_000);
        for (body, expected) in [
            (Body::None, String::new()),
            (Body::EmptyData, String::new()),
            (Body::Data(frames(&["userId=1&a=2"])), "a=2&userId=7".to_owned()),
            (Body::Data(frames(&["user", "Id=1", "&a=2", ""])), "a=2&userId=7".to_owned()),
            (Body::Data(frames(&[&long, "b"])), format!("{long}b&userId=7")),
            (Body::DataThenTrailers(frames(&["user", "Id=1&a=2"]), trailers.clone()), "a=2&userId=7".to_owned()),
            (Body::DataThenTrailers(frames(&[]), trailers.clone()), String::new()),
        ] {
            let shown = format!("{body:.80?}");
            let request = Request::post("/p").header("content-type", FORM).header("x-token", &token).body(body);
            let response = exchange(&address, &request).unwrap();
            let echoed = response.echoed().unwrap_or_else(|error| panic!("{shown}: {error} {}", response.status));
            assert_eq!(String::from_utf8(echoed.body.clone()).unwrap(), expected, "{shown}");
            assert_eq!(echoed.target, b"/p?sub=alice", "{shown}");
        }
        let forged = Request::post("/p").header("content-type", FORM).body(Body::Data(frames(&["userId=1&a=2"])));
        assert_eq!(exchange(&address, &forged).unwrap().echoed().unwrap().body, b"a=2", "without a token");
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}

#[test]
fn the_length_of_a_rewritten_form_is_not_forwarded() {
    let token = token(&json!({"userId": "7"}));
    for binary in envoy::binaries() {
        let proxy = start(&binary, "");
        let address = proxy.envoy.address("h2").unwrap();
        let request = Request::post("/p")
            .header("content-type", FORM)
            .header("content-length", "3")
            .header("x-token", &token)
            .body(Body::Data(vec![b"a=1".to_vec()]));
        let echoed = exchange(&address, &request).unwrap().echoed().unwrap();
        assert_eq!((echoed.body.as_slice(), echoed.header("content-length")), (b"a=1&userId=7".as_slice(), None));
    }
}

#[test]
fn forged_headers_and_bytes_that_are_not_utf_8_are_handled_as_in_http_1() {
    let token = token(&json!({}));
    for binary in envoy::binaries() {
        let proxy = start(&binary, "");
        let address = proxy.envoy.address("h2").unwrap();
        let good = Request::get("/p?sub=1&s%75b=2&a")
            .header("x-token", format!("Bearer {token} "))
            .header("x-sub", "forged")
            .header("x_sub", "forged")
            .header("x-bytes", b"\x80\xff")
            .header("cookie", b"\xff")
            .header("cookie", "a=b");
        let echoed = exchange(&address, &good).unwrap().echoed().unwrap();
        assert_eq!(echoed.target, b"/p?a&sub=alice");
        assert_eq!(echoed.header_values("x-sub"), [b"alice"]);
        assert_eq!(echoed.header("x_sub"), None);
        assert_eq!(echoed.header("x-bytes"), Some(b"\x80\xff".as_slice()));
        for (value, code) in
            [(b"".as_slice(), "I400JR"), (b"Bearer ", "I400JR"), (b"\xff", "I400JD"), (b" \t", "I400JR")]
        {
            let response = exchange(&address, &Request::get("/p").header("x-token", value)).unwrap();
            assert_eq!(response.header("x-ca-error-code"), Some(code.as_bytes()), "{value:?}");
        }
        proxy.report(&proxy.unsafe_log_lines([token.as_bytes()].into_iter()));
    }
}

/// Some backends treat trailers as headers.
#[test]
fn a_mapped_header_can_not_be_forged_in_trailers() {
    let token = token(&json!({}));
    let trailers = ["x-sub", "x_sub", "x-rest"].map(|name| (name.to_owned(), b"forged".to_vec()));
    for binary in envoy::binaries() {
        let proxy = start(&binary, "bypassEmptyToken: true");
        let address = proxy.envoy.address("h2").unwrap();
        for (token, content_type) in [(token.as_str(), "text/plain"), ("", "text/plain"), (token.as_str(), FORM)] {
            let body = Body::DataThenTrailers(vec![b"a=1".to_vec()], trailers.to_vec());
            let request = Request::post("/p").header("content-type", content_type).header("x-token", token).body(body);
            let response = exchange(&address, &request).unwrap();
            let sent_on = String::from_utf8_lossy(&response.body).into_owned();
            assert!(sent_on.contains("\r\nx-rest: forged\r\n"), "Envoy does not forward trailers: {sent_on}");
            assert_eq!(sent_on.matches("forged").count(), 1, "{sent_on}");
        }
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}

#[test]
fn many_requests_at_once_on_one_connection_share_one_jti_and_one_passes() {
    for binary in envoy::binaries() {
        let proxy = start(&binary, "preventJtiReplay: true");
        let address = proxy.envoy.address("h2").unwrap();
        let request = Request::get("/p").header("x-token", token(&json!({"jti": "h2"})));
        let mut connection = Connection::open(&address).unwrap();
        let answers = connection.exchange_all(vec![request; 100]);
        let statuses: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().status).collect();
        let passed = statuses.iter().filter(|&&status| status == 200).count();
        let used = statuses.iter().filter(|&&status| status == 403).count();
        assert_eq!((passed, used), (1, 99));
    }
}
