//! libFuzzer's side of [`jwt_auth_fuzz::path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| jwt_auth_fuzz::path::holds(input));
