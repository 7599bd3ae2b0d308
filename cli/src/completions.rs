//! `completions`: a script that completes commands and options in a shell.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal;

/// Print the completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  jwt-auth completions bash > ~/.local/share/bash-completion/completions/jwt-auth")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "jwt-auth", &mut script);
    let script = String::from_utf8_lossy(&script);
    terminal::print(&if arguments.shell == Shell::Bash { repaired(&script) } else { script.into_owned() })?;
    Ok(ExitCode::SUCCESS)
}

/// The script for bash, repaired: clap_complete 4.6 splits the name of the program at its hyphen in one of two places,
/// so it only completes the first word.
fn repaired(script: &str) -> String {
    script.replace("jwt__subcmd__auth__subcmd__", "jwt__auth__subcmd__")
}
