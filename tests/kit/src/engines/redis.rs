use std::net::SocketAddr;

use super::Entry;
use super::process::{EngineProcess, Port};
use super::resp::{self, Reply};
use crate::http::{Address, Stream};

/// A Redis server.
#[derive(Debug)]
pub struct Redis {
    process: EngineProcess,
}

/// What a [`Redis`] still knows after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    Nothing,
    /// Every write that it has answered: an append-only file with `appendfsync always`.
    EveryWrite,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// When it ends, or doesn't answer within a minute. The message has the end of its log.
    pub fn start(persistence: Persistence) -> Result<Self, String> {
        let port = Port::reserve()?;
        let number = port.address().port().to_string();
        let append_only = if persistence == Persistence::EveryWrite { "yes" } else { "no" };
        let process = EngineProcess::new("redis-server", port, |_| {
            let bound = ["--port", &number, "--bind", "127.0.0.1", "--enable-debug-command", "local"];
            let kept = ["--save", "", "--appendonly", append_only, "--appendfsync", "always"];
            bound.into_iter().chain(kept).map(str::to_owned).collect()
        })?;
        let redis = Self { process };
        redis.restart()?;
        Ok(redis)
    }

    /// The process, which can be killed and suspended. To start it again, use [`Self::restart`].
    pub fn process(&self) -> &EngineProcess {
        &self.process
    }

    /// The address that it listens on, for RESP.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Starts it on the same port, with what it kept, and waits until it answers. Kills it first if it runs.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn restart(&self) -> Result<(), String> {
        self.process.restart()?;
        let pong = Reply::Text("PONG".to_owned());
        // It answers with an error while it loads what it kept.
        self.process.wait_for("answer", || self.command(&["PING"]).is_ok_and(|reply| reply == pong))
    }

    /// The answer to a command, on a new connection: for example `["DEBUG", "SLEEP", "1"]`.
    ///
    /// # Errors
    /// When there is none within 10 s.
    pub fn command(&self, words: &[&str]) -> Result<Reply, String> {
        let reply = Stream::open(&Address::Tcp(self.address())).and_then(|stream| resp::ask(stream, words));
        reply.map_err(|error| self.process.failure(&format!("didn't answer {words:?}: {error}")))
    }

    /// Makes it a replica of a server that doesn't exist, which answers writes with READONLY, or ends that.
    ///
    /// # Panics
    /// When it doesn't do so.
    pub fn set_read_only(&self, is_read_only: bool) {
        // Nothing listens on port 1.
        self.must(if is_read_only { &["REPLICAOF", "127.0.0.1", "1"] } else { &["REPLICAOF", "NO", "ONE"] });
    }

    /// Takes away its memory, so that it answers writes with OOM and keeps what it has, or ends that.
    ///
    /// # Panics
    /// When it doesn't do so.
    pub fn set_out_of_memory(&self, is_out_of_memory: bool) {
        self.must(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
        self.must(&["CONFIG", "SET", "maxmemory", if is_out_of_memory { "1" } else { "0" }]);
    }

    /// All keys that begin with `prefix`, which has no `*`, `?`, `[` or `\`, in order.
    ///
    /// # Errors
    /// When it doesn't answer.
    pub fn entries(&self, prefix: &str) -> Result<Vec<Entry>, String> {
        let Reply::List(keys) = self.command(&["KEYS", "*"])? else {
            return Err(self.process.failure("gave no list of keys"));
        };
        let mut entries = Vec::new();
        for key in keys {
            let Reply::Text(key) = key else { continue };
            // Not in the pattern, where some characters of a prefix would have a meaning.
            if !key.starts_with(prefix) {
                continue;
            }
            // Without a value if it has expired meanwhile.
            let Reply::Text(value) = self.command(&["GET", &key])? else { continue };
            let ttl_seconds = match self.command(&["TTL", &key])? {
                Reply::Integer(seconds) => u64::try_from(seconds).ok(),
                _ => None,
            };
            entries.push(Entry { key, value, ttl_seconds });
        }
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(entries)
    }

    fn must(&self, words: &[&str]) {
        assert_eq!(self.command(words), Ok(Reply::Text("OK".to_owned())), "{words:?}");
    }
}
