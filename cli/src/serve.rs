//! `serve`: a token service, as a working example of an issuer.
//!
//! It reads the users from a file. It has no refresh tokens, no revocation and no TLS.

mod answers;
mod checks;
mod connections;
mod credentials;
mod keys;
mod limits;
mod log;
mod metadata;
mod proofs;
mod service;
mod users;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn;
use clap::Args;
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::family::public_key_algorithm_parser;
use crate::files::{check_stdin, read, warn_if_shared};
use crate::key::{SigningKey, default_key_id, private_jwk};
use crate::lifetime::Lifetime;
use keys::{Keys, Rotation};
use service::{Service, TokenRules};
use users::Users;

/// Run a token service: issue tokens for user names and passwords over HTTP.
///
/// POST /token takes a form with username and password, or HTTP Basic, and answers as in OAuth 2.0. With a DPoP proof
/// (RFC 9449), the token is bound to the key of the proof. GET /.well-known/jwks.json returns the public keys, GET /.well-known/openid-configuration says where they are, GET
/// /healthz returns ok. The request log goes to stderr. SIGTERM and SIGINT stop the service after the current requests.
/// There is no TLS: run it behind a proxy that terminates TLS.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 after SIGTERM or SIGINT, 2 error.

Examples:
  jwt-auth serve --key private.jwk.json --users users.yaml
  jwt-auth serve --key private.jwk.json --users users.yaml --aud orders --expires-in 15m
  jwt-auth serve --key private.jwk.json --users users.yaml --rotate-every 1d
  curl -d username=alice -d password=wonderland http://127.0.0.1:8080/token

The users file is YAML or JSON. jwt-auth hash-password makes the hashes:
  users:
  - name: alice
    passwordHash: $argon2id$v=19$m=19456,t=2,p=1$...
    claims: {userId: \"1213234\"}")]
pub(crate) struct Arguments {
    /// The private key, a JWK or PEM; - is stdin. HS* keys are refused: anyone who can verify their tokens can also
    /// forge them.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm to sign with, instead of the alg of the key. It must suit the key.
    #[arg(long, ignore_case = true, value_parser = public_key_algorithm_parser())]
    alg: Option<Algorithm>,
    /// The users, with their password hashes and the claims for their tokens; - is stdin.
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// The address to listen on. Port 0 chooses a free port and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The lifetime of tokens, less than 7 days: 30s, 90m, 2h, 1d 12h.
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = Lifetime::parse)]
    expires_in: Lifetime,
    /// Make a new key this often, 1s or more, and sign with it. It has the algorithm of --key, which signs first.
    ///
    /// Each new key is published one period before it signs, and stays published until one minute after its last token
    /// has expired. New keys are only kept in memory: after a restart, --key signs again, and verifiers reject the
    /// tokens of the other keys once they have fetched the JWK set.
    #[arg(long, value_name = "DURATION", value_parser = Rotation::parse)]
    rotate_every: Option<Duration>,
    /// The iss claim of the tokens. If it is an http: or https: URL, the service answers with its metadata, too, and DPoP
    /// proofs must be for this URL and /token; otherwise for the address of --listen.
    #[arg(long)]
    iss: Option<String>,
    /// The aud claim of the tokens; repeat it for a list.
    #[arg(long)]
    aud: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    check_stdin(&[("--key", Some(&arguments.key)), ("--users", Some(&arguments.users))])?;
    let rotation = arguments.rotate_every.map(|every| Rotation::new(every, arguments.expires_in)).transpose()?;
    let mut jwk = private_jwk(&read(&arguments.key)?)?;
    if rotation.is_some() && jwk.kid.is_none() {
        // Among several keys, each needs a name.
        jwk.kid = Some(default_key_id(&jwk)?);
    }
    let key = SigningKey::from_jwk(&jwk, arguments.alg)?;
    let users = Users::parse(&read(&arguments.users)?)
        .map_err(|errors| Failure::new(format!("{}:\n  {}", arguments.users.display(), errors.join("\n  "))))?;
    warn_if_shared(&arguments.key);
    warn_if_shared(&arguments.users);
    let rules =
        TokenRules { lifetime: arguments.expires_in, issuer: arguments.iss.clone(), audiences: arguments.aud.clone() };
    let keys = Arc::new(Keys::new(key, rotation)?);
    let listener = listen(arguments.listen)?;
    let address = listener.local_addr().map_err(|error| Failure::new(format!("can't serve: {error}")))?;
    let service = Service::new(Arc::clone(&keys), users, rules, address)?;
    let router = service.into_router().layer(from_fn(log::answer));
    connections::serve(listener, &router, keys.keep_rotating())?;
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
