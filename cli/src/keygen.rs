//! `keygen`: makes a key to sign with, and its public key for the filter.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jwt_auth::Algorithm;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::family::{Family, algorithm_parser};
use crate::files::{Prepared, Readers, is_same, print};
use crate::jwk::Jwk;
use crate::key::{RsaBits, SigningKey, default_key_id, generate, key_id};

/// Make a key: a private JWK to sign with, and a public JWK for the filter.
///
/// Keys without an output file are written to stdout: one key as it is, or both as {"private": ..., "public": ...}.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 success, 2 error.

Examples:
  jwt-auth keygen --alg RS256 --private private.jwk.json --public public.jwk.json
  jwt-auth keygen --alg ES256 --kid orders-2026 --private private.jwk.json --plugin > plugin.yaml
  jwt-auth keygen --alg HS256 --private secret.jwk.json")]
pub(crate) struct Arguments {
    /// The algorithm to sign with.
    #[arg(long, ignore_case = true, value_parser = algorithm_parser())]
    alg: Algorithm,
    /// The length of an RSA key [default: 2048].
    #[arg(long)]
    bits: Option<RsaBits>,
    /// The key ID, which is also in the header of its tokens [default: the RFC 7638 thumbprint of the public key;
    /// random for HS*].
    #[arg(long, value_parser = key_id)]
    kid: Option<String>,
    /// Write the private JWK to this file, with mode 0600.
    #[arg(long, value_name = "FILE")]
    private: Option<PathBuf>,
    /// Write the public JWK to this file. HS* keys have none.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Print a plugin configuration with the public JWK. For HS* it contains the secret.
    #[arg(long, requires = "private")]
    plugin: bool,
    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    arguments.check()?;
    let mut private = generate(arguments.alg, arguments.bits.unwrap_or(RsaBits::Bits2048))?;
    private.kid = Some(match &arguments.kid {
        Some(kid) => kid.clone(),
        None => default_key_id(&private)?,
    });
    let key = SigningKey::from_jwk(&private, None)?;
    let public_file = arguments.public.as_deref().zip(key.public_jwk());
    write_jwks(arguments.private.as_deref().map(|path| (path, &private)), public_file, arguments.force)?;
    if let Some(text) = arguments.output(&private, key.public_jwk()) {
        print(&text).map_err(|failure| arguments.mention_files(failure))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn check(&self) -> Result<(), Failure> {
        let family = Family::for_algorithm(self.alg);
        if self.bits.is_some() && !matches!(family, Family::Rsa) {
            return Err(Failure::new(format!(
                "--bits is only for RSA keys; keys for {} have a fixed length",
                self.alg.name()
            )));
        }
        if self.public.is_some() && family.is_secret() {
            return Err(Failure::new(format!(
                "{} has no public key: anyone who can verify its tokens can also forge them",
                self.alg.name()
            ))
            .with_remedy("leave out --public; --plugin prints a configuration with the secret"));
        }
        check_files(self.private.as_deref(), self.public.as_deref())
    }

    /// Adds the names of the files that were written before the failure.
    fn mention_files(&self, failure: Failure) -> Failure {
        let written: Vec<_> = [&self.private, &self.public].into_iter().flatten().collect();
        if written.is_empty() {
            return failure;
        }
        let written: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
        failure.with_remedy(format!(
            "already written: {}; with --force this command makes another key",
            written.join(", ")
        ))
    }

    /// The output for stdout.
    fn output(&self, private: &Jwk, public: Option<&Jwk>) -> Option<Zeroizing<String>> {
        if self.plugin {
            return Some(Zeroizing::new(plugin(public.unwrap_or(private))));
        }
        let private = self.private.is_none().then(|| private.to_json());
        let public = public.filter(|_| self.public.is_none()).map(Jwk::to_json);
        match (private, public) {
            (Some(private), Some(public)) => {
                Some(Zeroizing::new(format!(r#"{{"private":{},"public":{}}}"#, *private, *public)))
            }
            (Some(only), None) | (None, Some(only)) => Some(only),
            (None, None) => None,
        }
    }
}

/// Checks that the private and the public key go to different files.
pub(crate) fn check_files(private: Option<&Path>, public: Option<&Path>) -> Result<(), Failure> {
    if private.zip(public).is_some_and(|(private, public)| is_same(private, public)) {
        return Err(Failure::new("--private and --public name the same file"));
    }
    Ok(())
}

/// Writes both files or none.
///
/// # Errors
/// If a file exists, unless `overwrite` is set, or can't be written.
pub(crate) fn write_jwks(
    private: Option<(&Path, &Jwk)>,
    public: Option<(&Path, &Jwk)>,
    overwrite: bool,
) -> Result<(), Failure> {
    let prepare = |(path, jwk): (&Path, &Jwk), readers| {
        let line = Zeroizing::new(format!("{}\n", *jwk.to_json()));
        Prepared::new(path, line.as_bytes(), readers, overwrite)
    };
    let private = private.map(|file| prepare(file, Readers::Owner)).transpose()?;
    let public = public.map(|file| prepare(file, Readers::All)).transpose()?;
    [private, public].into_iter().flatten().try_for_each(Prepared::publish)
}

/// A plugin configuration with this key.
pub(crate) fn plugin(jwk: &Jwk) -> String {
    let warning =
        if jwk.k.is_some() { "# The key below is the secret: anyone who can read it can forge tokens.\n" } else { "" };
    format!(
        "\
# The plugin configuration of the filter. In Envoy's configuration it is the value of a StringValue.
{warning}\
parameter: X-Token         # the name of the header, query parameter or cookie with the token
parameterLocation: header  # header, query or cookie
# claimParameters:         # claims to forward to the backend
# - claimName: sub
#   parameterName: X-User
#   location: header
# preventJtiReplay: true   # each token is accepted once
jwk: {}",
        *jwk.to_json()
    )
}
