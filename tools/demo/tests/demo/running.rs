//! Runs the demo and reads its output.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kit::envoy::binaries;
use tempfile::TempDir;

/// The last line that the demo prints once it runs.
const LAST_LINE: &str = "# Press Ctrl-C to stop.";

pub(crate) fn set(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set; `make test` sets it"))
}

/// The demo on free ports, with its files in a temporary folder.
pub(crate) struct Demo {
    pub(crate) command: Command,
    pub(crate) folder: TempDir,
}

impl Demo {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .env("ENVOY", binaries().last().expect("an Envoy"))
            .env("JWT_AUTH_WASM", set("JWT_AUTH_WASM"))
            .env("JWT_AUTH", set("JWT_AUTH"))
            .env("RUN_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for port in ["PORT", "REPLAY_PORT", "BROKEN_PORT", "RESOURCE_PORT", "UPSTREAM_PORT", "TOKEN_PORT", "ADMIN_PORT"]
        {
            command.env(port, "0");
        }
        Self { command, folder }
    }

    /// The demo with two Envoys and etcd.
    pub(crate) fn fleet() -> Self {
        let mut demo = Self::new();
        demo.command.arg("--fleet").env("ETCD", Path::new(&set("ENGINES")).join("etcd"));
        for port in ["FIRST_PORT", "SECOND_PORT", "FIRST_ADMIN_PORT", "SECOND_ADMIN_PORT"] {
            demo.command.env(port, "0");
        }
        demo
    }

    /// Runs the demo until it ends by itself.
    pub(crate) fn output(mut self) -> Output {
        self.command.output().expect("the demo runs")
    }

    /// Starts the demo and returns its output up to the point where it is ready.
    pub(crate) fn start(mut self) -> (Running, Vec<String>) {
        let mut child = self.command.spawn().expect("the demo runs");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line: &String| !line.starts_with(LAST_LINE)) {
            let mut line = String::new();
            if output.read_line(&mut line).expect("its output") == 0 {
                let mut errors = String::new();
                child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("its errors");
                panic!("the demo ended: {errors}");
            }
            lines.push(line.trim_end().to_owned());
        }
        (Running { child, folder: self.folder }, lines)
    }
}

pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) folder: TempDir,
}

impl Running {
    /// The processes that were started with a file of the demo's folder.
    pub(crate) fn processes(&self) -> Vec<String> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        processes
            .filter(|process| {
                let command_line = fs::read(process.path().join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&command_line).contains(&folder)
            })
            .map(|process| process.file_name().to_string_lossy().into_owned())
            .collect()
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the demo did not end within 10 s");
    }

    pub(crate) fn errors(&mut self) -> String {
        let mut errors = String::new();
        self.child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("its errors");
        errors
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for process in self.processes() {
            signal("KILL", &process);
        }
        // This fails only if the demo has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(name: &str, process: &str) {
    Command::new("kill").args([&format!("-{name}"), process]).status().expect("the command kill");
}

/// Each command with its comment.
pub(crate) fn commands(lines: &[String]) -> Vec<(&str, &str)> {
    let is_command = |line: &str| !line.is_empty() && !line.starts_with('#');
    let pairs = lines.windows(2).filter(|pair| pair[0].starts_with("# ") && is_command(&pair[1]));
    pairs.map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
}

/// Each command that promises an answer, with its comment.
pub(crate) fn curls(lines: &[String]) -> Vec<(&str, &str)> {
    commands(lines).into_iter().filter(|(comment, _)| comment.starts_with("# expect ")).collect()
}

/// Status and, for a rejection, code in a comment such as `# expect 400 I400JR: no token`.
pub(crate) fn promised(comment: &str) -> String {
    let promise = comment.strip_prefix("# expect ").and_then(|promise| promise.split_once(':'));
    promise.unwrap_or_else(|| panic!("no promise: {comment}")).0.to_owned()
}

/// Status and, for a rejection, code of a response with its head.
pub(crate) fn answered(answer: &str) -> String {
    let head = answer.split_once("HTTP/1.1 ").map_or("", |(_, head)| head);
    let status = head.split_ascii_whitespace().next().unwrap_or_default().to_owned();
    let code = answer.lines().find_map(|line| line.strip_prefix("x-ca-error-code: "));
    code.map_or(status.clone(), |code| format!("{status} {}", code.trim()))
}
