//! Load by `wrk`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many requests are under way at once: enough that Envoy is never idle.
const CONNECTIONS: usize = 16;

/// How many more tokens a file must hold than requests are counted: some are sent before `wrk` has ended, and one is asked for
/// when it begins and never sent.
pub(crate) const SPARE: usize = 4 * CONNECTIONS;

/// Sends requests with the tokens of a file, line by line; a file of one line gives all requests that one token.
///
/// The headers beside the token are those of a plain client.
const SCRIPT: &str = r#"
local file, only, left
local head = "GET /orders/17?page=2 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: wrk\r\nAccept: */*\r\n" ..
  "Accept-Encoding: gzip, deflate\r\nX-Request-Source: bench\r\n"

local function with(token)
  if token == "" then return head .. "\r\n" end
  return head .. "X-Token: " .. token .. "\r\n\r\n"
end

function init(args)
  file, left = assert(io.open(args[1])), tonumber(args[2])
  if args[3] == "same" then only = with(file:read("*l")) end
end

function request()
  left = left - 1
  if left == 0 then
    io.stdout:write("sent\n")
    io.stdout:flush()
    wrk.thread:stop()
  end
  return only or with(file:read("*l") or "")
end
"#;

/// `wrk` and its script.
#[derive(Debug)]
pub(crate) struct Wrk {
    binary: PathBuf,
    script: PathBuf,
}

impl Wrk {
    /// Puts the script into `folder`.
    pub(crate) fn new(binary: &Path, folder: &Path) -> Result<Self, String> {
        let script = folder.join("requests.lua");
        std::fs::write(&script, SCRIPT).map_err(|error| format!("{}: {error}", script.display()))?;
        Ok(Self { binary: binary.to_owned(), script })
    }

    /// Sends `count` requests to `address`: with one token after the other, or all with the first of the file.
    pub(crate) fn send(&self, address: SocketAddr, tokens: &Path, count: usize, same: bool) -> Result<(), String> {
        let mut wrk = Command::new(&self.binary)
            .args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration", "600s", "--script"])
            .arg(&self.script)
            .arg(format!("http://{address}"))
            .arg("--")
            .arg(tokens)
            .args([count.to_string().as_str(), if same { "same" } else { "each" }])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't run {}: {error}", self.binary.display()))?;
        let lines = wrk.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        let has_sent = lines.map_while(Result::ok).any(|line| line == "sent");
        // It would sit out its duration. Whoever asked counts Envoy's answers, so nothing of its report is needed.
        let ended = wrk.kill().and_then(|()| wrk.wait());
        if !has_sent || ended.is_err() {
            return Err(format!("wrk ended before it had sent {count} requests"));
        }
        Ok(())
    }
}
