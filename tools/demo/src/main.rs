//! `make run`: starts an Envoy with the filter, an upstream that echoes requests, and a token service. It prints `curl`
//! commands to try them. `make compose` calls it with `--compose`: then it only writes the files and prints the
//! commands. With `--fleet`, there are two Envoys and etcd.
//!
//! It must run in the root of the repository. [`settings`] lists its environment variables.

mod config;
mod fleet;
mod issuer;
mod process;
mod requests;
mod settings;

use std::borrow::BorrowMut;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use config::{Document, Keys, Place};
use issuer::Issuer;
use process::{Process, answers};
use requests::Requests;
use settings::{Paths, Ports};

/// How long the start may take. Compiling the filter on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the processes are checked.
const INTERVAL: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => run(),
        ["--compose"] => prepare_compose(),
        ["--fleet"] => fleet::run(),
        ["--compose", "--fleet"] => fleet::prepare_compose(),
        _ => Err("expected --compose, --fleet, both in this order, or no argument".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("demo: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Starts both Envoys and the token service, prints the commands, and waits for a signal or for the end of a process. A
/// token service that was stopped starts again.
fn run() -> Result<(), String> {
    let stop = stop_signals()?;
    let paths = Paths::from_environment("run")?;
    // Held until this process ends, because another demo would replace the keys.
    let _lock = paths.lock()?;
    let binary = paths.envoy()?;
    let wasm = paths.wasm()?;
    let ports = Ports::from_environment()?;
    let command = paths.jwt_auth()?;
    let issuer = Issuer::prepare(&command, &paths)?;
    let serve = || -> Result<Process, String> {
        let tokens = issuer.serve(ports.tokens, paths.run().join("tokens.log"))?;
        paths.write("tokens.pid", &format!("{}\n", tokens.id()))?;
        Ok(tokens)
    };
    // The filter fetches keys as soon as it starts, so the token service is first.
    let mut tokens = serve()?;
    if !wait_until(|| answers(ports.tokens, "/healthz", 200, None), std::slice::from_mut(&mut tokens), &stop)? {
        return Ok(());
    }

    let upstream =
        paths.write("upstream.yaml", &config::upstream(Document::read("envoy/upstream.yaml")?, ports.upstream)?)?;
    let (address, upstream_port) = (config::LOCALHOST, Some(ports.upstream));
    let resource = requests::resource(&ports);
    let place =
        Place { ports: &ports, address, wasm: &wasm, upstream: upstream_port, tokens: address, resource: &resource };
    let keys = Keys { jwk: issuer.jwk(), discovery: &issuer::url(ports.tokens) };
    let filter = paths.write("envoy.yaml", &config::filter(Document::read("envoy/envoy.yaml")?, &place, &keys)?)?;
    let mut envoys = [
        Process::envoy(&binary, &upstream, paths.run().join("upstream.log"))?,
        Process::envoy(&binary, &filter, paths.run().join("envoy.log"))?,
    ];
    if !wait_until(|| is_ready(&ports), &mut envoys, &stop)? {
        return Ok(());
    }

    let requests = Requests {
        key: issuer.key(),
        now: now(),
        port: ports.main,
        token_port: ports.tokens,
        command: &command,
        run: paths.run(),
        restart: &format!("kill \"$(cat {}/tokens.pid)\"", paths.run().display()),
    };
    print(&format!(
        "# The filter runs on http://127.0.0.1:{}. The backend responds with the request that it received.\n\
         # Paste these commands into another terminal. The tokens in them are valid for a day.\n\n{}\
         # Press Ctrl-C to stop. Configurations, keys and logs are in {}.\n",
        ports.main,
        requests.everything(&ports),
        paths.run().display(),
    ))?;
    loop {
        match stop.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {
                check(&mut envoys)?;
                if tokens.is_stopped()? {
                    tokens = serve()?;
                }
                tokens.check()?;
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Writes the files that docker-compose.yaml mounts, and prints the commands.
fn prepare_compose() -> Result<(), String> {
    // A separate folder, so that the keys of `make run` are not replaced.
    let paths = Paths::from_environment("run/compose")?;
    let _lock = paths.lock()?;
    let ports = Ports::published()?;
    let command = paths.jwt_auth()?;
    let issuer = Issuer::prepare(&command, &paths)?;
    let place = Place {
        ports: &settings::IN_CONTAINERS,
        // docker-compose.yaml publishes the ports on 127.0.0.1.
        address: "0.0.0.0",
        wasm: Path::new("/etc/envoy/jwt-auth.wasm"),
        upstream: None,
        tokens: "tokens",
        resource: &requests::resource(&ports),
    };
    let keys = Keys { jwk: issuer.jwk(), discovery: &issuer::url(ports.tokens) };
    let text = config::filter(Document::read("envoy/envoy.yaml")?, &place, &keys)?;
    make_readable(&paths.write("envoy.yaml", &text)?)?;
    let requests = Requests {
        key: issuer.key(),
        now: now(),
        port: ports.main,
        token_port: ports.tokens,
        command: &command,
        run: paths.run(),
        restart: "docker compose restart tokens",
    };
    print(&format!(
        "# Once the containers run, the filter is on http://127.0.0.1:{}. The backend responds with the request\n\
        # that it received.\n\
         # Paste these commands into another terminal. The tokens in them are valid for a day.\n\n{}\
         # Configurations and keys are in {}.\n\n",
        ports.main,
        requests.everything(&ports),
        paths.run().display(),
    ))
}

/// Makes a configuration readable for all: Envoy in the image runs as another user. The file has only a public key.
fn make_readable(file: &Path) -> Result<(), String> {
    fs::set_permissions(file, Permissions::from_mode(0o644))
        .map_err(|error| format!("can't make {} readable for all: {error}", file.display()))
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Receives a message on SIGINT, SIGTERM and SIGHUP. These must not end this process at once, because the other
/// processes would keep running.
fn stop_signals() -> Result<Receiver<()>, String> {
    let (sender, receiver) = mpsc::channel();
    let handler = move || {
        // This fails only if the process is already ending.
        let _ = sender.send(());
    };
    ctrlc::set_handler(handler).map_err(|error| format!("can't handle signals: {error}"))?;
    Ok(receiver)
}

/// Waits until the processes are ready. Returns false if a signal comes first.
fn wait_until<P: BorrowMut<Process>>(
    is_ready: impl Fn() -> bool,
    processes: &mut [P],
    stop: &Receiver<()>,
) -> Result<bool, String> {
    let deadline = Instant::now() + PATIENCE;
    while !is_ready() {
        check(processes)?;
        if Instant::now() > deadline {
            let logs: Vec<String> = processes.iter().map(|process| process.borrow().log_tail()).collect();
            return Err(format!("not ready within {} s\n{}", PATIENCE.as_secs(), logs.join("\n")));
        }
        if stop.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the upstream responds, and the filter rejects requests on every listener. Without the filter, the guard
/// would respond with another status.
fn is_ready(ports: &Ports) -> bool {
    answers(ports.upstream, "/", 200, None)
        && answers(ports.main, "/", 400, Some("I400JR"))
        && answers(ports.replay, "/", 400, Some("I400JR"))
        && answers(ports.broken, "/", 400, Some("I400JP"))
        && answers(ports.resource, "/", 401, Some("I400JR"))
}

fn check<P: BorrowMut<Process>>(processes: &mut [P]) -> Result<(), String> {
    processes.iter_mut().try_for_each(|process| process.borrow_mut().check())
}

/// Prints and flushes, because the output may be a pipe or a file.
fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    let printed = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    printed.map_err(|error| format!("can't print: {error}"))
}
