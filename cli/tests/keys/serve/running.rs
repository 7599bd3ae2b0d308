//! A running token service, requests to it, and its expected responses.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::http::{Address, RequestBuilder, Response, exchange};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{command, run};

/// Argon2id hashes of `wonderland` and `looking-glass` with minimal cost, made by argon2-cffi.
const ALICE: &str = "$argon2id$v=19$m=64,t=1,p=1$x3DQC0WJ9NuI1GYRAmnaqQ$RHIATqcF23a5bJEEvLLVHZdiKfMpWsh8XwhYOGdvS4s";
const BOB: &str = "$argon2id$v=19$m=64,t=1,p=1$rF/poUNExz3KXNWH1zeMUg$rzOu04nwKRL3wJ2vgHhYU+gomn5Xln63er8xzU0ss2E";

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A running token service. Its folder has the private key in `key` and the plugin configuration in `plugin`.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) address: Address,
    stderr: BufReader<std::process::ChildStderr>,
    pub(super) folder: TempDir,
}

fn users() -> String {
    format!(
        "users:
- name: alice
  passwordHash: {ALICE}
  claims: {{userId: '1213234', roles: [buyer, admin]}}
- {{name: böb, passwordHash: '{BOB}'}}
"
    ) + &(0..16).map(|number| format!("- {{name: user-{number}, passwordHash: '{ALICE}'}}\n")).collect::<String>()
}

/// A folder with the files of a service. The users are alice, böb and, with alice's password, user-0 to user-15.
pub(super) fn prepared() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), ["keygen", "--alg", "ES256", "--kid", "k", "--private", "key", "--plugin"]);
    fs::write(folder.path().join("plugin"), ended.stdout).expect("a file");
    write_secret(folder.path(), "users", &users());
    folder
}

pub(super) fn write_secret(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).expect("a file");
}

pub(super) const SERVE: [&str; 7] = ["serve", "--key", "key", "--users", "users", "--listen", "127.0.0.1:0"];

impl Running {
    pub(super) fn start(more: &[&str]) -> Self {
        Self::start_in(prepared(), more)
    }

    pub(super) fn start_in(folder: TempDir, more: &[&str]) -> Self {
        let mut child = command()
            .current_dir(folder.path())
            .args(SERVE.iter().chain(more))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stderr = BufReader::new(child.stderr.take().expect("its stderr"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("its stderr");
        let address = line.trim_end().strip_prefix("jwt-auth: listening on http://");
        let address: SocketAddr = address.unwrap_or_else(|| panic!("{line}")).parse().expect("an address");
        Self { child, address: Address::Tcp(address), stderr, folder }
    }

    pub(super) fn send(&self, request: &RequestBuilder) -> Response {
        exchange(&self.address, &request.build()).expect("an answer")
    }

    /// A connection from this local address. On Linux, every address of 127.0.0.0/8 is local.
    pub(super) fn connect_from(&self, client: Ipv4Addr) -> ConnectionFrom {
        let Address::Tcp(service) = self.address else { panic!("{}", self.address) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
            socket.bind((client, 0).into()).expect("an address of this machine");
            socket.connect(service).await.expect("a connection").into_std().expect("a socket")
        });
        stream.set_nonblocking(false).expect("a socket");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        ConnectionFrom(BufReader::new(stream))
    }

    /// Stops the service with SIGTERM. Returns the exit code and the rest of the log.
    pub(super) fn stop(mut self) -> (Option<i32>, String) {
        terminate(&self.child);
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).expect("its stderr");
        (self.child.wait().expect("its end").code(), log)
    }
}

/// A connection from a chosen address.
pub(super) struct ConnectionFrom(BufReader<TcpStream>);

impl ConnectionFrom {
    /// Sends a request and reads the response, which must have a `content-length`.
    pub(super) fn send(&mut self, request: &RequestBuilder) -> Response {
        self.0.get_mut().write_all(&request.build()).expect("a request");
        let status = self.line().split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let header = |line: String| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_ascii_lowercase(), value.as_bytes().to_vec())
        };
        let headers = std::iter::repeat_with(|| self.line()).take_while(|line| !line.is_empty()).map(header).collect();
        let mut response = Response { status, headers, body: Vec::new(), trailers: Vec::new() };
        let length = response.header("content-length").map(|length| String::from_utf8_lossy(length).into_owned());
        response.body = vec![0; length.and_then(|length| length.parse().ok()).expect("a length")];
        self.0.read_exact(&mut response.body).expect("a body");
        response
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both only fail if the process has already ended and been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(super) fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.expect("the command kill").success());
}

pub(super) fn form(body: &str) -> RequestBuilder {
    RequestBuilder::post("/token").header("content-type", FORM).body(body)
}

pub(super) fn basic(name: &str, password: &str) -> RequestBuilder {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    RequestBuilder::post("/token").header("authorization", format!("Basic {encoded}"))
}

/// A whole response, except its `date`.
pub(super) fn whole(response: &Response) -> (u16, BTreeMap<&str, String>, String) {
    let headers = response.headers.iter().filter(|(name, _)| name != "date");
    let headers = headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value).into_owned()));
    (response.status, headers.collect(), response.text())
}

/// An expected rejection: status, `error`, `error_description`, and headers in addition to those of every response.
pub(super) fn rejected(status: u16, error: &str, description: &str, more: &[(&'static str, &str)]) -> Expected {
    let body = json!({"error": error, "error_description": description}).to_string();
    let length = body.len().to_string();
    let common = [
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
        ("pragma", "no-cache"),
        ("content-length", &length),
    ];
    let headers = common.iter().chain(more).map(|&(name, value)| (name, value.to_owned())).collect();
    (status, headers, body)
}

pub(super) type Expected = (u16, BTreeMap<&'static str, String>, String);

const CHALLENGE: (&str, &str) = ("www-authenticate", "Basic realm=\"token\", charset=\"UTF-8\"");

pub(super) fn wrong_form() -> Expected {
    rejected(400, "invalid_grant", "wrong user name or password", &[])
}

pub(super) fn wrong_basic() -> Expected {
    rejected(401, "invalid_client", "wrong user name or password", &[CHALLENGE])
}

/// The token in a response, after checking the rest of the response.
pub(super) fn token(response: &Response, seconds: u64) -> String {
    token_of_type(response, "Bearer", seconds)
}

/// Like [`token`], with a `token_type`.
pub(super) fn token_of_type(response: &Response, token_type: &str, seconds: u64) -> String {
    let (status, headers, body) = whole(response);
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    let token = body["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(body, json!({"access_token": token, "token_type": token_type, "expires_in": seconds}));
    let length = response.body.len().to_string();
    let expected = [
        ("cache-control", "no-store"),
        ("content-length", &length),
        ("content-type", "application/json"),
        ("pragma", "no-cache"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())).into());
    token
}
