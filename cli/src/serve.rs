//! `serve`: a token service, which gives a token for a user name and a password.
//!
//! An example of an issuer that works: it keeps users in a file and knows no refresh, no revocation and no TLS.

mod answers;
mod checks;
mod connections;
mod credentials;
mod log;
mod network;
mod service;
mod tries;
mod users;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::files::{read, warn_if_shared};
use crate::key::{SigningKey, private_jwk, public_key_algorithm_parser};
use crate::lifetime::Lifetime;
use service::{Service, TokenRules};
use users::Users;

/// Serve tokens for user names and passwords over HTTP.
///
/// POST /token takes a form with username and password, or HTTP Basic, and answers as OAuth 2.0 does. GET
/// /.well-known/jwks.json has the public key, GET /healthz says ok. A request log goes to stderr. SIGTERM and SIGINT end it once
/// the requests under way are answered. It speaks no TLS: put it behind something that does.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 once a signal has ended it; 2 if it could not serve.

Examples:
  jwt-auth serve --key private.jwk.json --users users.yaml
  jwt-auth serve --key private.jwk.json --users users.yaml --aud orders --expires-in 15m
  curl -d username=alice -d password=wonderland http://127.0.0.1:8080/token

The users file is YAML or JSON; jwt-auth hash-password makes the hashes:
  users:
  - name: alice
    passwordHash: $argon2id$v=19$m=19456,t=2,p=1$...
    claims: {userId: \"1213234\"}")]
pub(crate) struct Arguments {
    /// The private key, a JWK or PEM; - is stdin. Not one for HS*: who checks its tokens could make them.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What to sign with, instead of the alg of the key; it must fit the key.
    #[arg(long, value_parser = public_key_algorithm_parser())]
    alg: Option<Algorithm>,
    /// The users, with the hashes of their passwords and claims for their tokens.
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// Where to listen; with port 0 on a free one, which it prints.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How long tokens live, less than 7 days: 30s, 90m, 2h, 1d 12h.
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = Lifetime::parse)]
    expires_in: Lifetime,
    /// The iss of the tokens.
    #[arg(long)]
    iss: Option<String>,
    /// The aud of the tokens; given several times, a list.
    #[arg(long)]
    aud: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.key == Path::new("-") && arguments.users == Path::new("-") {
        return Err(Failure::new("--key and --users can't both be stdin"));
    }
    let jwk = private_jwk(&read(&arguments.key)?)?;
    let key = SigningKey::from_jwk(&jwk, arguments.alg)?;
    let users = Users::parse(&read(&arguments.users)?)
        .map_err(|faults| Failure::new(format!("{}:\n  {}", arguments.users.display(), faults.join("\n  "))))?;
    warn_if_shared(&arguments.key);
    warn_if_shared(&arguments.users);
    let rules =
        TokenRules { lifetime: arguments.expires_in, issuer: arguments.iss.clone(), audiences: arguments.aud.clone() };
    let service = Service::new(key, users, rules)?;
    let listener = listen(arguments.listen)?;
    connections::serve(listener, service)?;
    Ok(ExitCode::SUCCESS)
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let failed = |error| {
        Failure::new(format!("can't listen on {address}: {error}"))
            .with_remedy("choose another address with --listen, such as 127.0.0.1:0 for any free port")
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}
