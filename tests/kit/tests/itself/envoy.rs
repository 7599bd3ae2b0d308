//! The test kit on each Envoy that `ENVOY_BINARIES` lists, without the filter under test.

use std::path::{Path, PathBuf};

use kit::bootstrap::{Bootstrap, Configuration, Listener, WasmFilter};
use kit::envoy::{Envoy, Update, binaries};
use kit::http::{Connection, Request, RequestBuilder, exchange};
use kit::upstream::Upstream;
use serde_json::json;

fn echoed(envoy: &Envoy, listener: &str, request: &RequestBuilder) -> Request {
    let address = envoy.address(listener).expect("the listener has an address");
    let response = exchange(&address, &request.build()).expect("an answer");
    assert_eq!(response.status, 200, "{}", response.text());
    response.echoed().expect("the upstream's answer")
}

/// A module that does nothing. It has memory, an allocator that always returns the same address, and the marker of ABI
/// 0.2.1.
fn idle_module(directory: &Path) -> PathBuf {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    let section = |id: u8, content: &[u8]| [&[id, content.len() as u8], content].concat();
    let export = |name: &str, kind_and_index: [u8; 2]| [&[name.len() as u8], name.as_bytes(), &kind_and_index].concat();
    let exports = [
        export("memory", [2, 0]),
        export("proxy_abi_version_0_2_1", [0, 0]),
        export("proxy_on_memory_allocate", [0, 1]),
    ]
    .concat();
    module.extend(section(1, b"\x02\x60\0\0\x60\x01\x7f\x01\x7f"));
    module.extend(section(3, b"\x02\0\x01"));
    module.extend(section(5, b"\x01\0\x02"));
    module.extend(section(7, &[b"\x03", exports.as_slice()].concat()));
    module.extend(section(10, b"\x02\x02\0\x0b\x05\0\x41\x80\x08\x0b"));
    let path = directory.join("idle.wasm");
    std::fs::write(&path, module).expect("the module is written");
    path
}

#[test]
fn echoes_through_two_listeners() {
    for binary in binaries() {
        let upstream = Upstream::start();
        let listeners = vec![Listener::new("one", Vec::new()), Listener::new("two", Vec::new())];
        let envoy = Envoy::start(&binary, &Bootstrap::fixed(upstream.address(), listeners), 2).expect("Envoy starts");

        for listener in ["one", "two"] {
            let request = RequestBuilder::post("/a%20b?c=%ff")
                .header("x-request-id", "mine")
                .header("x-bytes", b"caf\xc3\xa9 \xff")
                .body("q=1&q=2");
            let got = echoed(&envoy, listener, &request);
            let expected = [
                ("host", b"test".as_slice()),
                ("x-request-id", b"mine"),
                ("x-bytes", b"caf\xc3\xa9 \xff"),
                ("content-length", b"7"),
            ];
            assert_eq!((got.method.as_str(), got.target.as_slice()), ("POST", b"/a%20b?c=%ff".as_slice()));
            assert_eq!(
                got.headers,
                expected.map(|(name, value)| (name.to_owned(), value.to_vec())),
                "{}",
                binary.display()
            );
            assert_eq!(got.body, b"q=1&q=2");
        }
        let chunked = RequestBuilder::post("/").chunked(&[b"ab", b"cd"]);
        assert_eq!(echoed(&envoy, "one", &chunked).body, b"abcd");

        assert_eq!(upstream.requests(), 3);
        assert_eq!(envoy.stat("http.one.downstream_rq_completed"), Ok(2));
        assert_eq!(envoy.stat("no.such.counter"), Ok(0));
        assert!(envoy.address("three").is_err());
        assert_eq!(envoy.admin_post("/logging?level=debug").expect("the admin answers").status, 200);
        assert!(envoy.stop().contains("starting main dispatch loop"));
    }
}

