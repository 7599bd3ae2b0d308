//! The module that is delivered.

use trim::{CALLBACKS, exported_functions, trim};

#[test]
fn the_delivered_module_exports_the_callbacks_it_has_code_for_and_no_others() {
    let path = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM names the module; `make test` sets it");
    let wasm = std::fs::read(path).expect("the module");
    let mut expected: Vec<&str> = CALLBACKS.to_vec();
    expected.extend(["_initialize", "proxy_abi_version_0_2_1"]);
    expected.sort_unstable();
    assert_eq!(exported_functions(&wasm).expect("a module"), expected);
    assert_eq!(trim(&wasm).and_then(|again| exported_functions(&again)).expect("a module"), expected);
}

#[test]
fn what_is_no_module_of_the_filter_is_refused() {
    assert!(trim(b"not wasm").expect_err("an error").starts_with("no module"));
    let empty = b"\0asm\x01\0\0\0";
    assert_eq!(trim(empty).expect_err("an error"), "the module does not export proxy_on_memory_allocate");
}
