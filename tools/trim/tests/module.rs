//! Tests of the callbacks that the shipped module exports, and of reading callbacks from source.

use trim::{callbacks, exported_functions, trim};

const CALLBACKS: [&str; 10] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

#[test]
fn the_shipped_module_exports_these_callbacks_and_no_others() {
    let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
    let wasm = std::fs::read(path).expect("the module");
    let mut expected = CALLBACKS.to_vec();
    expected.extend(["_initialize", "proxy_abi_version_0_2_1"]);
    expected.sort_unstable();
    assert_eq!(exported_functions(&wasm).expect("a module"), expected);
    assert_eq!(trim(&wasm, &CALLBACKS).and_then(|again| exported_functions(&again)).expect("a module"), expected);
}

#[test]
fn every_implemented_callback_is_kept() {
    let source = "
        impl HttpContext for Request {
            fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action { on_log(); }
            // fn on_queue_ready is not implemented: this is a comment.
            /// See `fn on_done`.
            fn on_grpc_call_response(
        }
        fn only_a_helper() {}";
    let expected = [
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_grpc_close",
        "proxy_on_grpc_receive",
        "proxy_on_memory_allocate",
        "proxy_on_request_headers",
    ];
    assert_eq!(callbacks(source).expect("callbacks"), expected);
}

#[test]
fn a_function_that_is_named_like_a_callback_and_is_none_fails_the_build() {
    let error = callbacks("    pub(super) fn on_http_request_metadata(&mut self) {").expect_err("an error");
    assert_eq!(error, "on_http_request_metadata is not a callback of the SDK; rename the function");
}

#[test]
fn a_module_that_lacks_a_callback_fails_the_build() {
    assert!(trim(b"not wasm", &CALLBACKS).expect_err("an error").starts_with("not a Wasm module"));
    let empty = b"\0asm\x01\0\0\0";
    assert_eq!(trim(empty, &CALLBACKS).expect_err("an error"), "the module does not export proxy_on_configure");
}
