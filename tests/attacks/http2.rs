//! Attacks that look different in HTTP/2, and attacks that only HTTP/2 makes possible.

use std::io;
use std::path::Path;

use kit::envoy;
use kit::http::Response;
use kit::http2::{
    Body, Connection, Request, exchange, raw,
    raw::{END_HEADERS, END_STREAM, HEADERS, frame, literal_headers},
};
use kit::proxy::now;
use kit::rows::{World, config, header_config, key};
use serde_json::json;

use crate::arena::Arena;
use crate::encodings::{base64url, header_twins, percent_spellings};

const FORM: &str = "application/x-www-form-urlencoded";
const MAPPED: &str = "claimParameters:
- {claimName: uid, parameterName: X-User-Id, location: header}
- {claimName: uid, parameterName: jon, location: query}
- {claimName: uid, parameterName: jon, location: formData}";

fn arena(binary: &Path) -> Arena {
    Arena::closing_at_once(
        binary,
        &[
            ("mapped", header_config(&format!("bypassEmptyToken: true\n{MAPPED}"))),
            ("plain", header_config("")),
            ("cookie", config("parameter: jwt\nparameterLocation: cookie")),
            ("query", config("parameter: jon\nparameterLocation: query")),
            ("once", header_config("preventJtiReplay: true")),
            (
                "path",
                header_config(
                    "backendPath: /u/{uid}{path}\nclaimParameters: [{claimName: uid, parameterName: uid, location: path}]",
                ),
            ),
        ],
    )
}

fn code(response: &Response) -> String {
    String::from_utf8_lossy(response.header("x-ca-error-code").unwrap_or_default()).into_owned()
}

fn outcome(response: io::Result<Response>) -> (u16, String) {
    let response = response.unwrap();
    (response.status, code(&response))
}

#[test]
fn t04_different_tokens_in_fields_of_http_2() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let (token, other) = (world.token(&json!({})), world.token(&json!({"sub": "bob"})));
        let arena = arena(&binary);
        let rejected = (403, "A403JT".to_owned());
        for request in [
            Request::get("/p").header("x-token", &token).header("x-token", &other),
            Request::get("/p").header("x-token", "").header("x-token", &token),
            Request::get("/p").header("x-token", format!("{token},{other}")),
        ] {
            assert_eq!(outcome(exchange(&arena.address("plain"), &request)), rejected);
        }
        // A client may split cookies into any number of fields [RFC 9113 8.2.3].
        let crumbs = |crumbs: &[String]| {
            crumbs.iter().fold(Request::get("/p"), |request, crumb| request.header("cookie", crumb))
        };
        for (request, expected) in [
            (crumbs(&[format!("jwt={token}"), format!("jwt={other}")]), (403, "A403JT")),
            (crumbs(&["a=b".into(), format!("jwt={token}"), "jwt=".into()]), (403, "A403JT")),
            (crumbs(&["a=b".into(), format!("jwt={token}"), "jwt2=c".into()]), (200, "")),
            (crumbs(&["a=b".into(), "jwt".into(), "=jwt".into()]), (400, "I400JR")),
        ] {
            assert_eq!(outcome(exchange(&arena.address("cookie"), &request)), (expected.0, expected.1.to_owned()));
        }
        for spelling in percent_spellings("jon") {
            let request = Request::get(format!("/p?{spelling}={token}&jon={other}"));
            let expected = rejected.clone();
            assert_eq!(outcome(exchange(&arena.address("query"), &request)), expected, "{spelling}");
        }
        assert_eq!(arena.proxy.upstream.requests(), 1);
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}

#[test]
fn t06_mapped_names_in_http_2() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let arena = arena(&binary);
        let mut twins = header_twins("x-user-id");
        twins.retain(|twin| *twin == twin.to_ascii_lowercase());
        let mut connection = Connection::open(&arena.address("mapped")).unwrap();
        for (token, value) in
            [(world.token(&json!({"uid": "7"})), Some("7")), (world.token(&json!({})), None), (String::new(), None)]
        {
            let spellings = percent_spellings("jon");
            let forged = spellings.iter().map(|name| format!("{name}=0&{name}[]=1")).collect::<Vec<_>>().join("&");
            let request =
                Request::post(format!("/p?a&{forged}&b")).header("content-type", FORM).header("x-token", &token);
            let request = twins.iter().fold(request, |request, twin| request.header(twin, "forged").header(twin, ""));
            // The body in frames that split names and percent-encodings, with and without trailers.
            let body: Vec<Vec<u8>> = format!("a&{forged}&b").into_bytes().chunks(7).map(<[u8]>::to_vec).collect();
            let trailers =
                ["x-user-id", "x_user_id", "x-user_id"].map(|name| (name.to_owned(), b"forged".to_vec())).to_vec();
            let requests = vec![
                request.clone().body(Body::Data(body.clone())),
                request.body(Body::DataThenTrailers(body, trailers)),
            ];
            let own = value.map_or(String::new(), |value| format!("&jon={value}"));
            for response in connection.exchange_all(requests) {
                let response = response.unwrap();
                let echoed = response.echoed().unwrap();
                let seen = |name: &str| echoed.header_values(name).len();
                assert_eq!(String::from_utf8(echoed.target.clone()).unwrap(), format!("/p?a&b{own}"));
                assert_eq!(String::from_utf8(echoed.body.clone()).unwrap(), format!("a&b{own}"));
                assert_eq!(echoed.header("x-user-id"), value.map(str::as_bytes));
                assert_eq!([seen("x_user_id"), seen("x_user-id"), seen("x-user_id")], [0, 0, 0]);
                assert_eq!(seen("x-user-id"), usize::from(value.is_some()));
                assert_eq!(seen("content-length"), 0);
                // Some backends treat trailers as headers.
                assert!(!response.text().contains("forged"), "{}", response.text());
            }
        }
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}

