//! `dpop`: makes a proof that the client has a private key, for one request.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use jwt_auth::{Algorithm, DEFAULT_PROOF_ALGORITHMS, MAX_JTI_BYTES, NumericDate, ProofVerifier};
use serde_json::json;

use crate::failure::Failure;
use crate::family::proof_algorithm_parser;
use crate::files;
use crate::key::{SigningKey, private_jwk};
use crate::lifetime;
use crate::random::random_id;
use crate::token;

/// Make a DPoP proof for one request (RFC 9449).
///
/// The proof shows that the client has the private key that a token is bound to. Each request needs a new one. The
/// proof contains the public key. Only the proof goes to stdout.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 success, 2 error.

Examples:
  jwt-auth dpop --key client.jwk.json --method POST --url https://issuer.example/token
  jwt-auth dpop --key client.jwk.json --url https://api.example/a --access-token - < token.txt

A token that is bound to the key of the client, and a request with it:
  url=https://issuer.example/token
  curl -d username=alice -d password=wonderland $url \\
    -H \"DPoP: $(jwt-auth dpop --key client.jwk.json --method POST --url $url)\"
  url=https://api.example/orders
  curl -H \"Authorization: DPoP $TOKEN\" $url \\
    -H \"DPoP: $(jwt-auth dpop --key client.jwk.json --url $url --access-token $TOKEN)\"")]
pub(crate) struct Arguments {
    /// The private key, a JWK or PEM; - is stdin.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm to sign with, instead of the alg of the key. It must suit the key.
    #[arg(long, ignore_case = true, value_parser = proof_algorithm_parser())]
    alg: Option<Algorithm>,
    /// The method of the request.
    #[arg(long, default_value = "GET", value_parser = method)]
    method: String,
    /// The URL of the request. Its query and fragment are left out.
    #[arg(long)]
    url: String,
    /// The access token of the request, for ath; - reads it from stdin. Leave it out to ask for a token.
    #[arg(long, value_name = "TOKEN|-", allow_hyphen_values = true)]
    access_token: Option<String>,
    /// The jti [default: a random one]. The filter accepts each once.
    #[arg(long, value_parser = id)]
    jti: Option<String>,
    /// Make the proof this long ago. The filter accepts 60 seconds, unless its configuration says otherwise.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = lifetime::seconds)]
    issued_ago: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let from_stdin = arguments.access_token.as_deref().map(Path::new);
    files::check_stdin(&[("--key", Some(&arguments.key)), ("--access-token", from_stdin)])?;
    let key = SigningKey::from_jwk(&private_jwk(&files::read(&arguments.key)?)?, arguments.alg)?;
    files::warn_if_shared(&arguments.key);
    check_algorithm(key.algorithm())?;
    let token = arguments.access_token.as_deref().map(access_token).transpose()?;
    let proof = arguments.sign(&key, token.as_deref())?;
    files::print(&proof)?;
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The proof, which the filter accepts at the time of its `iat`.
    fn sign(&self, key: &SigningKey, token: Option<&[u8]>) -> Result<String, Failure> {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let verifier = ProofVerifier::new(url).map_err(|expected| {
            Failure::new(format!("--url: {expected}")).with_remedy("use a URL such as https://api.example/orders")
        })?;
        let issued_at = token::unix_time(self.issued_ago)?;
        let public = key.public_jwk().ok_or_else(|| unsuitable(key.algorithm()))?.public_numbers();
        let header = json!({"typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": public});
        let id = self.jti.clone().map_or_else(random_id, Ok)?;
        let mut claims = json!({"jti": id, "htm": self.method, "htu": url, "iat": issued_at});
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(digest(&SHA256, token)).into();
        }
        let proof = token::jws(key, &header, &claims.to_string())?;
        let now = NumericDate::from_unix_seconds(issued_at as f64);
        verifier
            .verify(&self.method, &[proof.as_bytes()], token, now)
            .map_err(|reason| Failure::new(format!("the filter would reject the proof: {reason}")))?;
        Ok(proof)
    }
}

/// Checks that a filter can accept proofs with this algorithm. Warns if it does so only when it is configured.
fn check_algorithm(algorithm: Algorithm) -> Result<(), Failure> {
    if !ProofVerifier::algorithms().contains(&algorithm) {
        return Err(unsuitable(algorithm));
    }
    if !DEFAULT_PROOF_ALGORITHMS.contains(&algorithm) {
        eprintln!(
            "jwt-auth: warning: the filter accepts proofs with {0} only if dpop.algorithms has {0}; by default it has \
             {1}",
            algorithm.name(),
            names(&DEFAULT_PROOF_ALGORITHMS)
        );
    }
    Ok(())
}

fn unsuitable(algorithm: Algorithm) -> Failure {
    Failure::new(format!(
        "{} is not for proofs; expected one of {}",
        algorithm.name(),
        names(&ProofVerifier::algorithms())
    ))
    .with_remedy("make another key: jwt-auth keygen --alg ES256 --private client.jwk.json")
}

fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
}

/// The access token of an argument or on stdin.
fn access_token(argument: &str) -> Result<Vec<u8>, Failure> {
    let token = files::token(argument)?;
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(Failure::new("--access-token: expected the token alone, without spaces")
            .with_remedy("leave out the scheme (Bearer or DPoP)"));
    }
    Ok(token)
}

/// Reads a method, which is a token [RFC 9110 §9.1].
fn method(text: &str) -> Result<String, &'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_method = !text.is_empty() && text.bytes().all(is_token);
    is_method.then(|| text.to_owned()).ok_or("expected a method, such as GET or POST")
}

/// Reads a `jti`.
fn id(text: &str) -> Result<String, String> {
    let is_fit = !text.is_empty() && text.len() <= MAX_JTI_BYTES;
    is_fit.then(|| text.to_owned()).ok_or_else(|| format!("expected 1 to {MAX_JTI_BYTES} bytes"))
}
