//! `hash-password`: makes the password hashes for the users file of `serve`.

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
/// Asks for the password on a terminal, or reads one line from stdin, and prints an Argon2id hash (19 MiB, 2 passes, 1
/// lane).
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 success, 2 error.

Examples:
  jwt-auth hash-password
  pass show alice | head -n 1 | jwt-auth hash-password

The password can't be an argument, because every process of the machine could read it.")]
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
        return Err(Failure::new("the passwords do not match"));
    }
    Ok(password)
}

/// The only line of stdin, without the line feed.
fn read_line() -> Result<Zeroizing<String>, Failure> {
    // Room for a line end, and for one byte too many.
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
        return Err(Failure::new("stdin has more than one line").with_remedy("write only the password to stdin"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
