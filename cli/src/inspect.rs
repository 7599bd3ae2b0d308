//! `inspect`: what is in a token, told without trusting it.

mod filter;
mod oddities;
mod parts;
mod report;

use std::process::ExitCode;

use clap::Args;
use jwt_auth::NumericDate;

use crate::failure::Failure;
use crate::{moment, source, terminal};
use parts::{Parts, Unreadable};

/// Show what is in a token; nothing of it is verified.
///
/// Prints the header, the claims, the times, and what is odd about them. Anybody can write a token that says anything: only
/// `check`, which has the key, can tell whether it is good.
#[derive(Debug, Args)]
#[command(after_help = "\
Arguments can be seen by others on the machine, and stay in the shell's history; - reads the token
from stdin.

Exit status: 0 if the token could be decoded; 1 if it is no JWT or its claims are encrypted; 2 if
the command could not do its work.

Examples:
  jwt-auth inspect - < token.txt
  jwt-auth inspect eyJhbGciOi...
  curl -s https://issuer.example.com/token | jq -r .access_token | jwt-auth inspect --json -")]
pub(crate) struct Arguments {
    /// The token, or - to read it from stdin.
    #[arg(value_name = "TOKEN|-", allow_hyphen_values = true)]
    token: String,

    /// The time to tell others from, as of RFC 3339 or in seconds since 1970 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    time: Option<NumericDate>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let raw = source::token(&arguments.token)?;
    let now = arguments.time.unwrap_or_else(moment::now);
    let inspected = Inspection::of(&raw, now);
    if arguments.json {
        terminal::print_json(&report::json(&inspected))?;
    } else {
        terminal::print(&report::text(&inspected))?;
    }
    Ok(if inspected.parts.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that is told of one token.
#[derive(Debug)]
struct Inspection {
    now: NumericDate,
    parts: Result<Parts, Unreadable>,
    /// What is odd about the encoding, the header and the claims, in this order.
    oddities: Vec<Oddity>,
    filter: filter::Answers,
}

/// Something odd, which may or may not be a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Oddity {
    /// A name for programs, which stays the same.
    id: &'static str,
    /// What it is and what comes of it.
    what: String,
}

impl Oddity {
    /// The code with which the filter rejects such a token for its header or its signature, whatever its configuration.
    fn code(&self) -> Option<&'static str> {
        match self.id {
            "no-alg" | "alg-type" | "alg-none" | "alg-unknown" | "no-signature" | "signature-length" | "crit" => {
                Some("A403JT")
            }
            "kid-type" => Some("A403JK"),
            _ => None,
        }
    }
}

impl Inspection {
    fn of(raw: &[u8], now: NumericDate) -> Self {
        let mut oddities = Vec::new();
        let parts = parts::take_apart(raw, &mut oddities);
        match &parts {
            Ok(parts) => {
                oddities::of_header(&parts.header, Some(parts.signature_bytes), &mut oddities);
                oddities::of_claims(&parts.claims, now, &mut oddities);
            }
            Err(Unreadable { header: Some(header), .. }) => oddities::of_header(header, None, &mut oddities),
            Err(Unreadable { header: None, .. }) => {}
        }
        let filter = filter::ask(raw, now);
        Self { now, parts, oddities, filter }
    }
}

#[cfg(test)]
mod tests;
