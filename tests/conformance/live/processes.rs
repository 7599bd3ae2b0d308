//! The log, the statistics, the access log, and responses to gRPC and to HEAD.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::proxy::{Proxy, filter, now};
use kit::rows::{World, get, header_config};
use serde_json::json;

fn proxy(binary: &std::path::Path, listeners: &[(&str, &str)], backend: Option<&str>) -> Proxy {
    let listener = |&(name, lines): &(&str, &str)| {
        Listener::new(name, vec![filter(Configuration::Text(header_config(lines)), backend)])
    };
    Proxy::start(binary, listeners.iter().map(listener).collect())
}

#[test]
fn who_verifies_signatures_and_configuration_errors_are_logged_once() {
    for binary in envoy::binaries() {
        for (backend, line) in [
            (None, "jwt-auth: RS256, RS384, RS512, ES256, ES384 and ES512 are verified by the host"),
            (
                Some("signatures: host"),
                "jwt-auth: RS256, RS384, RS512, ES256, ES384 and ES512 are verified by the host",
            ),
            (Some("signatures: wasm"), "jwt-auth: all signatures are verified in Wasm"),
        ] {
            let proxy = proxy(&binary, &[("good", ""), ("bad", "typo: 1\nother: 2")], backend);
            for _ in 0..3 {
                proxy.send("good", &get());
                proxy.send("bad", &get());
            }
            // Wait for the timers of the workers. None may repeat a line of another worker.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let log = proxy.envoy.log();
            let faults = "jwt-auth: every request is rejected with I400JP: typo: unknown field; other: unknown field";
            let lines: Vec<_> = log.lines().filter(|line| line.contains("jwt-auth")).collect();
            assert_eq!(lines.len(), 2, "{log}");
            assert!(lines.iter().any(|found| found.ends_with(line) && found.contains("[info]")), "{log}");
            assert!(lines.iter().any(|found| found.ends_with(faults) && found.contains("[error]")), "{log}");
        }
    }
}

#[test]
fn accepted_and_rejected_requests_are_counted() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let proxy = proxy(&binary, &[("a", "")], None);
        for _ in 0..2 {
            proxy.send("a", &get());
        }
        proxy.send("a", &get().token("junk"));
        for subject in ["a", "b", "c"] {
            proxy.send("a", &get().token(world.token(&json!({"sub": subject}))));
        }
        let expected = [("accepted", 3), ("cache_misses", 4), ("refused.I400JD", 1), ("refused.I400JR", 2)];
        assert_eq!(proxy.counted(), expected.map(|(name, count)| (name.to_owned(), count)).into());
    }
}

#[test]
fn only_grpc_clients_get_a_grpc_status() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let expired = world.token(&json!({"exp": 0}));
        let proxy = proxy(&binary, &[("good", ""), ("bad", "typo: 1")], None);
        for (listener, content_type, token, status, grpc_status, code) in [
            ("good", "application/grpc", None, 200, Some("16"), "I400JR"),
            ("good", "application/grpc+proto", Some("junk"), 200, Some("16"), "I400JD"),
            ("good", "application/grpc", Some(expired.as_str()), 200, Some("7"), "A403JE"),
            ("bad", "application/grpc", None, 200, Some("13"), "I400JP"),
            ("good", "application/grpc-web", None, 400, None, "I400JR"),
            ("good", "application/grpcx", None, 400, None, "I400JR"),
            ("good", "text/plain, application/grpc", None, 400, None, "I400JR"),
        ] {
            let mut request = get().header("content-type", content_type);
            request.method = "POST";
            if let Some(token) = token {
                request = request.token(token);
            }
            let response = proxy.send(listener, &request);
            let text = |name: &str| response.header(name).map(|value| String::from_utf8_lossy(value).into_owned());
            assert_eq!(
                (response.status, text("grpc-status").as_deref(), text("x-ca-error-code").as_deref()),
                (status, grpc_status, Some(code)),
                "{content_type}: {response:?}"
            );
            if grpc_status.is_some() {
                assert_eq!(text("x-ca-error-message").is_some(), text("grpc-message").is_some(), "{response:?}");
            }
        }
    }
}

/// Also for gRPC clients, which get status 200, and on listeners with a guard.
#[test]
fn the_access_log_has_the_code_of_each_decision() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let listener = |(name, lines): (&str, &str)| {
            let mut listener =
                Listener::new(name, vec![filter(Configuration::Text(header_config(lines)), None)]).guarded("jwt_auth");
            let state = "%FILTER_STATE(wasm.jwt_auth_code:PLAIN)%";
            listener.access_log = Some(format!("decided: %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% {state}"));
            listener
        };
        let listeners = [
            ("a", "outcome: {}\nbypassEmptyToken: true"),
            ("b", "outcome: {}\npreventJtiReplay: true"),
            ("silent", ""),
            ("faulty", "outcome: {}\ntypo: 1"),
        ];
        let proxy = Proxy::start(&binary, listeners.map(listener).into());
        let mut grpc = get().header("content-type", "application/grpc").token("a.b.c");
        grpc.method = "POST";
        let expired = world.token(&json!({"exp": 1}));
        let mut expected = Vec::new();
        for (listener, request, line) in [
            ("a", get().token(world.token(&json!({}))), "200 via_upstream OK"),
            ("a", get(), "200 via_upstream BYPASSED"),
            ("a", get().token(&expired), "403 jwt_auth{A403JE} A403JE"),
            ("a", grpc, "200 jwt_auth{I400JD} I400JD"),
            ("b", get(), "400 jwt_auth{I400JR} I400JR"),
            ("b", get().token(world.token(&json!({}))), "403 jwt_auth{S403JI} S403JI"),
            ("silent", get(), "400 jwt_auth{I400JR} -"),
            ("silent", get().token(world.token(&json!({}))), "403 rbac_access_denied_matched_policy[none] -"),
            ("faulty", get(), "400 jwt_auth{I400JP} I400JP"),
        ] {
            proxy.send(listener, &request);
            expected.push(line);
        }
        // Envoy writes a line when the stream ends.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let lines = || -> Vec<String> {
            let log = proxy.envoy.log();
            log.lines().filter_map(|line| Some(line.strip_prefix("decided: ")?.to_owned())).collect()
        };
        while lines().len() < expected.len() && std::time::Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let mut found = lines();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_head_request_is_rejected_without_a_body() {
    for binary in envoy::binaries() {
        let proxy = proxy(&binary, &[("a", "")], None);
        let mut request = get();
        request.method = "HEAD";
        let response = proxy.send("a", &request);
        assert_eq!(
            (response.status, response.header("x-ca-error-code"), response.body.len()),
            (400, Some(b"I400JR".as_slice()), 0)
        );
    }
}

/// The module's library assumes without a check that header names are UTF-8. So Envoy must reject other bytes.
#[test]
fn a_header_name_of_other_bytes_never_reaches_the_module() {
    for binary in envoy::binaries() {
        let proxy = proxy(&binary, &[("a", "bypassEmptyToken: true")], None);
        let address = proxy.envoy.address("a").unwrap();
        for name in [b"x-\xff".as_slice(), b"x-\xc3\xa9", b"x y", b"x\0y", b"\x80"] {
            let request = kit::http::RequestBuilder::get("/p").header(name, "1").build();
            let response = kit::http::exchange(&address, &request).unwrap();
            assert_eq!((response.status, proxy.upstream.requests()), (400, 0), "{name:?}");
        }
        assert_eq!(proxy.send("a", &get()).status, 200, "the worker still runs");
        proxy.report(&proxy.unsafe_log_lines(std::iter::empty()));
    }
}
