//! The fuzz target for [`properties::htu`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::htu::holds(input));
