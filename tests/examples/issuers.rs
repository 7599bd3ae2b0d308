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
use crate::{assert_no_faults, root};

/// A key set with one key to sign with, and beside it what the issuer also publishes.
fn key_set(issuer: &str, key: &SigningKey) -> Value {
    let other = SigningKey::generate(Algorithm::RS256);
    let mut keys = [key.public_jwk(Some("current"), true), other.public_jwk(Some("other"), true)];
    for key in &mut keys {
        key["use"] = "sig".into();
        if issuer != "Google" {
            key["x5c"] = json!(["MIICmzCCAYMCBgGU"]);
            key["x5t"] = "q2bM0yVNdIXvWJxwUS3rTjmyCLY".into();
        }
    }
    if issuer == "Keycloak" {
        keys[1]["use"] = "enc".into();
        keys[1]["alg"] = "RSA-OAEP".into();
    }
    json!({ "keys": keys })
}

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

#[test]
fn the_commands_lead_to_a_configuration_that_accepts_a_token_of_the_issuer() {
    let commands = blocks("docs/issuers.md").into_iter().filter(|block| block.info == "sh");
    let (check, issuers): (Vec<Block>, Vec<Block>) = commands.partition(|block| block.section == "Check a real token");
    assert_eq!(issuers.iter().map(|block| block.section.as_str()).collect::<Vec<_>>(), ["Keycloak", "Auth0", "Google"]);
    let key = SigningKey::cached(Algorithm::RS256);
    for block in &issuers {
        let folder = tempfile::tempdir().unwrap();
        let programs = programs(&key_set(&block.section, &key));
        run(block, programs.path(), folder.path());

        let text = fs::read_to_string(folder.path().join("plugin.yaml")).unwrap();
        assert_no_faults(&block.section, &text);
        let plugin: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let issuer = plugin["issuer"].as_str().or_else(|| plugin["issuer"][0].as_str()).unwrap();
        let audience = plugin["audiences"][0].as_str().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let claims = json!({"iss": issuer, "aud": [audience, "account"], "sub": "alice", "iat": now, "exp": now + 300});
        fs::write(folder.path().join("token.txt"), key.token(Some("current"), &claims)).unwrap();
        for block in &check {
            run(block, programs.path(), folder.path());
        }
    }
    assert_eq!(check.len(), 1);
}
