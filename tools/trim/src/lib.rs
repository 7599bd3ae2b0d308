//! Takes out of the filter's module the callbacks that it does not use.
//!
//! The SDK exports every callback of proxy-wasm, and Envoy calls each one that a module exports, for nothing. Worse, a
//! module that failed and is being loaded anew answers 503 to responses that are under way, because it exports a callback
//! for them. No linker flag takes an export back, so it is done here, after the linker.

use walrus::{ExportItem, Module};

/// The callbacks that the filter has code for: those of `src/host/root.rs` and `src/host/request.rs`, and the SDK's own
/// for memory and for the life of contexts.
pub const CALLBACKS: [&str; 9] = [
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_tick",
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
];

/// The module without the callbacks that are not in [`CALLBACKS`], and without the code that only they reach.
///
/// # Errors
/// When `wasm` is no module, or lacks one of the callbacks that it should have.
pub fn trim(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let mut module = Module::from_buffer(wasm).map_err(|error| format!("no module: {error:#}"))?;
    let is_kept = |name: &str| !name.starts_with("proxy_on_") || CALLBACKS.contains(&name);
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
    if let Some(missing) = CALLBACKS.iter().find(|name| !has(name)) {
        return Err(format!("the module does not export {missing}"));
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

/// The names of a module's functions that can be called from outside, sorted.
///
/// # Errors
/// When `wasm` is no module.
pub fn exported_functions(wasm: &[u8]) -> Result<Vec<String>, String> {
    let module = Module::from_buffer(wasm).map_err(|error| format!("no module: {error:#}"))?;
    let functions = module.exports.iter().filter(|export| matches!(export.item, ExportItem::Function(_)));
    let mut names: Vec<_> = functions.map(|export| export.name.clone()).collect();
    names.sort();
    Ok(names)
}
