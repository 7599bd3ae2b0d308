//! `sign`: makes a token from a private key and claims.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jwt_auth::{Algorithm, Invalid, NumericDate, Rejection};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::claims::Claims;
use crate::failure::Failure;
use crate::family::algorithm_parser;
use crate::files;
use crate::json;
use crate::jwk::Jwk;
use crate::key::{SigningKey, key_id, private_jwk, proof_key_thumbprint};
use crate::lifetime::{self, Lifetime};
use crate::offline;
use crate::token::{self, value};

/// Make a signed token.
///
/// The token has the kid of the key, a random jti, the current time as iat and nbf, and exp. Only the token goes to
/// stdout.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 success, 2 error.

Examples:
  jwt-auth sign --key private.jwk.json --sub alice --aud orders --claim plan=gold --expires-in 2h
  jwt-auth sign --key key.pem --sub alice
  jwt-auth sign --key private.jwk.json --claims-file claims.json --claim 'roles=[\"admin\",\"buyer\"]'
  jwt-auth sign --key private.jwk.json --sub alice --dpop-key client.jwk.json   # needs a DPoP proof
  jwt-auth sign --key private.jwk.json --issued-ago 3h --expires-in 2h   # an expired token")]
pub(crate) struct Arguments {
    /// The private key, a JWK or PEM; - is stdin. A PEM key has the kid and alg that `jwt-auth jwk` prints.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The kid of the token, instead of that of the key.
    #[arg(long, value_parser = key_id)]
    kid: Option<String>,
    /// The algorithm to sign with, instead of the alg of the key. It must suit the key.
    #[arg(long, ignore_case = true, value_parser = algorithm_parser())]
    alg: Option<Algorithm>,
    /// The sub claim: the subject.
    #[arg(long)]
    sub: Option<String>,
    /// The iss claim: the issuer.
    #[arg(long)]
    iss: Option<String>,
    /// The aud claim: the audience. Repeat it for a list.
    #[arg(long)]
    aud: Vec<String>,
    /// Another claim. A VALUE that is valid JSON (true, 12, ["a"], "12") is used as such, any other as a string.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Box<RawValue>)>,
    /// A file with claims, one JSON object; - is stdin. Options override it.
    #[arg(long, value_name = "FILE")]
    claims_file: Option<PathBuf>,
    /// Bind the token to this key: adds cnf with the RFC 7638 thumbprint of the public key, so that the token needs a
    /// DPoP proof. The key is a public or private JWK, PEM or DER; - is stdin.
    #[arg(long, value_name = "FILE")]
    dpop_key: Option<PathBuf>,
    /// The lifetime, less than 7 days: 30s, 90m, 2h, 1d 12h.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = Lifetime::parse)]
    expires_in: Lifetime,
    /// Issue the token this long ago. If it is more than --expires-in, the token has expired.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = lifetime::seconds)]
    issued_ago: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    files::check_stdin(&[
        ("--key", Some(&arguments.key)),
        ("--claims-file", arguments.claims_file.as_deref()),
        ("--dpop-key", arguments.dpop_key.as_deref()),
    ])?;
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
    /// The claims of the file and the options.
    fn claims(&self) -> Result<Claims, Failure> {
        let mut given = Claims::default();
        let texts = [("iss", &self.iss), ("sub", &self.sub)];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
            given.push(name, value(text)?);
        }
        token::push_audiences(&mut given, &self.aud)?;
        if let Some(path) = &self.dpop_key {
            token::push_binding(&mut given, &proof_key_thumbprint(&files::read(path)?)?)?;
        }
        for (name, value) in &self.claims {
            if given.contains(name) {
                return Err(Failure::new(format!("duplicate claim {name:?}"))
                    .with_remedy(format!("to set a list: --claim '{name}=[\"one\",\"other\"]'")));
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
            Failure::new(format!("{} {error}", path.display()))
                .with_remedy("expected one JSON object without duplicate members")
        })
    }
}

/// Asks the filter about the new token, at the time when it was issued. It can be not yet valid, if the user wants
/// that.
fn ask_filter(key: &SigningKey, jwk: &Jwk, token: &str, issued_at: u64) -> Result<(), Failure> {
    let jwk = match key.public_jwk() {
        Some(public) => public.clone(),
        None => Jwk { alg: Some(key.algorithm().name().to_owned()), key_ops: None, ..jwk.clone() },
    };
    let now = NumericDate::from_unix_seconds(issued_at as f64);
    match offline::decide_on_token(&offline::plugin(&jwk), token.as_bytes(), now) {
        Ok(_) | Err(Rejection::Invalid(Invalid::NotYetValid { .. })) => Ok(()),
        Err(Rejection::Malformed { .. }) => Err(Failure::new("the filter would reject the token (I400JD)")
            .with_remedy("claims can't be nested deeper than 64 levels")),
        Err(other) => {
            Err(Failure::new(format!("the filter would reject the token: {} {}", other.code(), other.message())))
        }
    }
}

/// Checks the claims that `sign` sets itself, and the types that the filter needs.
fn check(claims: &Claims) -> Result<(), Failure> {
    if claims.contains("iat") || claims.contains("exp") {
        return Err(Failure::new("can't set iat and exp as claims").with_remedy("use --expires-in and --issued-ago"));
    }
    let parsed = |name| claims.get(name).and_then(|value| serde_json::from_str::<Value>(value.get()).ok());
    if parsed("nbf").is_some_and(|nbf| !nbf.is_number()) {
        return Err(Failure::new("nbf must be a number of seconds since 1970"));
    }
    // What preventJtiReplay accepts.
    if parsed("jti").is_some_and(|jti| jti.as_str().is_none_or(|jti| jti.is_empty() || jti.len() > 1024)) {
        return Err(Failure::new("jti must be a string of 1 to 1024 bytes")
            .with_remedy("leave it out for a random one; to use a number, quote it: --claim 'jti=\"7\"'"));
    }
    Ok(())
}

/// Reads `NAME=VALUE`.
fn claim(text: &str) -> Result<(String, Box<RawValue>), String> {
    let (name, text) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() {
        return Err("expected a name before the =".to_owned());
    }
    let trimmed = text.trim();
    let value = match RawValue::from_string(trimmed.to_owned()) {
        Ok(value) => match json::duplicate(value.get()) {
            Some(duplicate) => return Err(duplicate.to_string()),
            None => value,
        },
        Err(_) => value(text).map_err(|failure| failure.to_string())?,
    };
    Ok((name.to_owned(), value))
}
