//! A process of the demo.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use kit::envoy::log_tail;
use kit::http::{Address, RequestBuilder, exchange};

/// A child process that is killed when this is dropped.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts an Envoy with this configuration. It has two workers, to show that they share used `jti`s.
    pub(crate) fn envoy(binary: &Path, config: &Path, log: PathBuf) -> Result<Self, String> {
        let mut command = Command::new(binary);
        // Without hot restart, any number of Envoys can run at once.
        command.arg("--config-path").arg(config).args(["--disable-hot-restart", "--concurrency", "2"]);
        Self::start("an Envoy", &mut command, log)
    }

    /// Starts a command. Messages call it `name`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: PathBuf) -> Result<Self, String> {
        let output = File::create(&log).map_err(|error| format!("can't write {}: {error}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| format!("can't run {}: {error}", command.get_program().display()))?;
        Ok(Self { name, child, log })
    }

    /// Returns an error with the end of the log if the process has ended.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.status()? {
            None => Ok(()),
            Some(status) => Err(format!("{} ended ({status})\n{}", self.name, self.log_tail())),
        }
    }

    /// Whether the process has ended without an error, because someone has stopped it.
    pub(crate) fn is_stopped(&mut self) -> Result<bool, String> {
        Ok(self.status()?.is_some_and(|status| status.success()))
    }

    /// Whether the process has ended by a signal.
    pub(crate) fn is_killed(&mut self) -> Result<bool, String> {
        Ok(self.status()?.is_some_and(|status| status.signal().is_some()))
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn status(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|error| format!("can't wait for {}: {error}", self.name))
    }

    /// The end of the log, after a line with the name of the file.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        format!("--- {} ends in\n{}", self.log.display(), log_tail(&String::from_utf8_lossy(&log)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both only fail if the process has already ended and been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the response to a `GET` of `path` has this status and code.
pub(crate) fn answers(port: u16, path: &str, status: u16, code: Option<&str>) -> bool {
    let address = Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    exchange(&address, &RequestBuilder::get(path).build()).is_ok_and(|response| {
        response.status == status && response.header("x-ca-error-code") == code.map(str::as_bytes)
    })
}
