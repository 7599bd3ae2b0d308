//! Sends requests with `wrk`.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::variant::Content;

/// The number of concurrent requests. It is high enough that Envoy is never idle.
pub(crate) const CONNECTIONS: usize = 16;

/// What is sent in one go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    /// A file with the headers of one request per line.
    pub(crate) tokens: &'a Path,
    /// The number of requests.
    pub(crate) count: usize,
    /// Whether all requests have the first headers. Otherwise each has the next ones.
    pub(crate) same: bool,
    pub(crate) content: Content,
    /// The number of connections, each with one request at a time.
    pub(crate) connections: usize,
}

/// What `wrk` saw of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Half of the answers took no longer than this, in microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 answers took no longer than this, in microseconds.
    pub(crate) p99: f64,
    /// Answers per second.
    pub(crate) per_second: f64,
}

/// The number of lines that a file needs in addition to those of the counted requests. `wrk` sends some more before it
/// ends, and it reads one line at its start that it never sends.
pub(crate) fn spare(connections: usize) -> usize {
    4 * connections
}

/// Sends requests with the headers of a file, those of one request per line, separated by tabs.
///
/// The other headers are those of a simple client.
const SCRIPT: &str = r#"
local file, only, left
local head = " HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: wrk\r\nAccept: */*\r\n" ..
  "Accept-Encoding: gzip, deflate\r\nX-Request-Source: bench\r\n"
local body = ""

local function with(headers)
  if headers == "" then return head .. "\r\n" .. body end
  return head .. headers:gsub("\t", "\r\n") .. "\r\n\r\n" .. body
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

function done(summary, latency)
  io.stdout:write(string.format("seen %f %f %f\n", latency:percentile(50), latency:percentile(99),
    summary.requests * 1e6 / summary.duration))
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

    /// Sends requests to `address`.
    pub(crate) fn send(&self, address: SocketAddr, load: &Load) -> Result<Seen, String> {
        let (query, form) = match load.content {
            Content::Plain => (0, 0),
            Content::Query(bytes) => (bytes, 0),
            Content::Form(bytes) => (0, bytes),
        };
        let mut wrk = Command::new(&self.binary)
            .args(["--threads", "1", "--connections", &load.connections.to_string(), "--duration", "600s", "--script"])
            .arg(&self.script)
            .arg(format!("http://{address}"))
            .arg("--")
            .arg(load.tokens)
            .args([load.count.to_string().as_str(), if load.same { "same" } else { "each" }])
            .args([query.to_string(), form.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't run {}: {error}", self.binary.display()))?;
        let mut lines =
            wrk.stdout.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        let has_sent = lines.any(|line| line == "sent");
        // Without this, `wrk` would run for its whole duration.
        interrupt(&wrk);
        let seen = lines.find_map(|line| read_seen(&line));
        let ended = wrk.wait();
        seen.filter(|_| has_sent && ended.is_ok())
            .ok_or_else(|| format!("wrk ended before it had sent {} requests", load.count))
    }
}

/// Ends `wrk`, which then reports. If it has ended, there is nothing to do.
fn interrupt(wrk: &Child) {
    if let Some(pid) = i32::try_from(wrk.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::INT);
    }
}

/// Reads the line that the script writes at the end.
fn read_seen(line: &str) -> Option<Seen> {
    let mut numbers = line.strip_prefix("seen ")?.split(' ').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Seen { p50: next()?, p99: next()?, per_second: next()? })
}
