//! `jwk`: converts a key or certificate in PEM or DER into a JWK.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::family::public_key_algorithm_parser;
use crate::files;
use crate::jwk::Jwk;
use crate::key::{complete, key_id, public_jwk};
use crate::keygen::{check_files, plugin, write_jwks};
use crate::offline;
use crate::pem::{self, Found};

/// Convert a key or certificate in PEM or DER into a JWK.
///
/// Reads public and private keys (PKCS #1, PKCS #8, SEC 1) and X.509 certificates, as OpenSSL and others write them.
/// The public JWK is written to stdout or to the file of --public, the private JWK only to the file of --private.
#[derive(Debug, Args)]
#[command(
    name = "jwk",
    after_help = "\
Keys that are encrypted with a password are not supported. The dates, names and signatures of a
certificate are not checked.

Exit status: 0 success, 2 error.

Examples:
  jwt-auth jwk key.pem
  jwt-auth jwk certificate.pem --kid orders-2026 --plugin > plugin.yaml
  jwt-auth jwk key.pem --alg PS256 --private private.jwk.json --public public.jwk.json
  openssl genrsa 2048 | jwt-auth jwk -"
)]
pub(crate) struct Arguments {
    /// The PEM or DER file; - is stdin.
    #[arg(value_name = "FILE|-")]
    file: PathBuf,
    /// The alg of the JWK [default: RS256 for RSA keys, EdDSA for Ed25519; other keys have only one].
    #[arg(long, ignore_case = true, value_parser = public_key_algorithm_parser())]
    alg: Option<Algorithm>,
    /// The key ID [default: the RFC 7638 thumbprint of the public key].
    #[arg(long, value_parser = key_id)]
    kid: Option<String>,
    /// The use of the JWK; none leaves it out.
    #[arg(long = "use", value_name = "USE", default_value = "sig")]
    usage: Usage,
    /// Write the private JWK to this file, with mode 0600.
    #[arg(long, value_name = "FILE")]
    private: Option<PathBuf>,
    /// Write the public JWK to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    public: Option<PathBuf>,
    /// Print a plugin configuration with the public JWK.
    #[arg(long)]
    plugin: bool,
    /// The number of the key, if the file has several; the first is 1.
    #[arg(long, value_name = "NUMBER")]
    nth: Option<usize>,
    /// Print all keys of the file as a JWK set.
    #[arg(long, conflicts_with_all = ["kid", "private", "public", "plugin", "nth"])]
    all: bool,
    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
}

/// The values of `use` that the filter accepts [RFC 7517 §4.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Usage {
    Sig,
    None,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    check_files(arguments.private.as_deref(), arguments.public.as_deref())?;
    let keys = read(&arguments.file)?;
    if arguments.all {
        let public = keys.iter().map(|found| Ok(arguments.make(found)?.public.to_json().to_string()));
        let public: Vec<String> = public.collect::<Result<_, Failure>>()?;
        files::print(&format!(r#"{{"keys":[{}]}}"#, public.join(",")))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Made { public, private } = arguments.make(choose(&keys, arguments.nth)?)?;
    if arguments.private.is_some() && private.is_none() {
        return Err(Failure::new("the file has no private key").with_remedy("leave out --private for the public JWK"));
    }
    let public_file = arguments.public.as_deref().map(|path| (path, &public));
    write_jwks(arguments.private.as_deref().zip(private.as_ref()), public_file, arguments.force)?;
    if arguments.plugin {
        files::print(&plugin(&public))?;
    } else if arguments.public.is_none() {
        files::print(&public.to_json())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A key as a JWK.
struct Made {
    public: Jwk,
    private: Option<Jwk>,
}

impl Arguments {
    /// The JWK of a key that the filter accepts.
    fn make(&self, found: &Found) -> Result<Made, Failure> {
        if let Some(warning) = found.warning {
            eprintln!("jwt-auth: warning: {warning}");
        }
        let mut jwk = complete(found.jwk.clone())?;
        jwk.kid = self.kid.clone().or(jwk.kid);
        let usage = match self.usage {
            Usage::Sig => Some("sig".to_owned()),
            Usage::None => None,
        };
        let public = Jwk { usage: usage.clone(), ..public_jwk(&jwk, self.alg)? };
        ask_filter(&public)?;
        let private = jwk.d.is_some().then(|| Jwk { usage, alg: public.alg.clone(), ..jwk });
        Ok(Made { public, private })
    }
}

/// The keys of a file, at least one.
fn read(path: &Path) -> Result<Vec<Found>, Failure> {
    let content = files::read(path)?;
    if !pem::is_pem_or_der(&content) {
        let is_json = content.trim_ascii_start().starts_with(b"{");
        let problem = if is_json { "the file is JSON" } else { "the file is neither PEM nor DER" };
        return Err(Failure::new(format!("{}: {problem}", path.display())).with_remedy(if is_json {
            "a JWK needs no conversion: use it as `jwk` or in `jwks` of the configuration"
        } else {
            "use a key or certificate as written by openssl"
        }));
    }
    pem::read(&content, SystemTime::now())?.into_keys()
}

/// The key with a number, or the only key.
fn choose(keys: &[Found], nth: Option<usize>) -> Result<&Found, Failure> {
    let chosen = match (nth, keys) {
        (None, [only]) => Some(only),
        (None, _) => None,
        (Some(number), keys) => number.checked_sub(1).and_then(|index| keys.get(index)),
    };
    chosen.ok_or_else(|| {
        let list: Vec<_> = (1..).zip(keys).map(|(number, found)| format!("{number} ({})", found.what)).collect();
        let problem = match keys {
            [_] => "the file has 1 key".to_owned(),
            several => format!("the file has {} different keys", several.len()),
        };
        Failure::new(problem)
            .with_remedy(format!("choose one with --nth NUMBER, or all with --all: {}", list.join(", ")))
    })
}

/// Asks the filter whether it accepts the key.
fn ask_filter(public: &Jwk) -> Result<(), Failure> {
    let plugin = offline::plugin(public);
    let Some(error) = plugin.faults() else { return Ok(()) };
    let errors: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
    Err(Failure::new(format!("the filter does not accept the key: {}", errors.join("; "))))
}
