//! The checks of `make run` and `make compose` before they build anything.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use kit::envoy::binaries;
use tempfile::TempDir;

const PORTS: [&str; 11] = [
    "PORT",
    "REPLAY_PORT",
    "BROKEN_PORT",
    "RESOURCE_PORT",
    "UPSTREAM_PORT",
    "TOKEN_PORT",
    "ADMIN_PORT",
    "FIRST_PORT",
    "SECOND_PORT",
    "FIRST_ADMIN_PORT",
    "SECOND_ADMIN_PORT",
];

/// The script, with only these programs in addition to the ones that it needs itself, and with any free ports.
fn preflight(kind: &str, programs: &TempDir) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/scripts/preflight.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(kind).env_clear().env("PATH", programs.path());
    command.envs(PORTS.map(|port| (port, "0"))).env("ENVOY_VERSION", "0.0.0");
    command
}

fn programs(more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for program in ["bash", "dirname", "uname"].iter().chain(more) {
        let path = ["/usr/bin", "/bin"].map(|folder| Path::new(folder).join(program));
        let found = path.into_iter().find(|path| path.exists()).unwrap_or_else(|| "/bin/true".into());
        symlink(found, folder.path().join(program)).expect("a link");
    }
    folder
}

fn answer(output: &Output) -> (Option<i32>, String) {
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn all_missing_programs_are_reported_at_once() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let nothing = programs(&[]);
    let output = preflight("run", &nothing).env("REPLAY_PORT", &port).env("PORT", "http").output().expect("bash");
    let expected = format!(
        "run: cargo is missing: install Rust from https://rustup.rs
run: a C compiler is missing (Debian: apt-get install gcc)
run: python3, which fetches Envoy, is missing: install it with pip, or set ENVOY=/path/to/envoy
run: PORT=http: expected a port, a number from 0 to 65535
run: port {port} is in use: choose another one with REPLAY_PORT=<port>
"
    );
    assert_eq!(answer(&output), (Some(1), expected));
    let output = preflight("compose", &nothing).output().expect("bash");
    assert!(answer(&output).1.contains("compose: docker is missing; 'make run' needs no containers\n"), "{output:?}");
}

#[test]
fn a_machine_with_all_programs_passes() {
    let programs = programs(&["cargo", "cc"]);
    let envoy = binaries().pop().expect("an Envoy");
    let output = preflight("run", &programs).env("ENVOY", envoy).output().expect("bash");
    assert_eq!(answer(&output), (Some(0), String::new()));
}

#[test]
fn the_fleet_needs_etcd_and_its_own_ports() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let envoy = binaries().pop().expect("an Envoy");
    let fleet = |programs: &TempDir| {
        let mut command = preflight("run", programs);
        command.env("FLEET", "1").env("ENVOY", &envoy);
        command
    };
    let without = programs(&["cargo", "cc"]);
    let output = fleet(&without).env("REPLAY_PORT", &port).env("SECOND_PORT", &port).output().expect("bash");
    let expected = format!(
        "run: etcd is missing: install it (https://etcd.io), or set ETCD=/path/to/etcd
run: port {port} is in use: choose another one with SECOND_PORT=<port>
"
    );
    assert_eq!(answer(&output), (Some(1), expected));
    let output = fleet(&without).env("ETCD", "/nonexistent").output().expect("bash");
    assert_eq!(answer(&output), (Some(1), "run: ETCD=/nonexistent is not an executable file\n".to_owned()));
    // Either is enough: with apt-get, etcd is downloaded.
    for program in ["etcd", "apt-get"] {
        let output = fleet(&programs(&["cargo", "cc", program])).output().expect("bash");
        assert_eq!(answer(&output), (Some(0), String::new()), "{program}");
    }
}
