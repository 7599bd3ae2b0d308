//! `completions`: what a shell needs to complete the commands and options.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::terminal;

/// Print the completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  jwt-auth completions bash > ~/.local/share/bash-completion/completions/jwt-auth")]
pub(crate) struct Arguments {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "jwt-auth", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
