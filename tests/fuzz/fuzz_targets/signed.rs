//! The fuzz target for [`properties::signed`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::signed::holds(input));
