//! The fuzz target for [`properties::query`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::query::holds(input));
