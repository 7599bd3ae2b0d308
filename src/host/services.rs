//! The services of Envoy that a decision needs: shared data, signature verification and the clock.

use super::calls::{self, Failed};
use crate::numeric_date::NumericDate;
use crate::shared_data::{Conflict, SharedData};
use crate::signature::HostSignatures;

/// The Envoy process that runs the filter.
pub(super) struct Envoy;

impl SharedData for Envoy {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        // A value that can't be read counts as missing. If it exists, the write that follows fails with a conflict.
        calls::read_shared_data(key).ok().flatten()
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        calls::write_shared_data(key, value, expected).map_err(|Failed| Conflict)
    }
}

impl HostSignatures for Envoy {
    fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        calls::call_foreign_function("verify_signature", message).ok().flatten()
    }
}

/// The time by Envoy's clock.
pub(super) fn now() -> Result<NumericDate, Failed> {
    Ok(NumericDate::from_unix_seconds(calls::current_time()?.as_secs_f64()))
}

/// Random bytes from the host.
pub(super) fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}
