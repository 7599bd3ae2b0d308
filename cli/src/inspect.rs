//! `inspect`: shows the content of a token. It verifies the signature only if it gets the keys.

mod filter;
mod notes;
mod parts;
mod proof;
mod report;
mod signer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jwt_auth::NumericDate;

use crate::failure::Failure;
use crate::key_set::KeySetFile;
use crate::{files, moment, terminal};
use parts::{Parts, Unreadable};
use proof::Proof;
use signer::Verification;

/// Show the content of a token or a DPoP proof, and with --jwks also which key signed a token.
///
/// Prints the header, the claims, the times, and notes on anything unusual. Without --jwks nothing is verified, and
/// anyone can write such a token. `check` applies the rules of a configuration, too.
///
/// A DPoP proof is verified with the key in its header. The thumbprint of this key is the cnf.jkt of a bound token.
#[derive(Debug, Args)]
#[command(after_help = "\
Other users of the machine can see arguments, and the shell's history keeps them. Use - to read the
token from stdin.

Exit status: 0 decoded, and verified if --jwks is given; 1 not a JWT, encrypted, not verified, or a
proof that is not signed with its own key; 2 error.

Examples:
  jwt-auth inspect - < token.txt
  jwt-auth inspect eyJhbGciOi...
  curl -s https://issuer.example.com/jwks | jwt-auth inspect --jwks - eyJhbGciOi...
  curl -s https://issuer.example.com/token | jq -r .access_token | jwt-auth inspect --json -")]
pub(crate) struct Arguments {
    /// The token; - reads it from stdin.
    #[arg(value_name = "TOKEN|-", allow_hyphen_values = true)]
    token: String,

    /// The JWK set of the issuer, to verify the signature; - reads it from stdin.
    #[arg(long, value_name = "FILE|-")]
    jwks: Option<PathBuf>,

    /// The time to compare with, in RFC 3339 format or in seconds since 1970 [default: now].
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    time: Option<NumericDate>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    files::check_stdin(&[("TOKEN", Some(Path::new(&arguments.token))), ("--jwks", arguments.jwks.as_deref())])
        .map_err(|failure| failure.with_remedy("use a file or an argument for one of them"))?;
    let set = arguments.jwks.as_deref().map(KeySetFile::read).transpose()?;
    let raw = files::token(&arguments.token)?;
    let now = arguments.time.unwrap_or_else(moment::now);
    let mut inspected = Inspection::of(&raw, now);
    if set.is_some() && inspected.proof.is_some() {
        return Err(Failure::new("a DPoP proof is not signed with a key of a JWK set").with_remedy("leave out --jwks"));
    }
    if let (Some(set), Ok(parts)) = (&set, &inspected.parts) {
        let is_readable = inspected.filter.unreadable.is_none();
        inspected.verification = signer::verify((&raw, &parts.header, is_readable), set, now);
    }
    if arguments.json {
        terminal::print_json(&report::json(&inspected))?;
    } else {
        terminal::print(&report::text(&inspected))?;
    }
    let is_verified = match &inspected.proof {
        Some(proof) => proof.failure.is_none(),
        None => set.is_none() || inspected.is_verified(),
    };
    Ok(if inspected.parts.is_ok() && is_verified { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All results for one token.
#[derive(Debug)]
struct Inspection {
    now: NumericDate,
    parts: Result<Parts, Unreadable>,
    /// Notes on the encoding, the header and the claims, in this order.
    notes: Notes,
    filter: filter::Answers,
    /// The thumbprint of the key that a token is bound to.
    binding: Option<String>,
    /// If it is a proof of possession.
    proof: Option<Proof>,
    /// `None` without a JWK set, and for what is not a token.
    verification: Option<Verification>,
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
        let (mut binding, mut proof) = (None, None);
        match &parts {
            Ok(parts) if proof::is_proof(&parts.header) => {
                proof::notes(parts, now, &mut notes);
                proof = Some(proof::inspect(raw, parts));
            }
            Ok(parts) => {
                notes::of_header(&parts.header, Some(parts.signature_bytes), &mut notes);
                notes::of_claims(&parts.claims, now, &mut notes);
                binding = proof::binding(&parts.claims, &mut notes);
            }
            Err(Unreadable { header: Some(header), .. }) => notes::of_header(header, None, &mut notes),
            Err(Unreadable { header: None, .. }) => {}
        }
        let filter = filter::ask(raw, now);
        Self { now, parts, notes, filter, binding, proof, verification: None }
    }

    /// Whether a key of the JWK set signed the token.
    fn is_verified(&self) -> bool {
        self.verification.as_ref().is_some_and(|verification| verification.signer.is_ok())
    }
}

#[cfg(test)]
mod tests;