/// Frames that no client library sends. Envoy rejects most of them; the filter must reject the others.
#[test]
fn t09_frames_that_are_not_well_formed() {
    const METHOD: (&[u8], &[u8]) = (b":method", b"GET");
    const PATH: (&[u8], &[u8]) = (b":path", b"/p");
    const SCHEME: (&[u8], &[u8]) = (b":scheme", b"http");
    const HOST: (&[u8], &[u8]) = (b":authority", b"test");
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let token = world.token(&json!({"uid": "7"}));
        let with_token: (&[u8], &[u8]) = (b"x-token", token.as_bytes());
        let arena = arena(&binary);
        let path = |path: &'static [u8]| vec![METHOD, (b":path".as_slice(), path), SCHEME, HOST];
        let heads: Vec<Vec<(&[u8], &[u8])>> = vec![
            vec![METHOD, PATH, PATH, SCHEME, HOST],
            vec![METHOD, PATH, (b":path", b"/public"), SCHEME, HOST],
            vec![METHOD, SCHEME, HOST],
            vec![METHOD, PATH, SCHEME, HOST, (b"x-a", b"b"), (b":path", b"/public")],
            vec![METHOD, PATH, SCHEME, HOST, (b":token", b"x")],
            vec![METHOD, PATH, SCHEME, HOST, (b"X-Token", b"x")],
            vec![METHOD, PATH, SCHEME, HOST, (b"x-token\r\nx", b"x")],
            vec![METHOD, PATH, SCHEME, HOST, (b"x-a", b"b\r\nx-token: c")],
            vec![METHOD, PATH, SCHEME, HOST, (b"x-a", b"b\0")],
            vec![METHOD, PATH, SCHEME, HOST, (b"", b"x")],
            vec![METHOD, PATH, SCHEME, HOST, (b"connection", b"x-token")],
            vec![METHOD, PATH, SCHEME, HOST, (b"transfer-encoding", b"chunked")],
            vec![METHOD, PATH, SCHEME, HOST, (b"content-length", b"5")],
            vec![(b":method", b"GET /evil HTTP/1.1\r\nx: "), PATH, SCHEME, HOST],
            vec![(b":method", b"CONNECT"), HOST],
            vec![METHOD, PATH, (b":scheme", b"javascript"), HOST],
            path(b""),
            path(b"p"),
            path(b"8/p"),
            path(b"*"),
            path(b"?a"),
            path(b"http://test/p"),
            path(b"/p#/public"),
            path(b"/p x"),
            path(b"/p\r\nx-token: a"),
            path(b"/p\0"),
            path(b"/\xff\xfe"),
        ];
        for listener in ["plain", "path"] {
            let address = arena.address(listener);
            for head in &heads {
                let bytes = frame(HEADERS, END_HEADERS | END_STREAM, 1, &literal_headers(head));
                let answer = raw::response(&raw::exchange(&address, &bytes).unwrap());
                let is_rejected = answer.as_ref().map_or(true, |response| response.status >= 400);
                assert!(is_rejected && arena.proxy.upstream.requests() == 0, "{head:?}: {answer:?}");
            }
        }
        // With a valid token: a path without a leading slash would join the claim before it in one segment, `/u/78/p`.
        let address = arena.address("path");
        for target in [b"".as_slice(), b"8/p", b"p", b"*", b"?a", b"/../8", b"/p#/../8", b"http://test/../8"] {
            let head = [METHOD, (b":path".as_slice(), target), SCHEME, HOST, with_token];
            let bytes = frame(HEADERS, END_HEADERS | END_STREAM, 1, &literal_headers(&head));
            let answer = raw::response(&raw::exchange(&address, &bytes).unwrap());
            let is_rejected = answer.as_ref().map_or(true, |response| response.status >= 400);
            assert!(is_rejected && arena.proxy.upstream.requests() == 0, "{}: {answer:?}", target.escape_ascii());
        }
        let good = Request::get("/p").header("x-token", &token);
        assert_eq!(exchange(&address, &good).unwrap().echoed().unwrap().target, b"/u/7/p");
        arena.proxy.report(&arena.harm([token.as_bytes()].into_iter()));
    }
}

