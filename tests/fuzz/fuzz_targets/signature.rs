//! The fuzz target for [`properties::signature`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::signature::holds(input));
