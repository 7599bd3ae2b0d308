//! Runs the command as a user does.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The result of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, without environment variables.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwt-auth"));
    command.env_clear();
    command
}

/// Runs the command in `folder` with an empty stdin.
pub(crate) fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ended {
    run_with(folder, arguments, b"")
}

/// Runs the command in `folder` with `stdin`.
pub(crate) fn run_with<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>, stdin: &[u8]) -> Ended {
    let mut child = command()
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    // This fails if the command does not read its stdin.
    let _ = child.stdin.take().expect("its stdin").write_all(stdin);
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended {
        code: output.status.code().expect("an exit code"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The single line on stdout of a command line, split at spaces. The command must succeed without output on stderr.
pub(crate) fn line(folder: &Path, arguments: &str) -> String {
    let ended = run(folder, arguments.split(' '));
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{arguments}");
    let line = ended.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {arguments}"));
    assert!(!line.contains('\n'), "{arguments}: {line}");
    line.to_owned()
}

/// The JSON in a file.
pub(crate) fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// The header and the claims of a token.
pub(crate) fn opened(token: &str) -> (Value, Value) {
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let part = |index: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(parts[index]).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (part(0), part(1))
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock behind 1970").as_secs()
}
