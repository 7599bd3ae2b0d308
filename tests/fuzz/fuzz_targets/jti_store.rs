//! The fuzz target for [`properties::jti_store`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::jti_store::holds(input));
