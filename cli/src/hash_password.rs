//! `hash-password`: what the users file of `serve` has instead of a password.

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::files::print;
use crate::passwords::{self, MAX_PASSWORD_BYTES};
use crate::silence::Silence;

/// Hash a password for the users file of serve.
///
/// Reads one line from stdin, or asks for it on a terminal, and prints an Argon2id hash (19 MiB, 2 passes, 1 lane).
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if it is done; 2 if the command could not do its work.

Examples:
  jwt-auth hash-password
  pass show alice | head -n 1 | jwt-auth hash-password

It takes no password as an argument: every process of the machine could read it there.")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<ExitCode, Failure> {
    let password = if io::stdin().is_terminal() { ask()? } else { read_line()? };
    if password.is_empty() {
        return Err(Failure::new("the password is empty"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Failure::new(format!("the password is longer than {MAX_PASSWORD_BYTES} bytes")));
    }
    print(&passwords::hash(password.as_bytes())?)?;
    Ok(ExitCode::SUCCESS)
}

fn ask() -> Result<Zeroizing<String>, Failure> {
    let failed = |error| Failure::new(format!("can't read the password: {error}"));
    let silence = Silence::begin().map_err(failed)?;
    let password = silence.ask("Password: ").map_err(failed)?;
    if *silence.ask("Again: ").map_err(failed)? != *password {
        return Err(Failure::new("these were two different passwords"));
    }
    Ok(password)
}

/// The one line of stdin, without its end.
fn read_line() -> Result<Zeroizing<String>, Failure> {
    // A line end, and one byte to see that it is too long.
    let limit = MAX_PASSWORD_BYTES as u64 + 3;
    let mut text = Zeroizing::new(String::new());
    io::stdin().lock().take(limit).read_to_string(&mut text).map_err(|error| {
        let what =
            if error.kind() == io::ErrorKind::InvalidData { "it is not UTF-8".to_owned() } else { error.to_string() };
        Failure::new(format!("can't read the password: {what}"))
    })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return Err(Failure::new("stdin has more than one line").with_remedy("give the password alone"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
