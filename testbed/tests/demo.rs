//! The demo of `make run`: every line that it prints does what the comment above it says, and nothing of it survives its
//! end. Needs what `make test` sets: `ENVOY_BINARIES`, of which it takes the last, and `JWT_AUTH_WASM`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testbed::envoy::binaries;

/// The last line that the demo prints once it runs.
const LAST_LINE: &str = "# Ctrl-C ends it.";

/// The demo on free ports, with its files in a folder of its own.
struct Demo {
    command: Command,
    folder: TempDir,
}

impl Demo {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let wasm = std::env::var_os("JWT_AUTH_WASM").expect("JWT_AUTH_WASM must name the filter; `make test` sets it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .env("ENVOY", binaries().last().expect("an Envoy"))
            .env("JWT_AUTH_WASM", wasm)
            .env("RUN_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for port in ["PORT", "REPLAY_PORT", "BROKEN_PORT", "UPSTREAM_PORT", "ADMIN_PORT"] {
            command.env(port, "0");
        }
        Self { command, folder }
    }

    /// Runs it until it ends by itself.
    fn output(mut self) -> Output {
        self.command.output().expect("the demo runs")
    }

    /// Starts it and gives what it printed until it was ready.
    fn start(mut self) -> (Running, Vec<String>) {
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

struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    /// The processes that were started with a file of its folder.
    fn envoys(&self) -> Vec<String> {
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

    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("its status") {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the demo did not end within 10 s");
    }

    fn errors(&mut self) -> String {
        let mut errors = String::new();
        self.child.stderr.take().expect("its errors").read_to_string(&mut errors).expect("its errors");
        errors
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for envoy in self.envoys() {
            signal("KILL", &envoy);
        }
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, process: &str) {
    Command::new("kill").args([&format!("-{name}"), process]).status().expect("the command kill");
}

/// Each `curl` line with the comment above it.
fn curls(lines: &[String]) -> Vec<(&str, &str)> {
    let pairs = lines.windows(2).filter(|pair| pair[1].starts_with("curl "));
    pairs.map(|pair| (pair[0].as_str(), pair[1].as_str())).collect()
}

/// Status and, for a refusal, code, of a comment such as `# expect 400 I400JR: no token`.
fn promised(comment: &str) -> String {
    let promise = comment.strip_prefix("# expect ").and_then(|promise| promise.split_once(':'));
    promise.unwrap_or_else(|| panic!("no promise: {comment}")).0.to_owned()
}

/// The same of an answer with its head.
fn answered(answer: &str) -> String {
    let status = answer.split_ascii_whitespace().nth(1).unwrap_or_default().to_owned();
    let code = answer.lines().find_map(|line| line.strip_prefix("x-ca-error-code: "));
    code.map_or(status.clone(), |code| format!("{status} {}", code.trim()))
}

#[test]
fn every_line_does_what_its_comment_says() {
    assert!(Command::new("curl").arg("--version").output().is_ok(), "this test needs curl");
    let (mut demo, lines) = Demo::new().start();
    let curls = curls(&lines);
    let mut promises = Vec::new();
    for (comment, curl) in &curls {
        let output = Command::new("sh").args(["-c", curl]).output().expect("a shell");
        let answer = String::from_utf8_lossy(&output.stdout);
        promises.push(promised(comment));
        assert_eq!(answered(&answer), promised(comment), "{comment}\n{curl}\n{answer}");
        if comment.contains("the backend gets") {
            assert!(answer.contains("\nx-aud: orders\n"), "{answer}");
            assert!(answer.contains("\nGET /hello?userId=1213234 HTTP/1.1\n"), "{answer}");
        }
        if comment.contains("forged values") {
            assert!(answer.contains("\nGET /hello?page=2&userId=1213234 HTTP/1.1\n"), "{answer}");
            assert!(!answer.contains("forged"), "{answer}");
        }
    }
    for code in ["I400JR", "I400JD", "A403JK", "A403JT", "A403JE", "S403JU", "S403JI", "I400JP"] {
        assert!(promises.iter().any(|promise| promise.ends_with(code)), "no line shows {code}");
    }

    assert_eq!(demo.envoys().len(), 2);
    signal("TERM", &demo.child.id().to_string());
    assert_eq!((demo.wait(), demo.envoys()), (Some(0), Vec::new()));
}

#[test]
fn it_ends_when_an_envoy_does() {
    let (mut demo, _) = Demo::new().start();
    signal("KILL", &demo.envoys()[0]);
    assert_eq!((demo.wait(), demo.envoys()), (Some(1), Vec::new()));
    let errors = demo.errors();
    assert!(errors.contains("an Envoy ended (signal: 9"), "{errors}");
}

#[test]
fn a_taken_port_is_named_with_its_variable() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let mut demo = Demo::new();
    demo.command.env("REPLAY_PORT", &port);
    let output = demo.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains(&port) && errors.contains("REPLAY_PORT=<port>"), "{errors}");

    let mut demo = Demo::new();
    demo.command.env("PORT", "http");
    assert!(String::from_utf8_lossy(&demo.output().stderr).contains("PORT=http: expected a port"));
}

#[test]
fn an_envoy_that_does_not_start_shows_its_log() {
    let mut demo = Demo::new();
    // No module: Envoy refuses the configuration.
    demo.command.env("JWT_AUTH_WASM", "Cargo.toml");
    let output = demo.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("envoy.log ends in\n") && errors.contains("Unable to create Wasm"), "{errors}");
}

#[test]
fn for_compose_the_file_of_the_repository_gets_another_key_and_no_other_change() {
    let mut demo = Demo::new();
    demo.command.arg("--compose").env("PORT", "12345");
    let file = demo.folder.path().join("compose-envoy.yaml");
    let output = demo.command.output().expect("the demo runs");
    assert!(output.status.success(), "{output:?}");

    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let curls = curls(&lines);
    assert!(curls.iter().all(|(comment, curl)| !promised(comment).is_empty() && curl.contains("127.0.0.1:12345/")));
    assert!(curls.len() >= 8);

    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a file");
        let mut document: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
        let manager = &mut document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
        let plugin =
            &mut manager["typed_config"]["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
        let mut plugin_config: serde_yaml::Value =
            serde_yaml::from_str(plugin.as_str().expect("a text")).expect("YAML in YAML");
        *plugin = serde_yaml::Value::Null;
        let key = plugin_config["jwk"]["kid"].as_str().expect("a kid").to_owned();
        plugin_config["jwk"] = serde_yaml::Value::Null;
        (document, plugin_config, key)
    };
    let (document, plugin_config, key) = read(&file);
    let original = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy/envoy.yaml"));
    assert_eq!((document, plugin_config), (original.0, original.1));
    assert_eq!((key.as_str(), original.2.as_str()), ("demo", "uniq_key"));
}
