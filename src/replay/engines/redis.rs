//! Redis 7, through [Webdis](https://webd.is), which speaks HTTP.
//!
//! A `jti` is one command: `SET key value NX EX seconds GET`. It creates the key if it is absent, and otherwise answers
//! with its value. Redis deletes the key after the seconds.

use serde::Deserialize;

use super::answer::{Answer, EngineReply, engine_error};
use super::failure::EngineFailure;

/// The body of the request that creates `key` with `value` for `seconds`, or reads it if it exists.
///
/// `EX` and not `EXAT`: with a time in the past, the latter answers "OK" and stores nothing, so a Redis with a fast clock
/// would switch the protection off.
pub(super) fn create_or_read(key: &[u8], value: &str, seconds: u32) -> Vec<u8> {
    // The last word is constant: Webdis takes an ending such as `.txt` for the format of the answer.
    format!("SET/{}/{value}/NX/EX/{}/GET", escape(key), seconds.max(1)).into_bytes()
}

/// Reads the reply to [`create_or_read`] with `value`.
///
/// # Errors
/// When it is anything but a complete answer. Webdis sends the errors of Redis with status 200.
pub(super) fn read(reply: EngineReply, value: &str) -> Result<Answer, EngineFailure> {
    reply.check_status()?;
    let set: Set = crate::json::read_members(reply.whole_body()?).ok_or(EngineFailure::Malformed)?;
    match set.set {
        None => Ok(Answer::Won),
        // The answer to an earlier attempt of this request was lost.
        Some(Found::Value(found)) if found == value => Ok(Answer::Won),
        Some(Found::Value(found)) if !found.is_empty() => Ok(Answer::Lost),
        Some(Found::Value(_) | Found::Status(true, _)) => Err(EngineFailure::Malformed),
        Some(Found::Status(false, error)) => Err(engine_error(error.as_bytes())),
    }
}

/// The answer of Webdis.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    #[serde(rename = "SET", deserialize_with = "Option::deserialize")]
    set: Option<Found>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Value(String),
    /// Whether Redis succeeded, and what it said.
    Status(bool, String),
}

/// The bytes of a word of the command, so that none of them separates words or chooses a format.
fn escape(word: &[u8]) -> String {
    percent_encoding::percent_encode(word, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests;
