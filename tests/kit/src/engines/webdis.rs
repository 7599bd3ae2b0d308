use std::fs;
use std::net::SocketAddr;

use serde_json::json;

use super::process::{EngineProcess, Port};
use crate::http::{Address, RequestBuilder, exchange};

/// The file with its configuration.
const CONFIGURATION: &str = "webdis.json";

/// A Webdis, the HTTP interface of a Redis. It accepts the commands `SET` and `PING` only.
#[derive(Debug)]
pub struct Webdis {
    process: EngineProcess,
}

impl Webdis {
    /// Starts a Webdis for the Redis at this address, which must run, and waits until Redis answers through it.
    ///
    /// # Errors
    /// When it ends, or doesn't answer within a minute. The message has the end of its log.
    pub fn start(redis: SocketAddr) -> Result<Self, String> {
        let port = Port::reserve()?;
        let configuration = json!({
            "redis_host": redis.ip().to_string(),
            "redis_port": redis.port(),
            "http_host": "127.0.0.1",
            "http_port": port.address().port(),
            "threads": 2,
            "daemonize": false,
            "acl": [{"disabled": ["*"]}, {"enabled": ["SET", "PING"]}],
            "verbosity": 3,
            "logfile": "/dev/stderr",
        });
        let process = EngineProcess::new("webdis", port, |_| vec![CONFIGURATION.to_owned()])?;
        fs::write(process.directory().join(CONFIGURATION), configuration.to_string())
            .map_err(|error| format!("can't write {CONFIGURATION}: {error}"))?;
        let webdis = Self { process };
        webdis.process.restart()?;
        webdis.wait_until_answering()?;
        Ok(webdis)
    }

    /// The process, which can be killed, suspended and restarted.
    pub fn process(&self) -> &EngineProcess {
        &self.process
    }

    /// The address that it listens on, for HTTP/1.1.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Waits until Redis answers through it.
    ///
    /// # Errors
    /// When it ends, or that takes more than a minute.
    pub fn wait_until_answering(&self) -> Result<(), String> {
        self.process.wait_for("answer", || {
            exchange(&Address::Tcp(self.address()), &RequestBuilder::get("/PING").build())
                .is_ok_and(|response| response.status == 200)
        })
    }
}
