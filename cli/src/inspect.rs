//! `inspect`: shows the content of a token without verifying it.

mod filter;
mod notes;
mod parts;
mod report;

use std::process::ExitCode;

use clap::Args;
use jwt_auth::NumericDate;

use crate::failure::Failure;
use crate::{files, moment, terminal};
use parts::{Parts, Unreadable};

/// Show the content of a token without verifying it.
///
/// Prints the header, the claims, the times, and notes on anything unusual. Anyone can write such a token: use `check`,
/// which has the key, to verify it.
#[derive(Debug, Args)]
#[command(after_help = "\
Other users of the machine can see arguments, and the shell's history keeps them. Use - to read the
token from stdin.

Exit status: 0 decoded, 1 not a JWT or encrypted, 2 error.

Examples:
  jwt-auth inspect - < token.txt
  jwt-auth inspect eyJhbGciOi...
  curl -s https://issuer.example.com/token | jq -r .access_token | jwt-auth inspect --json -")]
pub(crate) struct Arguments {
    /// The token; - reads it from stdin.
    #[arg(value_name = "TOKEN|-", allow_hyphen_values = true)]
    token: String,

    /// The time to compare with, in RFC 3339 format or in seconds since 1970 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    time: Option<NumericDate>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let raw = files::token(&arguments.token)?;
    let now = arguments.time.unwrap_or_else(moment::now);
    let inspected = Inspection::of(&raw, now);
    if arguments.json {
        terminal::print_json(&report::json(&inspected))?;
    } else {
        terminal::print(&report::text(&inspected))?;
    }
    Ok(if inspected.parts.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All results for one token.
#[derive(Debug)]
struct Inspection {
    now: NumericDate,
    parts: Result<Parts, Unreadable>,
    /// Notes on the encoding, the header and the claims, in this order.
    notes: Notes,
    filter: filter::Answers,
}

/// Notes in the order in which they were found.
#[derive(Debug, Default)]
struct Notes(Vec<Note>);

/// Something unusual, which is not necessarily an error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    /// A stable name for programs.
    id: &'static str,
    /// What it is, and what the filter does.
    what: String,
}

impl Notes {
    fn add(&mut self, id: &'static str, what: impl Into<String>) {
        self.0.push(Note { id, what: what.into() });
    }
}

impl Note {
    /// The code with which the filter rejects the header or the signature under any configuration.
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
        let mut notes = Notes::default();
        let parts = parts::take_apart(raw, &mut notes);
        match &parts {
            Ok(parts) => {
                notes::of_header(&parts.header, Some(parts.signature_bytes), &mut notes);
                notes::of_claims(&parts.claims, now, &mut notes);
            }
            Err(Unreadable { header: Some(header), .. }) => notes::of_header(header, None, &mut notes),
            Err(Unreadable { header: None, .. }) => {}
        }
        let filter = filter::ask(raw, now);
        Self { now, parts, notes, filter }
    }
}

#[cfg(test)]
mod tests;
