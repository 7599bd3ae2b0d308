//! The token service of the demo. The command `jwt-auth` makes its key and its user, and runs it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::issuer::SigningKey;
use serde_json::{Value, json};

use crate::process::Process;
use crate::settings::Paths;

/// The `kid` of the key pair in the configuration. Each demo makes new keys, so that no key is valid for another demo.
pub(crate) const KID: &str = "demo";

/// How often the token service makes a new key, in seconds, and the lifetime of its tokens. Nobody wants to wait long
/// for a new key, and the keys of all valid tokens must fit into the JWK set. docker-compose.yaml contains both, too.
pub(crate) const ROTATION_SECONDS: u64 = 20;
const LIFETIME: &str = "10m";

/// The user of the token service. docker-compose.yaml and README.md also contain the file names and the audience.
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "wonderland";
/// The audience of the tokens.
pub(crate) const AUDIENCE: &str = "orders";

/// The keys of the demo, and the files of the token service.
pub(crate) struct Issuer {
    command: PathBuf,
    service_key: PathBuf,
    users: PathBuf,
    key: SigningKey,
    jwk: Value,
}

impl Issuer {
    /// Makes the keys and a file with the user.
    pub(crate) fn prepare(command: &Path, paths: &Paths) -> Result<Self, String> {
        let [private, public, service_key, users] =
            ["private.jwk.json", "public.jwk.json", "service.jwk.json", "users.yaml"]
                .map(|name| paths.run().join(name));
        let words = ["keygen", "--force", "--alg", "RS256", "--kid", KID, "--private"].map(OsStr::new);
        let files = [private.as_os_str(), "--public".as_ref(), public.as_os_str()];
        run(Command::new(command).args(words).args(files), b"")?;
        // Keys for ES256 are made in no time.
        let words = ["keygen", "--force", "--alg", "ES256", "--private"].map(OsStr::new);
        run(Command::new(command).args(words).arg(&service_key), b"")?;

        let hash = run(Command::new(command).arg("hash-password"), PASSWORD.as_bytes())?;
        let user = json!({"name": USER, "passwordHash": hash.trim_end(), "claims": {"userId": "1213234"}});
        let file = serde_yaml::to_string(&json!({"users": [user]})).map_err(|error| error.to_string())?;
        paths.write("users.yaml", &file)?;
        fs::set_permissions(&users, Permissions::from_mode(0o600))
            .map_err(|error| format!("can't restrict access to {}: {error}", users.display()))?;

        let key = SigningKey::from_private_jwk(&read(&private)?)?;
        Ok(Self { command: command.to_owned(), key, jwk: read(&public)?, service_key, users })
    }

    /// The private key of [`Self::jwk`].
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The public key in the configuration of the filter.
    pub(crate) fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Starts the service on a port of this machine.
    pub(crate) fn serve(&self, port: u16, log: PathBuf) -> Result<Process, String> {
        let mut command = Command::new(&self.command);
        command.arg("serve").arg("--key").arg(&self.service_key).arg("--users").arg(&self.users);
        command.arg("--listen").arg(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
        command.args(["--iss", &url(port), "--aud", AUDIENCE, "--expires-in", LIFETIME]);
        command.args(["--rotate-every", &format!("{ROTATION_SECONDS}s")]);
        Process::start("the token service", &mut command, log)
    }
}

/// The URL of the service on this machine: the `iss` of its tokens, and where its metadata is.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn read(file: &Path) -> Result<Value, String> {
    let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Runs a command and returns its output. Fails if the command fails.
fn run(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let name = command.get_program().to_owned();
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", name.display());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    // This fails if the command does not read its stdin.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input));
    let output = child.wait_with_output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    String::from_utf8(output.stdout).map_err(|error| failed(&error))
}
