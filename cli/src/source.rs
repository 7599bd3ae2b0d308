//! Reads a token from an argument or from stdin.

use std::path::Path;

use crate::failure::Failure;
use crate::files;

/// The argument that means stdin.
pub(crate) const STDIN: &str = "-";

/// The token of an argument or, for `-`, on stdin, without the line feed.
///
/// # Errors
/// If stdin can't be read or has more than 16 MiB.
pub(crate) fn token(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument != STDIN {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut token = files::read(Path::new(STDIN))?.to_vec();
    while token.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        token.pop();
    }
    Ok(token)
}
