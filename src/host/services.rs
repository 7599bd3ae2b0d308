//! What a decision needs of Envoy, by its host calls.

use proxy_wasm::hostcalls;

use crate::claims::NumericDate;
use crate::replay::{Conflict, SharedData};
use crate::signature::HostSignatures;

/// The process that the filter runs in.
pub(super) struct Envoy;

impl SharedData for Envoy {
    fn get(&self, key: &str) -> (Option<Vec<u8>>, Option<u32>) {
        hostcalls::get_shared_data(key).unwrap_or((None, None))
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        hostcalls::set_shared_data(key, Some(value), Some(expected)).map_err(|_| Conflict)
    }
}

impl HostSignatures for Envoy {
    fn verify_signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        hostcalls::call_foreign_function("verify_signature", Some(message)).ok().flatten()
    }
}

/// The time by Envoy's clock; `None` when it has none or one before 1970.
pub(super) fn now() -> Option<NumericDate> {
    let since_epoch = hostcalls::get_current_time().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(NumericDate::from_unix_seconds(since_epoch.as_secs_f64()))
}
