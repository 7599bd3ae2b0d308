use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use super::ENGINES;
use crate::envoy::log_tail;

/// How long a process may take until it listens, and a cluster until it is healthy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long one attempt to connect to a process that starts may take.
const CONNECT: Duration = Duration::from_millis(500);

const LOG_FILE: &str = "engine.log";

/// A process of an engine, with its own temporary directory. It can be killed, suspended and started again on the same
/// port. It is killed when this is dropped, so don't keep one in a `static`, which is never dropped.
#[derive(Debug)]
pub struct EngineProcess {
    program: &'static str,
    arguments: Vec<String>,
    /// The command that runs it, with its arguments; empty: none.
    enter: Vec<String>,
    port: Port,
    directory: TempDir,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while it is dead.
    child: Option<Child>,
    is_suspended: bool,
}

impl EngineProcess {
    /// Prepares a process that listens on `port`. `arguments` gets its directory.
    pub(super) fn new(
        program: &'static str,
        port: Port,
        arguments: impl FnOnce(&Path) -> Vec<String>,
    ) -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix(program).tempdir();
        let directory = directory.map_err(|error| format!("no temporary directory: {error}"))?;
        let (arguments, enter) = (arguments(directory.path()), Vec::new());
        Ok(Self { program, arguments, enter, port, directory, state: Mutex::default() })
    }

    /// It will be run by another command, which must keep the process ID.
    pub(super) fn entering(mut self, enter: &[String]) -> Self {
        self.enter = enter.to_vec();
        self
    }

    /// The address that it listens on, also while it is dead.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The process id; `None` while it is dead.
    pub fn id(&self) -> Option<u32> {
        self.state().child.as_ref().map(Child::id)
    }

    /// Whether it has been started, and neither killed nor suspended since then.
    pub fn is_running(&self) -> bool {
        let state = self.state();
        state.child.is_some() && !state.is_suspended
    }

    /// Kills it with SIGKILL. Does nothing if it is dead.
    pub fn kill(&self) {
        let mut state = self.state();
        if let Some(mut child) = state.child.take() {
            // Both only fail if the process has already ended and been reaped.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Suspends it with SIGSTOP: its connections stay open and nothing is answered.
    ///
    /// # Panics
    /// When it is dead.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        self.state().is_suspended = true;
    }

    /// Ends [`Self::stop`] with SIGCONT.
    ///
    /// # Panics
    /// When it is dead.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
        self.state().is_suspended = false;
    }

    /// Starts it with the same port and directory, and waits until it accepts connections. Kills it first if it runs.
    ///
    /// # Errors
    /// When it ends, or accepts no connection within a minute. The message has the end of its log.
    pub fn restart(&self) -> Result<(), String> {
        self.spawn()?;
        self.wait_for("accept connections", || TcpStream::connect_timeout(&self.address(), CONNECT).is_ok())
    }

    /// What it has written to stdout and stderr so far, since its first start.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join(LOG_FILE)).unwrap_or_default()).into_owned()
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it without waiting. Kills it first if it runs.
    pub(super) fn spawn(&self) -> Result<(), String> {
        self.kill();
        let log = File::options().create(true).append(true).open(self.directory.path().join(LOG_FILE));
        let log = log.map_err(|error| format!("can't write {LOG_FILE}: {error}"))?;
        let copy = log.try_clone().map_err(|error| format!("can't write {LOG_FILE}: {error}"))?;
        let path = command(self.program);
        let mut words = self.enter.iter().map(OsStr::new).chain([path.as_os_str()]);
        let child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .args(&self.arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(copy)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("can't run {}: {error}", path.display()))?;
        *self.state() = State { child: Some(child), is_suspended: false };
        Ok(())
    }

    /// Asks every 20 ms until `is_so`.
    pub(super) fn wait_for(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if let Some(child) = &mut self.state().child
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(self.failure(&format!("ended: {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("didn't {what} within {PATIENCE:?}")));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What went wrong, with the end of the log.
    pub(super) fn failure(&self, why: &str) -> String {
        let Self { program, .. } = self;
        format!("{program} on {} {why}\n--- the end of its log\n{}", self.address(), log_tail(&self.log()))
    }

    fn signal(&self, signal: Signal) {
        let pid = self.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        let pid = pid.unwrap_or_else(|| panic!("{} is dead", self.program));
        kill_process(pid, signal).unwrap_or_else(|error| panic!("can't signal {}: {error}", self.program));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EngineProcess {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", self.failure("served a test that failed"));
        }
    }
}

/// A free port of 127.0.0.1, reserved until this is dropped, or a port of a process with its own address.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    /// Bound, but not listening. Meanwhile, a process that asks for any free port doesn't get it. `None` for an address
    /// of one process.
    _reservation: Option<TcpSocket>,
}

impl Port {
    /// A port of an address that only one process has.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { address, _reservation: None }
    }

    pub(super) fn reserve() -> Result<Self, String> {
        let reserved = TcpSocket::new_v4().and_then(|socket| {
            // Only sockets that both have this option can be bound to one port. All engines set it.
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(Self { address: socket.local_addr()?, _reservation: Some(socket) })
        });
        reserved.map_err(|error| format!("no free port on 127.0.0.1: {error}"))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The path of a command in the folder that [`ENGINES`] names.
fn command(program: &str) -> PathBuf {
    let folder = std::env::var_os(ENGINES).unwrap_or_else(|| {
        panic!(
            "{ENGINES} must be set: {ENGINES}=$(tools/scripts/engines.sh), which says what it can't fetch; `make test` \
             does it"
        )
    });
    Path::new(&folder).join(program)
}
