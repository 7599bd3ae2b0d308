//! `jwt-auth`: keys, tokens and answers for people who run the JWT filter for Envoy.
//!
//! Each command is a module of its name. Results go to stdout, errors to stderr with what to do about them.

mod check;
mod completions;
mod failure;
mod inspect;
mod moment;
mod source;
mod state;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keys, tokens and answers for the JWT filter for Envoy.
#[derive(Debug, Parser)]
#[command(name = "jwt-auth", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Completions(completions::Arguments),
    Inspect(inspect::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
    };
    done.unwrap_or_else(|failure| failure.report())
}
