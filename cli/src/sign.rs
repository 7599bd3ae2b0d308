//! `sign`: a token from a private key and claims.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jwt_auth::{Algorithm, Host, Invalid, NumericDate, Plugin, Rejection};
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::claims::{Claims, is_json};
use crate::failure::Failure;
use crate::family::algorithm_parser;
use crate::files;
use crate::jwk::Jwk;
use crate::key::{SigningKey, key_id, private_jwk};
use crate::lifetime::{self, Lifetime};
use crate::state::{self, Memory};
use crate::token::{self, value};

/// Make a token.
///
/// It has the kid of the key, a random jti, iat and nbf of now, and exp. Nothing else goes to stdout.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if it is done; 2 if the command could not do its work.

Examples:
  jwt-auth sign --key private.jwk.json --sub alice --aud orders --claim plan=gold --expires-in 2h
  jwt-auth sign --key key.pem --sub alice
  jwt-auth sign --key private.jwk.json --claims-file claims.json --claim 'roles=[\"admin\",\"buyer\"]'
  jwt-auth sign --key private.jwk.json --issued-ago 3h --expires-in 2h   # a token that is expired")]
pub(crate) struct Arguments {
    /// The private key, a JWK or PEM; - is stdin. One from PEM has the kid and alg that `jwt-auth jwk` gives it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The kid for the token's header, instead of that of the key.
    #[arg(long, value_parser = key_id)]
    kid: Option<String>,
    /// What to sign with, instead of the alg of the key; it must fit the key.
    #[arg(long, ignore_case = true, value_parser = algorithm_parser())]
    alg: Option<Algorithm>,
    /// Whom the token is about.
    #[arg(long)]
    sub: Option<String>,
    /// Who made it.
    #[arg(long)]
    iss: Option<String>,
    /// Whom it is for; given several times, a list.
    #[arg(long)]
    aud: Vec<String>,
    /// One more claim. The value is JSON where it reads as JSON (true, 12, ["a"], "12"), else a text.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Box<RawValue>)>,
    /// More claims, a JSON object; - is stdin. The options win over it.
    #[arg(long, value_name = "FILE")]
    claims_file: Option<PathBuf>,
    /// How long it lives, less than 7 days: 30s, 90m, 2h, 1d 12h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = Lifetime::parse)]
    expires_in: Lifetime,
    /// Make the token as if this time ago: with more than --expires-in it comes out expired.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = lifetime::seconds)]
    issued_ago: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let stdin = PathBuf::from("-");
    if arguments.key == stdin && arguments.claims_file.as_ref() == Some(&stdin) {
        return Err(Failure::new("--key and --claims-file can't both be stdin"));
    }
    let mut jwk = private_jwk(&files::read(&arguments.key)?)?;
    jwk.kid = arguments.kid.clone().or(jwk.kid);
    let key = SigningKey::from_jwk(&jwk, arguments.alg)?;
    files::warn_if_shared(&arguments.key);
    let mut claims = arguments.claims()?;
    let issued_at = token::unix_time(arguments.issued_ago)?;
    token::complete(&mut claims, issued_at, arguments.expires_in)?;
    let token = token::sign(&key, &claims)?;
    ask_filter(&key, &jwk, &token, issued_at)?;
    files::print(&token)?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The claims of the file and of the options.
    fn claims(&self) -> Result<Claims, Failure> {
        let mut given = Claims::default();
        let texts = [("iss", &self.iss), ("sub", &self.sub)];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            given.push(name, value(text)?);
        }
        token::push_audiences(&mut given, &self.aud)?;
        for (name, value) in &self.claims {
            if given.contains(name) {
                return Err(Failure::new(format!("the claim {name:?} is given twice"))
                    .with_remedy(format!("for a list: --claim '{name}=[\"one\",\"other\"]'")));
            }
            given.push(name, value.clone());
        }
        let claims = self.file()?.overridden_by(given);
        check(&claims)?;
        Ok(claims)
    }

    fn file(&self) -> Result<Claims, Failure> {
        let Some(path) = &self.claims_file else { return Ok(Claims::default()) };
        Claims::parse(&files::read(path)?).map_err(|error| {
            Failure::new(format!("{}: {error}", path.display())).with_remedy("expected one JSON object")
        })
    }
}

/// Asks the filter about a new token, at the time at which it was made. One that is not valid yet is as it was wanted.
fn ask_filter(key: &SigningKey, jwk: &Jwk, token: &str, issued_at: u64) -> Result<(), Failure> {
    let jwk = match key.public_jwk() {
        Some(public) => public.clone(),
        None => Jwk { alg: Some(key.algorithm().name().to_owned()), key_ops: None, ..jwk.clone() },
    };
    let configuration = Zeroizing::new(format!(r#"{{"parameter":"token","jwk":{}}}"#, *jwk.to_json()));
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    let memory = Memory::default();
    let host = Host { shared_data: &memory, signatures: None };
    let headers = [("token".to_owned(), token.as_bytes().to_vec())];
    match state::decide(&plugin, &headers, false, NumericDate::from_unix_seconds(issued_at as f64), host) {
        Ok(_) | Err(Rejection::Invalid(Invalid::NotYetValid { .. })) => Ok(()),
        Err(Rejection::Malformed { .. }) => Err(Failure::new("the filter could not read the token (I400JD)")
            .with_remedy("claims can't nest deeper than 64 levels")),
        Err(other) => {
            Err(Failure::new(format!("the filter would refuse the token: {} {}", other.code(), other.message())))
        }
    }
}

/// The claims that `sign` makes, and the types of those that the filter looks at.
fn check(claims: &Claims) -> Result<(), Failure> {
    if claims.contains("iat") || claims.contains("exp") {
        return Err(Failure::new("iat and exp can't be given as claims")
            .with_remedy("say --expires-in and, for a token of the past, --issued-ago"));
    }
    let parsed = |name| claims.get(name).and_then(|value| serde_json::from_str::<Value>(value.get()).ok());
    if parsed("nbf").is_some_and(|nbf| !nbf.is_number()) {
        return Err(Failure::new("nbf is not a number of seconds since 1970"));
    }
    // What preventJtiReplay takes.
    if parsed("jti").is_some_and(|jti| jti.as_str().is_none_or(|jti| jti.is_empty() || jti.len() > 1024)) {
        return Err(Failure::new("jti is not a text of 1 to 1024 bytes")
            .with_remedy("leave it out for a random one; a number needs quotes: --claim 'jti=\"7\"'"));
    }
    Ok(())
}

/// Reads `name=value`.
fn claim(text: &str) -> Result<(String, Box<RawValue>), String> {
    let (name, text) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() {
        return Err("expected a name before the =".to_owned());
    }
    let trimmed = text.trim();
    match is_json(trimmed) {
        Ok(()) => Ok((name.to_owned(), RawValue::from_string(trimmed.to_owned()).map_err(|error| error.to_string())?)),
        // JSON, but not for a token.
        Err(error) if error.is_data() => Err(error.to_string()),
        Err(_) => Ok((name.to_owned(), value(text).map_err(|_| "expected text")?)),
    }
}
