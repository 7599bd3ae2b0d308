//! The fuzz target for [`properties::proof`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::proof::holds(input));
