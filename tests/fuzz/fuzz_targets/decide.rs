//! libFuzzer's side of [`properties::decide`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::decide::holds(input));
