//! The fuzz target for [`properties::remote_keys`].
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::remote_keys::holds(input));
