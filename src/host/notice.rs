//! Log lines that are said once for the process, though every worker configures itself.

use log::Level;
use sha2::{Digest as _, Sha256};

use super::calls;
use super::services::{self, Envoy};
use crate::replay::SharedData;
use crate::text::Excerpt;

/// The longest line, in bytes.
const MAX_BYTES: usize = 4096;

/// For so long, in seconds, the same line is not said again: workers configure themselves within moments, and a
/// configuration that comes back later is news.
const QUIET_SECONDS: u32 = 10;

/// How often the key is read again after another worker wrote it, mostly the same line.
const MAX_ATTEMPTS: usize = 4;

/// Logs `text`, escaped to one line, unless another worker has just done so. Whatever goes wrong on the way, the line is
/// logged rather than lost, and nothing else happens.
pub(super) fn say_once(level: Level, text: &str) {
    if !was_said(text) {
        // A host that can't log is no reason to do anything else.
        let _ = calls::log(level, &format!("jwt-auth: {}", Excerpt::new(text.as_bytes(), MAX_BYTES)));
    }
}

fn was_said(text: &str) -> bool {
    let Ok(now) = services::now().map(|now| now.as_unix_seconds() as u32) else {
        return false;
    };
    // Envoy forgets no key, so there are 256 for all lines that will ever be: the last line of a key stands in its value.
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let [place, line @ ..] = hash.first_chunk::<9>().copied().unwrap_or_default();
    let key = format!("jwt-auth/log/{place:02x}");
    for _ in 0..MAX_ATTEMPTS {
        let (said, version) = Envoy.get(&key).unwrap_or((Vec::new(), u32::MAX));
        let said = said.strip_prefix(&line).and_then(|time| time.try_into().ok());
        if said.is_some_and(|time| now.abs_diff(u32::from_le_bytes(time)) < QUIET_SECONDS) {
            return true;
        }
        let value = [line.as_slice(), &now.to_le_bytes()].concat();
        if Envoy.set(&key, &value, version).is_ok() {
            return false;
        }
    }
    false
}
