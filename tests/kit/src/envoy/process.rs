use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::http::Address;

/// The path of a Unix socket has at most 108 bytes with its final zero. This leaves room for the name of the socket.
const MAX_DIRECTORY: usize = 60;

/// How much of the log a failure shows.
const TAIL: usize = 4_000;

const LOG_FILE: &str = "envoy.log";
const ADMIN_SOCKET: &str = "admin.sock";

/// Where an Envoy that can be replaced writes the number that its successors need.
const BASE_ID_FILE: &str = "base-id";

/// The source of the library for [`Launch::ahead_seconds`].
const AHEAD: &str = include_str!("ahead.c");

/// How Envoy is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) binary: PathBuf,
    /// The name of the bootstrap in the directory.
    pub(super) bootstrap: String,
    pub(super) workers: u32,
    pub(super) drain_seconds: u32,
    /// By how many seconds its clock is wrong.
    pub(super) ahead_seconds: u32,
    /// Whether [`Process::replace`] can replace it. If so, which of its successors it is.
    pub(super) epoch: Option<u32>,
}

/// A child process with its working directory; killed and reaped when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    launch: Launch,
    /// Shared with the process that it has replaced.
    directory: Arc<TempDir>,
}

impl Process {
    /// Starts Envoy in a new directory with these files.
    pub(super) fn spawn(launch: Launch, files: &[(&str, String)]) -> Result<Self, String> {
        let directory = short_directory().map_err(|error| format!("no temporary directory: {error}"))?;
        for (name, text) in files {
            fs::write(directory.path().join(name), text).map_err(|error| format!("can't write {name}: {error}"))?;
        }
        Self::run(launch, Arc::new(directory))
    }

    /// Starts a successor in the same directory, which takes over the sockets ("hot restart").
    pub(super) fn replace(&self) -> Result<Self, String> {
        let epoch = self.launch.epoch.ok_or("this Envoy can't be replaced")? + 1;
        Self::run(Launch { epoch: Some(epoch), ..self.launch.clone() }, Arc::clone(&self.directory))
    }

    fn run(launch: Launch, directory: Arc<TempDir>) -> Result<Self, String> {
        let Launch { binary, bootstrap, workers, drain_seconds, ahead_seconds, epoch } = &launch;
        let log = File::options().create(true).append(true).open(directory.path().join(LOG_FILE));
        let log = log.map_err(|error| format!("can't write {LOG_FILE}: {error}"))?;
        let binary = std::path::absolute(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
        let admin = serde_json::json!({"admin": {"address": {"pipe": {"path": ADMIN_SOCKET}}}});

        let mut command = Command::new(&binary);
        command
            .current_dir(directory.path())
            .args(["--config-path", bootstrap, "--config-yaml", &admin.to_string()])
            .args(["--log-level", "info"])
            .args(["--concurrency", &workers.to_string()])
            // How long replaced listeners drain.
            .args(["--drain-time-s", &drain_seconds.to_string(), "--drain-strategy", "immediate"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // Not --log-path: Envoy writes that file up to ten seconds late and does not print crashes to it.
            .stderr(log);
        match epoch {
            // Without shared memory, so that any number of Envoys can run at once.
            None => command.arg("--disable-hot-restart"),
            Some(0) => command.args(["--use-dynamic-base-id", "--base-id-path", BASE_ID_FILE]),
            Some(epoch) => {
                let base_id = fs::read_to_string(directory.path().join(BASE_ID_FILE));
                let base_id = base_id.map_err(|error| format!("can't read {BASE_ID_FILE}: {error}"))?;
                command.args(["--base-id", base_id.trim(), "--restart-epoch", &epoch.to_string()])
            }
        };
        if *ahead_seconds > 0 {
            command.env("LD_PRELOAD", ahead_library(directory.path(), *ahead_seconds)?);
        }
        let child = command.spawn().map_err(|error| format!("can't run {}: {error}", binary.display()))?;
        Ok(Self { child, launch, directory })
    }

    /// How many processes it has replaced, one after another.
    pub(super) fn epoch(&self) -> u32 {
        self.launch.epoch.unwrap_or_default()
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn admin(&self) -> Address {
        Address::Unix(self.directory().join(ADMIN_SOCKET))
    }

    pub(super) fn log(&self) -> String {
        let bytes = fs::read(self.directory().join(LOG_FILE)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns an error if the process has ended.
    pub(super) fn check(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("Envoy ended: {status}")),
            Err(error) => Err(format!("can't wait for Envoy: {error}")),
        }
    }

    /// `why`, with the end of the log.
    pub(super) fn failure(&self, why: &str) -> String {
        format!("{why}\n--- the end of Envoy's log\n{}", log_tail(&self.log()))
    }

    /// Writes a new file and renames it to `name`. Envoy's watcher only reacts to renames.
    pub(super) fn replace_file(&self, name: &str, text: &str) -> Result<(), String> {
        let new = self.directory().join(format!("{name}.new"));
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, self.directory().join(name)));
        written.map_err(|error| format!("can't replace {name}: {error}"))
    }

    /// Waits until the process has ended, and kills it after `patience`.
    pub(super) fn finish(&mut self, patience: Duration) {
        let ended = wait_for(patience, || Ok(self.check().is_err().then_some(())));
        if ended.is_err() {
            self.kill();
        }
    }

    fn kill(&mut self) {
        // Both only fail if the process has already ended and been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Calls `ask` every 10 ms until it returns a value or an error. Fails after `patience`.
pub(super) fn wait_for<T>(patience: Duration, mut ask: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = ask()? {
            return Ok(value);
        }
        if Instant::now() > deadline {
            return Err(format!("Envoy wasn't done within {patience:?}"));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Compiles the library that sets the clock.
fn ahead_library(directory: &Path, seconds: u32) -> Result<PathBuf, String> {
    let (source, library) = (directory.join("ahead.c"), directory.join("ahead.so"));
    fs::write(&source, AHEAD).map_err(|error| format!("can't write {}: {error}", source.display()))?;
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &format!("-DAHEAD={seconds}"), "-o"]).arg(&library).arg(&source);
    let output = compiler.output().map_err(|error| format!("can't run cc, a C compiler: {error}"))?;
    match output.status.success() {
        true => Ok(library),
        false => Err(format!("cc: {}, {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// A new temporary directory. It is in `/tmp` if the default place makes the socket paths too long.
fn short_directory() -> std::io::Result<TempDir> {
    let usual = std::env::temp_dir();
    let parent = match usual.as_os_str().len() < MAX_DIRECTORY - 16 {
        true => usual,
        false => PathBuf::from("/tmp"),
    };
    tempfile::Builder::new().prefix("envoy").tempdir_in(parent)
}

/// The last lines of a log, enough to see why Envoy ended.
pub fn log_tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(TAIL);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let end = &text[start..];
    match end.split_once('\n') {
        Some((_, lines)) if start > 0 => lines,
        _ => end,
    }
}
