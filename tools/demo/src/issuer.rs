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

/// The `kid` of the key pair. Each demo makes a new key pair, so that no key is valid for another demo.
pub(crate) const KID: &str = "demo";

/// The user of the token service. docker-compose.yaml and README.md also contain the file names and the audience.
pub(crate) const USER: &str = "alice";
/// The audience of the tokens.
pub(crate) const PASSWORD: &str = "wonderland";
const AUDIENCE: &str = "orders";

/// The files of the token service.
pub(crate) struct Issuer {
    command: PathBuf,
    private: PathBuf,
    users: PathBuf,
    key: SigningKey,
    jwk: Value,
}

impl Issuer {
    /// Makes a key and a file with the user.
    pub(crate) fn prepare(command: &Path, paths: &Paths) -> Result<Self, String> {
        let [private, public, users] =
            ["private.jwk.json", "public.jwk.json", "users.yaml"].map(|name| paths.run().join(name));
        let words = ["keygen", "--force", "--alg", "RS256", "--kid", KID, "--private"].map(OsStr::new);
        let files = [private.as_os_str(), "--public".as_ref(), public.as_os_str()];
        run(Command::new(command).args(words).args(files), b"")?;

        let hash = run(Command::new(command).arg("hash-password"), PASSWORD.as_bytes())?;
        let user = json!({"name": USER, "passwordHash": hash.trim_end(), "claims": {"userId": "1213234"}});
        let file = serde_yaml::to_string(&json!({"users": [user]})).map_err(|error| error.to_string())?;
        paths.write("users.yaml", &file)?;
        fs::set_permissions(&users, Permissions::from_mode(0o600))
            .map_err(|error| format!("can't restrict access to {}: {error}", users.display()))?;

        let key = SigningKey::from_private_jwk(&read(&private)?)?;
        Ok(Self { command: command.to_owned(), key, jwk: read(&public)?, private, users })
    }

    /// The private key of the service.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The public key, for the filter.
    pub(crate) fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// Starts the service on a port of this machine.
    pub(crate) fn serve(&self, port: u16, log: PathBuf) -> Result<Process, String> {
        let mut command = Command::new(&self.command);
        command.arg("serve").arg("--key").arg(&self.private).arg("--users").arg(&self.users);
        command.arg("--listen").arg(SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string());
        command.args(["--aud", AUDIENCE]);
        Process::start("the token service", &mut command, log)
    }
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
