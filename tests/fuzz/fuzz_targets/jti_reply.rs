//! The fuzz target for [`properties::jti_reply`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::jti_reply::holds(input));
