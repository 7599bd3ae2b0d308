//! Removes the callbacks that the filter does not implement from the exports of its module.
//!
//! The SDK exports every callback of proxy-wasm. Envoy calls each exported callback, which takes time. And if the
//! module exports a callback for responses, Envoy fails responses in flight with 503 while it reloads a crashed module.
//! No linker flag removes an export, so this tool runs after the linker.
//!
//! The callbacks to keep are read from the source of the filter. A hand-written list could lack one that is
//! implemented: Envoy would never call it, and requests would hang.

use walrus::{ExportItem, Module};

/// The callbacks that the SDK itself implements: they allocate memory for the host, and create and delete contexts.
const OF_THE_SDK: [&str; 3] = ["proxy_on_memory_allocate", "proxy_on_context_create", "proxy_on_delete"];

/// The methods of the SDK's traits, each with the exports that call it.
const METHODS: [(&str, &[&str]); 24] = [
    ("on_configure", &["proxy_on_configure"]),
    ("on_done", &["proxy_on_done"]),
    ("on_downstream_close", &["proxy_on_downstream_connection_close"]),
    ("on_downstream_data", &["proxy_on_downstream_data"]),
    ("on_foreign_function", &["proxy_on_foreign_function"]),
    ("on_grpc_call_response", &["proxy_on_grpc_receive", "proxy_on_grpc_close"]),
    ("on_grpc_stream_close", &["proxy_on_grpc_close"]),
    ("on_grpc_stream_initial_metadata", &["proxy_on_grpc_receive_initial_metadata"]),
    ("on_grpc_stream_message", &["proxy_on_grpc_receive"]),
    ("on_grpc_stream_trailing_metadata", &["proxy_on_grpc_receive_trailing_metadata"]),
    ("on_http_call_response", &["proxy_on_http_call_response"]),
    ("on_http_request_body", &["proxy_on_request_body"]),
    ("on_http_request_headers", &["proxy_on_request_headers"]),
    ("on_http_request_trailers", &["proxy_on_request_trailers"]),
    ("on_http_response_body", &["proxy_on_response_body"]),
    ("on_http_response_headers", &["proxy_on_response_headers"]),
    ("on_http_response_trailers", &["proxy_on_response_trailers"]),
    ("on_log", &["proxy_on_log"]),
    ("on_new_connection", &["proxy_on_new_connection"]),
    ("on_queue_ready", &["proxy_on_queue_ready"]),
    ("on_tick", &["proxy_on_tick"]),
    ("on_upstream_close", &["proxy_on_upstream_connection_close"]),
    ("on_upstream_data", &["proxy_on_upstream_data"]),
    ("on_vm_start", &["proxy_on_vm_start"]),
];

/// The exports of a module for the callbacks that the Rust code in `source` implements, and for those of the SDK.
/// Sorted.
///
/// # Errors
/// When a function has a name that starts with `on_` and is not a callback of the SDK.
pub fn callbacks(source: &str) -> Result<Vec<&'static str>, String> {
    let mut exports = OF_THE_SDK.to_vec();
    for method in source.lines().filter_map(callback_method) {
        let (_, of_method) = METHODS
            .iter()
            .find(|(known, _)| *known == method)
            .ok_or_else(|| format!("{method} is not a callback of the SDK; rename the function"))?;
        exports.extend(*of_method);
    }
    exports.sort_unstable();
    exports.dedup();
    Ok(exports)
}

/// The name of the function that a line of Rust defines, if the name starts with `on_`.
fn callback_method(line: &str) -> Option<&str> {
    let (before, definition) = line.split_once("fn on_")?;
    let is_definition = before.split_whitespace().all(|word| !word.starts_with("//") && word != "*");
    let end = definition.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let start = before.len() + "fn ".len();
    is_definition.then(|| &line[start..start + "on_".len() + end])
}

/// The module with only the callbacks in `kept`, and without the code that only other callbacks use.
///
/// # Errors
/// When `wasm` is not a module, or does not export one of the callbacks.
pub fn trim(wasm: &[u8], kept: &[&str]) -> Result<Vec<u8>, String> {
    let mut module = parse(wasm)?;
    let is_kept = |name: &str| !name.starts_with("proxy_on_") || kept.contains(&name);
    let unused: Vec<_> = module
        .exports
        .iter()
        .filter(|export| matches!(export.item, ExportItem::Function(_)) && !is_kept(&export.name))
        .map(|export| export.id())
        .collect();
    for export in unused {
        module.exports.delete(export);
    }
    let has = |name: &&str| module.exports.iter().any(|export| export.name == **name);
    if let Some(missing) = kept.iter().find(|name| !has(name)) {
        return Err(format!("the module does not export {missing}"));
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

/// The names of the functions that a module exports, sorted.
///
/// # Errors
/// When `wasm` is not a module.
pub fn exported_functions(wasm: &[u8]) -> Result<Vec<String>, String> {
    let module = parse(wasm)?;
    let functions = module.exports.iter().filter(|export| matches!(export.item, ExportItem::Function(_)));
    let mut names: Vec<_> = functions.map(|export| export.name.clone()).collect();
    names.sort();
    Ok(names)
}

fn parse(wasm: &[u8]) -> Result<Module, String> {
    Module::from_buffer(wasm).map_err(|error| format!("not a Wasm module: {error:#}"))
}
