//! `jwt-auth`: makes keys and tokens, and checks tokens and configurations, for the JWT filter for Envoy.
//!
//! Each command is a module with its name; `jwk` is `make_jwk`. Results go to stdout, errors and how to fix them to
//! stderr.

mod check;
mod claims;
mod completions;
mod dpop;
mod failure;
mod family;
mod files;
mod hash_password;
mod inspect;
mod json;
mod jwk;
mod key;
mod key_set;
mod keygen;
mod lifetime;
mod make_jwk;
mod moment;
mod offline;
mod passwords;
mod pem;
mod random;
mod serve;
mod sign;
mod silence;
mod terminal;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Make keys and tokens, and check tokens and configurations, for the JWT filter for Envoy.
#[derive(Debug, Parser)]
#[command(
    name = "jwt-auth",
    version,
    max_term_width = 100,
    after_help = "\
Exit status: 0 success, 1 negative result, 2 error.

Examples:
  jwt-auth keygen --alg ES256 --private private.jwk.json --plugin > plugin.yaml
  jwt-auth jwk key.pem
  jwt-auth sign --key private.jwk.json --sub alice --expires-in 2h > token.txt
  jwt-auth inspect - < token.txt
  jwt-auth check --config plugin.yaml --token - < token.txt
  jwt-auth help check"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Completions(completions::Arguments),
    Dpop(dpop::Arguments),
    HashPassword(hash_password::Arguments),
    Inspect(inspect::Arguments),
    Jwk(make_jwk::Arguments),
    Keygen(keygen::Arguments),
    Serve(serve::Arguments),
    Sign(sign::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Dpop(arguments) => dpop::run(&arguments),
        Command::HashPassword(arguments) => hash_password::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Jwk(arguments) => make_jwk::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
    };
    done.unwrap_or_else(|failure| failure.report())
}
