//! The fuzz target for [`properties::jwk_set`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::jwk_set::holds(input));
