//! The commands of `docs/issuers.md`, as typed there, with a `curl` that has the key sets here: their shape is that of each
//! issuer's, their keys are our own.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::documents::{Block, blocks};
use crate::published::{ISSUERS, KID};
use crate::{assert_no_faults, root};

/// A folder with the command `jwt-auth` and a `curl` that prints the key set.
fn programs(set: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let command = std::env::var_os("JWT_AUTH").expect("JWT_AUTH must be set; `make test` does it");
    symlink(root().join(command), folder.path().join("jwt-auth")).unwrap();
    fs::write(folder.path().join("jwks.json"), serde_json::to_string_pretty(set).unwrap()).unwrap();
    let curl = folder.path().join("curl");
    fs::write(&curl, "#!/bin/sh\nexec cat \"$(dirname \"$0\")/jwks.json\"\n").unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn run(block: &Block, programs: &Path, folder: &Path) {
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &block.text]).current_dir(folder).env("PATH", path);
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}: {output:?}", block.section);
}

/// The shell block of a section.
fn commands(section: &str) -> Block {
    let mut blocks = blocks("docs/issuers.md").into_iter().filter(|block| block.info == "sh");
    blocks.find(|block| block.section == section).unwrap_or_else(|| panic!("no commands in {section}"))
}

/// The commands paste the JWK set of any of the issuers, as it is, into a configuration that accepts its tokens.
#[test]
fn the_commands_lead_to_a_configuration_that_accepts_a_token_of_the_issuer() {
    let key = SigningKey::cached(Algorithm::RS256);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({
        "iss": "https://keycloak.example.com/realms/main", "aud": ["orders", "account"], "sub": "alice", "iat": now,
        "exp": now + 300,
    });
    for issuer in ISSUERS {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs(&issuer.key_set(&key));
        fs::write(folder.path().join("token.txt"), key.token(Some(KID), &claims)).unwrap();
        run(&commands("Check a real token"), programs.path(), folder.path());
        run(&commands("Pasted keys"), programs.path(), folder.path());
        assert_no_faults(issuer.section(), &fs::read_to_string(folder.path().join("plugin.yaml")).unwrap());
    }
    let count = blocks("docs/issuers.md").iter().filter(|block| block.info == "sh").count();
    assert_eq!(count, 2, "each is run above");
}
