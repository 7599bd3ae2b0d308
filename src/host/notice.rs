//! Log lines that are said once for the process, though every worker configures itself.

use hmac_sha256::Hash;
use log::Level;

use super::services::{self, Envoy};
use crate::replay::SharedData;
use crate::text::Excerpt;

/// The longest line, in bytes.
const MAX_BYTES: usize = 4096;

/// For so long, in seconds, the same line is not said again: workers configure themselves within moments, and a
/// configuration that comes back later is news.
const QUIET_SECONDS: u32 = 10;

/// Logs `text`, escaped to one line, unless another worker has just done so. Whatever goes wrong on the way, the line is
/// logged rather than lost, and nothing else happens.
pub(super) fn say_once(level: Level, text: &str) {
    if !was_said(text) {
        log::log!(level, "jwt-auth: {}", Excerpt::new(text.as_bytes(), MAX_BYTES));
    }
}

fn was_said(text: &str) -> bool {
    let Some(now) = services::now().map(|now| now.as_unix_seconds() as u32) else {
        return false;
    };
    let key = Hash::hash(text.as_bytes())
        .iter()
        .take(4)
        .fold("jwt-auth/log/".to_owned(), |key, byte| format!("{key}{byte:02x}"));
    let (said, version) = Envoy.get(&key);
    let said = said.and_then(|value| Some(u32::from_le_bytes(value.try_into().ok()?)));
    if said.is_some_and(|said| now.abs_diff(said) < QUIET_SECONDS) {
        return true;
    }
    Envoy.set(&key, &now.to_le_bytes(), version.unwrap_or(u32::MAX)).is_err()
}
