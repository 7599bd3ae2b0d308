//! Log lines that a process writes once, although every worker configures itself.

use log::Level;
use sha2::{Digest as _, Sha256};

use super::calls;
use super::services::{self, Envoy};
use crate::notice::Notice;
use crate::shared_data::SharedData;
use crate::text::Excerpt;

/// The most bytes of a text that are logged.
const MAX_BYTES: usize = 4096;

/// How long, in seconds, the same line is not logged again. Workers configure themselves within moments of each other;
/// a configuration that returns later is logged again.
const QUIET_SECONDS: u32 = 10;

/// How often the key is read and written. A failed try means that another worker wrote it first, usually with the same
/// line.
const MAX_ATTEMPTS: usize = 4;

/// Logs `text`, escaped to one line, unless a worker logged it in the last [`QUIET_SECONDS`]. If that can't be found
/// out, the line is logged.
pub(super) fn log_once(level: Level, text: &str) {
    if !was_logged(text) {
        log(level, text);
    }
}

/// Logs a notice like [`log_once`].
pub(super) fn log_notice_once(notice: &Notice) {
    log_once(level_of(notice), &notice.text);
}

/// Logs a notice that only this worker has.
pub(super) fn log_notice(notice: &Notice) {
    log(level_of(notice), &notice.text);
}

fn level_of(notice: &Notice) -> Level {
    if notice.is_warning { Level::Warn } else { Level::Info }
}

/// A failure only loses the line.
fn log(level: Level, text: &str) {
    let _ = calls::log(level, &format!("jwt-auth: {}", Excerpt::new(text.as_bytes(), MAX_BYTES)));
}

/// Whether a worker logged `text` in the last [`QUIET_SECONDS`]. If not, records that it is logged now.
fn was_logged(text: &str) -> bool {
    let Ok(now) = services::now().map(|now| now.as_unix_seconds() as u32) else {
        return false;
    };
    // Envoy never deletes a key, so all lines share 256 keys. The value of a key is the hash and the time of its last
    // line.
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let [bucket, line @ ..] = hash.first_chunk::<9>().copied().unwrap_or_default();
    let key = format!("jwt-auth/log/{bucket:02x}");
    for _ in 0..MAX_ATTEMPTS {
        let (last, version) = Envoy.get(&key).unwrap_or((Vec::new(), u32::MAX));
        let logged_at = last.strip_prefix(&line).and_then(|time| time.try_into().ok());
        if logged_at.is_some_and(|time| now.abs_diff(u32::from_le_bytes(time)) < QUIET_SECONDS) {
            return true;
        }
        let value = [line.as_slice(), &now.to_le_bytes()].concat();
        if Envoy.set(&key, &value, version).is_ok() {
            return false;
        }
    }
    false
}
