//! What a command reads: a file, or stdin where `-` stands for it.

use std::io::Read as _;
use std::path::Path;

use crate::failure::Failure;

/// The name that stands for stdin.
pub(crate) const STDIN: &str = "-";

/// The bytes of a file, or of stdin for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() == STDIN {
        return stdin();
    }
    std::fs::read(path).map_err(|error| {
        Failure::new(format!("can't read {}: {error}", path.display())).with_remedy("name a file, or - for stdin")
    })
}

/// A token given as an argument, or on stdin for `-`; the end of stdin's line is not part of it.
pub(crate) fn token(argument: &str) -> Result<Vec<u8>, Failure> {
    if argument != STDIN {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut token = stdin()?;
    while token.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        token.pop();
    }
    Ok(token)
}

fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match std::io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::new(format!("can't read stdin: {error}"))),
    }
}