/// One connection with hundreds of streams at once and rejections with every code. A 400 does not close it, unlike
/// HTTP/1.
#[test]
fn t21_a_storm_of_streams_and_then_a_good_one() {
    const STREAMS: usize = 300;
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let good = world.token(&json!({"uid": "7", "jti": "storm"}));
        let kid = key().token(Some("a\r\nset-cookie: b"), &world.claims(&json!({})));
        let expired = world.token(&json!({"exp": 1}));
        let (forged, five) = (format!("{good}AAAA"), format!("{good}.a.b"));
        let deep = format!("{}.{}.AAAA", base64url("{\"alg\":".repeat(1500)), base64url("[".repeat(3000)));
        let dots = ".".repeat(50_000);
        let arena = arena(&binary);
        let mut connection = Connection::open(&arena.address("once")).unwrap();
        let cases = [
            (b"".to_vec(), (400, "I400JR")),
            (b"\xff\xfe".to_vec(), (400, "I400JD")),
            (kid.into_bytes(), (403, "A403JK")),
            (expired.into_bytes(), (403, "A403JE")),
            (forged.into_bytes(), (403, "A403JT")),
            (five.into_bytes(), (400, "I400JD")),
            (deep.into_bytes(), (400, "I400JD")),
            (dots.into_bytes(), (400, "I400JD")),
            (world.token(&json!({})).into_bytes(), (403, "S403JI")),
        ];
        let requests = (0..STREAMS).map(|number| {
            let request = Request::get(format!("/p?{number}")).header("x-token", &cases[number % cases.len()].0);
            request.header("x-bytes", b"\x80\xff").header("cookie", b"\xff=;;=")
        });
        for (number, response) in connection.exchange_all(requests.collect()).into_iter().enumerate() {
            let response = response.unwrap();
            let (status, expected) = cases[number % cases.len()].1;
            assert_eq!((response.status, code(&response).as_str()), (status, expected), "stream {number}");
            let mut names: Vec<_> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let known = ["content-length", "content-type", "date", "server", "x-ca-error-code", "x-ca-error-message"];
            assert_eq!(names, known, "stream {number}");
        }
        assert_eq!(arena.proxy.upstream.requests(), 0);
        // Of many requests at once with the same `jti`, one passes.
        let race = vec![Request::get("/p").header("x-token", &good); 20];
        let mut statuses: Vec<_> =
            connection.exchange_all(race).into_iter().map(|response| response.unwrap().status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [&[200][..], &[403; 19]].concat());
        let huge = Request::get("/p").header("x-token", ".".repeat(1_000_000));
        let answer = exchange(&arena.address("plain"), &huge);
        assert!(answer.as_ref().map_or(true, |response| response.status == 431), "{answer:?}");
        assert_eq!(arena.proxy.upstream.requests(), 1);
        arena.proxy.report(&arena.harm([good.as_bytes()].into_iter()));
    }
}

#[test]
fn t19_grpc_over_http_2() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let hostile = key().token(Some("a\r\ngrpc-status: 0"), &world.claims(&json!({})));
        let expired = world.token(&json!({"exp": 1}));
        let arena = arena(&binary);
        for (content_type, token, grpc) in [
            ("application/grpc", "", Some("16")),
            ("application/grpc", "junk", Some("16")),
            ("application/grpc+proto", hostile.as_str(), Some("7")),
            ("application/grpc", expired.as_str(), Some("7")),
            ("application/grpc-web", expired.as_str(), None),
        ] {
            let request = Request::post("/s/m").header("content-type", content_type).header("x-token", token);
            let body = Body::Data(vec![b"\0\0\0\0\0".to_vec()]);
            let response = exchange(&arena.address("plain"), &request.header("te", "trailers").body(body)).unwrap();
            let statuses: Vec<_> = [&response.headers, &response.trailers]
                .into_iter()
                .flatten()
                .filter(|(name, _)| name == "grpc-status")
                .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                .collect();
            assert_eq!(statuses, grpc.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{response:?}");
            assert_eq!(response.status == 200, grpc.is_some(), "{response:?}");
            assert!(response.header("x-ca-error-code").is_some(), "{response:?}");
        }
        assert_eq!(arena.proxy.upstream.requests(), 0);
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}
