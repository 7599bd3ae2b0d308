//! Small modules for the tests of the host: the test writes the callbacks in the text format of WebAssembly.

use super::Compiled;

/// A module with these callbacks: the name of each, without `proxy_on_`, and its instructions. A callback of a request
/// gives its action as its last value. The instructions can call the functions of [`PRELUDE`], which log the status that
/// the host returned.
pub(super) fn puppet(callbacks: &[(&str, &str)]) -> Compiled {
    Compiled::new(&assemble(callbacks))
}

/// The bytes of [`puppet`].
pub(super) fn assemble(callbacks: &[(&str, &str)]) -> Vec<u8> {
    let exports: String = callbacks.iter().map(|(name, body)| export(name, body)).collect();
    wat::parse_str(format!("(module {PRELUDE} {exports})")).expect("a module")
}

fn export(name: &str, body: &str) -> String {
    let (parameters, result) = match name {
        "tick" => (1, ""),
        "http_call_response" => (5, ""),
        "configure" => (2, "(result i32)"),
        "request_headers" | "request_body" => (3, "(result i32)"),
        "request_trailers" => (2, "(result i32)"),
        other => panic!("callback {other}"),
    };
    format!("(func (export \"proxy_on_{name}\") {} {result} {body})\n", "(param i32) ".repeat(parameters))
}

const PRELUDE: &str = r#"
(import "env" "proxy_log" (func $host_log (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $host_context (param i32) (result i32)))
(import "env" "proxy_continue_stream" (func $host_continue (param i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $host_set (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_send_local_response" (func $host_respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $host_tick (param i32) (result i32)))
(import "env" "proxy_set_buffer_bytes" (func $host_write (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $host_read (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $host_list (param i32 i32 i32) (result i32)))
(import "env" "proxy_http_call"
  (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_shared_data" (func $host_share (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_define_metric" (func $host_define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $host_increment (param i32 i64) (result i32)))
(import "env" "proxy_record_metric" (func $host_record (param i32 i64) (result i32)))
(func (export "proxy_abi_version_0_2_1"))
(memory (export "memory") 4)
(global $free (mut i32) (i32.const 65536))
(data (i32.const 0) "0123456789")
(data (i32.const 16) "x")
(data (i32.const 32) "zzzzzzzzzz")
(data (i32.const 48) "keys")
(data (i32.const 64) "k")
(data (i32.const 80) "hits")
(data (i32.const 96) "age")
;; Three headers, as proxy-wasm serializes them.
(data (i32.const 128) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\01\00\00\00"
  ":method\00GET\00:path\00/k\00:authority\00h\00")
(func (export "proxy_on_memory_allocate") (param i32) (result i32)
  (global.get $free) (global.set $free (i32.add (global.get $free) (local.get 0))))
;; Logs a number of one or two digits.
(func $status (param i32)
  (if (i32.ge_u (local.get 0) (i32.const 10)) (then
    (call $status (i32.div_u (local.get 0) (i32.const 10)))
    (call $status (i32.rem_u (local.get 0) (i32.const 10))) return))
  (drop (call $host_log (i32.const 2) (local.get 0) (i32.const 1))))
(func $log_received (drop (call $host_log (i32.const 2) (i32.load (i32.const 512)) (i32.load (i32.const 516)))))
(func $context (param i32) (call $status (call $host_context (local.get 0))))
(func $stream (call $context (i32.const 2)))
(func $set (param i32)
  (call $status (call $host_set (i32.const 0) (i32.const 16) (i32.const 1) (local.get 0) (i32.const 1))))
(func $trailer (param i32)
  (call $status (call $host_set (i32.const 1) (i32.const 16) (i32.const 1) (local.get 0) (i32.const 1))))
(func $continue (call $status (call $host_continue (i32.const 0))))
(func $respond (call $status (call $host_respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 16)
  (i32.const 1) (i32.const 0) (i32.const 0) (i32.const -1))))
(func $tick_after (param i32) (call $status (call $host_tick (local.get 0))))
(func $write (param i32) (call $status
  (call $host_write (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 32) (local.get 0))))
(func $read (param i32)
  (i32.store (i32.const 516) (i32.const 0))
  (call $status (call $host_read (local.get 0) (i32.const 0) (i32.const -1) (i32.const 512) (i32.const 516)))
  (call $log_received))
(func $list (param i32)
  (call $status (call $host_list (local.get 0) (i32.const 512) (i32.const 516))) (call $log_received))
;; A call with the first `size` bytes of the headers above; logs the status and the token.
(func $call (param $size i32) (call $status (call $host_call (i32.const 48) (i32.const 4) (i32.const 128)
  (local.get $size) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5000) (i32.const 520))))
(func $create (call $status
  (call $host_share (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 3) (i32.const -1))))
;; Adds 2 to the counter `hits` and sets the gauge `age` to 7, then increments the counter by 0.
(func $metrics
  (call $status (call $host_define (i32.const 0) (i32.const 80) (i32.const 4) (i32.const 524)))
  (call $status (call $host_increment (i32.load (i32.const 524)) (i64.const 2)))
  (call $status (call $host_increment (i32.load (i32.const 524)) (i64.const 0)))
  (call $status (call $host_define (i32.const 1) (i32.const 96) (i32.const 3) (i32.const 524)))
  (call $status (call $host_record (i32.load (i32.const 524)) (i64.const 7))))
"#;
