//! The fuzz target for [`properties::decide`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::decide::holds(input));
