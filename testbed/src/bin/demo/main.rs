//! `make run`: an Envoy with the filter in front of an upstream that shows what it got, and `curl` lines to try it with.
//! `make compose` calls it with `--compose`: then it writes the configuration and the lines, and starts nothing.
//!
//! It runs in the root of the repository and takes everything else from the environment; [`settings`] has the list.

mod config;
mod envoy;
mod requests;
mod settings;

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use testbed::issuer::{Algorithm, SigningKey};

use config::{Document, Place};
use envoy::{Process, answers};
use requests::Requests;
use settings::{Paths, Ports};

/// The `kid` of the key pair, which is made anew each time: no demo leaves a key behind that opens another one.
const KID: &str = "demo";

/// How long the start may take: compiling the filter on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the Envoys are looked at.
const INTERVAL: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run(),
        ["--compose"] => prepare_compose(),
        _ => Err("expected no argument or --compose".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Starts both Envoys, prints the lines, and waits for a signal or for the end of an Envoy.
fn run() -> Result<(), String> {
    let stop = stop_signals()?;
    let paths = Paths::from_environment()?;
    let binary = paths.envoy()?;
    let wasm = paths.wasm()?;
    let ports = Ports::from_environment()?;
    let key = SigningKey::generate(Algorithm::RS256);

    let upstream = paths.write("upstream.yaml", &config::upstream(Document::read("envoy/upstream.yaml")?, &ports)?)?;
    let place = Place { ports: &ports, wasm: &wasm };
    let filter =
        paths.write("envoy.yaml", &config::filter(Document::read("envoy/envoy.yaml")?, &place, &jwk(&key))?)?;
    let mut envoys = [
        Process::start(&binary, &upstream, paths.run().join("upstream.log"))?,
        Process::start(&binary, &filter, paths.run().join("envoy.log"))?,
    ];
    if !wait_until_ready(&mut envoys, &ports, &stop)? {
        return Ok(());
    }

    let requests = Requests { key: &key, kid: KID, now: now(), port: ports.main };
    print(&format!(
        "# The filter guards http://127.0.0.1:{}. Behind it an upstream answers with what it got.\n\
         # Paste these lines into another terminal. The tokens are good for a day.\n\n{}\
         # Ctrl-C ends it. Configurations and logs are in {}.\n",
        ports.main,
        requests.everything(&ports),
        paths.run().display(),
    ))?;
    loop {
        match stop.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) => check(&mut envoys)?,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Writes the configuration that docker-compose.yaml is then told to mount, and prints the lines for it.
fn prepare_compose() -> Result<(), String> {
    let paths = Paths::from_environment()?;
    let port = settings::main_port()?;
    let key = SigningKey::generate(Algorithm::RS256);
    let text = config::with_key(Document::read("envoy/envoy.yaml")?, &jwk(&key))?;
    let file = paths.write("compose-envoy.yaml", &text)?;
    // The Envoy of the image is another user, and there is nothing secret in a public key.
    fs::set_permissions(&file, Permissions::from_mode(0o644))
        .map_err(|error| format!("can't make {} readable for all: {error}", file.display()))?;
    print(&format!(
        "# Once the containers run, the filter guards http://127.0.0.1:{port}. Behind it an upstream answers with what it got.\n\
         # Paste these lines into another terminal. The tokens are good for a day.\n\n{}\n",
        Requests { key: &key, kid: KID, now: now(), port }.of_main_listener(),
    ))
}

fn jwk(key: &SigningKey) -> serde_json::Value {
    let mut jwk = key.public_jwk(Some(KID), true);
    jwk["use"] = "sig".into();
    jwk
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Gets a message on SIGINT, SIGTERM and SIGHUP. They must not end this process at once: the Envoys would survive it.
fn stop_signals() -> Result<Receiver<()>, String> {
    let (sender, receiver) = mpsc::channel();
    let handler = move || {
        // Nobody listens any more once this process ends anyway.
        let _ = sender.send(());
    };
    ctrlc::set_handler(handler).map_err(|error| format!("can't handle signals: {error}"))?;
    Ok(receiver)
}

/// False when a signal came first.
fn wait_until_ready(envoys: &mut [Process], ports: &Ports, stop: &Receiver<()>) -> Result<bool, String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_ready(ports) {
        check(envoys)?;
        if Instant::now() > deadline {
            let logs: Vec<String> = envoys.iter().map(Process::log_tail).collect();
            return Err(format!("not ready within {} s\n{}", PATIENCE.as_secs(), logs.join("\n")));
        }
        if stop.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the upstream answers and the filter refuses on every listener. A listener without a filter would let by.
fn is_ready(ports: &Ports) -> bool {
    answers(ports.upstream, 200, None)
        && answers(ports.main, 400, Some("I400JR"))
        && answers(ports.replay, 400, Some("I400JR"))
        && answers(ports.broken, 400, Some("I400JP"))
}

fn check(envoys: &mut [Process]) -> Result<(), String> {
    envoys.iter_mut().try_for_each(Process::check)
}

/// At once, also when the output is a pipe or a file.
fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    let printed = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    printed.map_err(|error| format!("can't print: {error}"))
}
