//! Sends requests with `wrk`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::variant::Content;

/// The number of concurrent requests. It is high enough that Envoy is never idle.
const CONNECTIONS: usize = 16;

/// The number of tokens that a file needs in addition to those of the counted requests. `wrk` sends some more before it
/// ends, and it reads one token at its start that it never sends.
pub(crate) const SPARE: usize = 4 * CONNECTIONS;

/// Sends requests with the tokens of a file, one per line. With one line, all requests have the same token.
///
/// The other headers are those of a simple client.
const SCRIPT: &str = r#"
local file, only, left
local head = " HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: wrk\r\nAccept: */*\r\n" ..
  "Accept-Encoding: gzip, deflate\r\nX-Request-Source: bench\r\n"
local body = ""

local function with(token)
  if token == "" then return head .. "\r\n" .. body end
  return head .. "X-Token: " .. token .. "\r\n\r\n" .. body
end

function init(args)
  local query, form = tonumber(args[4]), tonumber(args[5])
  head = (form > 0 and "POST" or "GET") .. " /orders/17?page=2" .. string.rep("&+", query / 2) .. head
  if form > 0 then
    body = string.rep("+&", form / 2)
    head = head .. "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. #body .. "\r\n"
  end
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
    /// Writes the script into `folder`.
    pub(crate) fn new(binary: &Path, folder: &Path) -> Result<Self, String> {
        let script = folder.join("requests.lua");
        std::fs::write(&script, SCRIPT).map_err(|error| format!("{}: {error}", script.display()))?;
        Ok(Self { binary: binary.to_owned(), script })
    }

    /// Sends `count` requests to `address`, each with the next token of the file or all with the first one.
    pub(crate) fn send(
        &self,
        address: SocketAddr,
        tokens: &Path,
        count: usize,
        same: bool,
        content: Content,
    ) -> Result<(), String> {
        let (query, form) = match content {
            Content::Plain => (0, 0),
            Content::Query(bytes) => (bytes, 0),
            Content::Form(bytes) => (0, bytes),
        };
        let mut wrk = Command::new(&self.binary)
            .args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration", "600s", "--script"])
            .arg(&self.script)
            .arg(format!("http://{address}"))
            .arg("--")
            .arg(tokens)
            .args([count.to_string().as_str(), if same { "same" } else { "each" }])
            .args([query.to_string(), form.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't run {}: {error}", self.binary.display()))?;
        let lines = wrk.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines);
        let has_sent = lines.map_while(Result::ok).any(|line| line == "sent");
        // Without this, `wrk` would run for its whole duration. Its report is not needed: the caller counts Envoy's
        // responses.
        let ended = wrk.kill().and_then(|()| wrk.wait());
        if !has_sent || ended.is_err() {
            return Err(format!("wrk ended before it had sent {count} requests"));
        }
        Ok(())
    }
}
