//! T18: methods, preflights, upgrades and unusual requests.

use kit::envoy;
use kit::http::RequestBuilder;
use kit::rows::{Request, Row, World, get, header_config};
use serde_json::json;

use crate::arena::Arena;
use crate::trials::single;

attacks! {
    t18_no_method_and_no_preflight_goes_round_the_filter: CHOSEN, no_method_and_no_preflight_goes_round_the_filter;
}

/// A gateway with CORS support accepts preflights without a token. This filter makes no exception that a client could
/// use.
fn no_method_and_no_preflight_goes_round_the_filter(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        let required = |request: Request| request.rejected("I400JR", "JWT required");
        let method = |method: &'static str| Request { method, ..get() };
        let preflight = || {
            method("OPTIONS")
                .header("Origin", "https://app.example")
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "x-token")
        };
        let mut steps = vec![
            required(preflight()),
            required(method("OPTIONS")),
            required(method("OPTIONS").header("Origin", "https://app.example")),
            required(preflight().target("/p?x=1")),
            required(preflight().token("Bearer")),
            preflight().token("junk").rejected("I400JD", "JWT Deserialize Failed: junk"),
            preflight().token(format!("{}AAAA", world.token(&json!({})))).invalid("signature verification failed"),
            preflight().token(world.token(&json!({}))).passes(),
            required(Request { body: Some(b"a=1".to_vec()), ..preflight() }),
        ];
        for name in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            steps.push(required(method(name)));
            steps.push(required(method(name).header("X-HTTP-Method-Override", "OPTIONS")));
            steps.push(required(
                method(name).header("X-Forwarded-Method", "OPTIONS").header("X-Original-Method", "OPTIONS"),
            ));
        }
        steps
    })
}

/// Envoy's own response is not checked. Nothing may reach the backend, neither at once nor later on the same
/// connection.
#[test]
fn t18_upgrades_tunnels_and_odd_requests() {
    for binary in envoy::binaries() {
        let arena = Arena::closing_at_once(&binary, &[("a", header_config(""))]);
        let get = || RequestBuilder::get("/p");
        let upgrade = |to: &str| get().header("connection", "upgrade").header("upgrade", to);
        let requests = [
            upgrade("websocket")
                .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")
                .header("sec-websocket-version", "13"),
            upgrade("h2c").header("http2-settings", "AAMAAABkAAQAAP__"),
            upgrade("TLS/1.0"),
            RequestBuilder::new("CONNECT", "test:80").header("host", "test:80"),
            RequestBuilder::new("CONNECT", "/p").header("host", "test"),
            RequestBuilder::new("OPTIONS", "*").header("host", "test"),
            RequestBuilder::new("PRI", "*").header("host", "test"),
            RequestBuilder::new("GARBAGE", "/p").header("host", "test"),
            RequestBuilder::new("GET", "p").header("host", "test"),
            RequestBuilder::new("GET", "/p#x").header("host", "test"),
            RequestBuilder::new("GET", "//test/p").header("host", "test"),
            RequestBuilder::new("GET", "http://test/p").header("host", "other"),
            RequestBuilder::new("GET", "/p"),
            get().header("host", "other"),
            get().header("content-length", "0").header("transfer-encoding", "chunked").raw_body("0\r\n\r\n"),
            get().header("content-length", "1").header("content-length", "2").raw_body("ab"),
            get().header("transfer-encoding", "xchunked").raw_body("0\r\n\r\n"),
            get().header("expect", "100-continue"),
            get().raw_body("GET /q HTTP/1.1\r\nhost: test\r\n\r\n"),
            get().header("x-token ", "x"),
            get().header("x-a", "b\r\n\tx-token: c"),
            get().header("x-a", "b\0"),
        ];
        for request in &requests {
            let answer = arena.raw_answer("a", request);
            let sent = kit::proxy::cut(&request.build());
            let answers_are_rejections = String::from_utf8_lossy(&answer)
                .lines()
                .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
                .all(|line| line.starts_with('4') || line.starts_with("5") || line.starts_with("100 "));
            assert!(answers_are_rejections, "{sent}: {}", kit::proxy::cut(&answer));
            assert_eq!(arena.proxy.upstream.requests(), 0, "{sent}");
        }
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}