#[test]
fn listeners_can_be_replaced() {
    for binary in binaries() {
        let upstream = Upstream::start();
        let marked = |name: &str, mark: &str| {
            let mut listener = Listener::new(name, Vec::new());
            let response = json!({"status": 200, "body": {"inline_string": mark}});
            listener.routes.push(json!({"match": {"path": "/mark"}, "direct_response": response}));
            listener
        };
        let mark = |envoy: &Envoy, name: &str| {
            let address = envoy.address(name).expect("the listener has an address");
            exchange(&address, &RequestBuilder::get("/mark").build()).expect("an answer").text()
        };
        let first = vec![marked("a", "1"), marked("b", "1")];
        let mut envoy = Envoy::start(&binary, &Bootstrap::watched(upstream.address(), first), 2).expect("Envoy starts");
        assert_eq!((mark(&envoy, "a"), mark(&envoy, "b")), ("1".into(), "1".into()));

        // First only new routes, then also another buffer limit, which makes Envoy replace the whole listener.
        for version in 2..40 {
            let mut a = marked("a", &version.to_string());
            a.buffer_limit = (version % 2 == 0).then_some(100_000 + version);
            assert_eq!(envoy.update_listeners(&[a, marked("c", "new")]), Ok(Update::Accepted));
            assert_eq!((mark(&envoy, "a"), mark(&envoy, "c")), (version.to_string(), "new".into()));
        }
        assert!(envoy.address("b").is_err());
        echoed(&envoy, "a", &RequestBuilder::get("/"));

        let mut bad = marked("a", "bad");
        bad.routes.push(json!({"match": {"prefix": "/"}, "route": {"cluster": "nowhere"}}));
        let Ok(Update::Rejected(log)) = envoy.update_listeners(&[bad]) else {
            panic!("a route to no cluster was accepted");
        };
        assert!(log.contains("nowhere"), "{log}");
        assert_eq!(mark(&envoy, "a"), "39");
    }
}

#[test]
fn wasm_filters_of_each_configuration_load() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let module = idle_module(directory.path());
    let any = json!({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "AAEC"});
    for binary in binaries() {
        let upstream = Upstream::start();
        let mut text = WasmFilter::new("text", &module, Configuration::Text("---\na: 1 # b\n".into()));
        text.vm_id = "id".into();
        text.vm_configuration = Some("for the VM".into());
        let mut structure = WasmFilter::new("structure", &module, Configuration::Struct(json!({"a": [1.5, null]})));
        structure.hold_headers = true;
        let mut raw = WasmFilter::new("raw", &module, Configuration::Raw(any.clone()));
        raw.disabled = true;
        let mut listener = Listener::new("api", vec![text, structure, raw]);
        let enable = json!({"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {}});
        listener.routes.push(Listener::route("/raw", json!({"raw": enable})));

        let mut envoy = Envoy::start(&binary, &Bootstrap::watched(upstream.address(), vec![listener.clone()]), 1)
            .expect("Envoy starts");
        assert_eq!(echoed(&envoy, "api", &RequestBuilder::get("/raw")).target, b"/raw");
        assert_eq!(envoy.stat("wasm.envoy.wasm.runtime.v8.active").map(|vms| vms > 0), Ok(true));

        let missing = WasmFilter::new("gone", &directory.path().join("gone.wasm"), Configuration::Text(String::new()));
        listener.filters.push(missing);
        assert!(
            matches!(envoy.update_listeners(&[listener.clone()]), Ok(Update::Rejected(log)) if log.contains("gone.wasm"))
        );
        for bootstrap in [Bootstrap::fixed, Bootstrap::watched] {
            let rejected = Envoy::start(&binary, &bootstrap(upstream.address(), vec![listener.clone()]), 1).map(|_| ());
            assert!(rejected.is_err_and(|text| text.contains("gone.wasm")));
        }
    }
}

#[test]
fn any_bootstrap_with_free_ports() {
    let text = r#"
static_resources:
  listeners:
  - name: tcp
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: tcp
          route_config:
            virtual_hosts:
            - {name: any, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 204}}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
"#;
    for binary in binaries() {
        let envoy = Envoy::start_with(&binary, "envoy.yaml", text, 1).expect("Envoy starts");
        let mut connection = Connection::open(&envoy.address("tcp").expect("an address")).expect("a connection");
        for _ in 0..2 {
            connection.send(&RequestBuilder::get("/").build()).expect("sent");
            assert_eq!(connection.receive().expect("an answer").status, 204);
        }
    }
}

#[test]
fn a_bootstrap_that_envoy_rejects_is_an_error_with_its_reason() {
    for binary in binaries() {
        let rejected = Envoy::start_with(&binary, "envoy.json", r#"{"no_such_field": 1}"#, 1).map(|_| ());
        assert!(rejected.clone().is_err_and(|text| text.contains("no_such_field")), "{rejected:?}");
    }
    let missing = Envoy::start_with(Path::new("/nowhere/envoy"), "envoy.json", "{}", 1).map(|_| ());
    assert!(missing.is_err_and(|text| text.contains("/nowhere/envoy")));
}
