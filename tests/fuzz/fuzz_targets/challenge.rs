//! The fuzz target for [`properties::challenge`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::challenge::holds(input));
