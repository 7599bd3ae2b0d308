//! A token as a command reads it: an argument, or stdin where `-` stands for it.

use std::path::Path;

use crate::failure::Failure;
use crate::files;

/// The name that stands for stdin.
pub(crate) const STDIN: &str = "-";

/// A token given as an argument, or on stdin (at most 16 MiB) for `-`; the end of stdin's line is not part of it.
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
