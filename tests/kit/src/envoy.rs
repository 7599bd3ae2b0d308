//! Live Envoy processes.

mod process;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::bootstrap::{Bootstrap, Delivery, LDS_FILE, Listener, lds_response};
use crate::http::{Address, Connection, RequestBuilder, Response, exchange};
pub use process::log_tail;
use process::{Launch, Process, wait_for};

/// The environment variable that lists the Envoy binaries to test with, separated by colons.
pub const BINARIES: &str = "ENVOY_BINARIES";

const BOOTSTRAP_FILE: &str = "envoy.json";

/// How long a start or an update may take. Compiling a Wasm module on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Envoy binaries that [`BINARIES`] lists.
///
/// # Panics
/// When it is unset or empty: a test that needs Envoy must not pass without one.
pub fn binaries() -> Vec<PathBuf> {
    let variable = std::env::var_os(BINARIES).unwrap_or_default();
    let binaries: Vec<PathBuf> = std::env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty()).collect();
    assert!(
        !binaries.is_empty(),
        "{BINARIES} must list the Envoy binaries to test with, separated by colons; `make test` installs them and sets it"
    );
    binaries
}

/// An Envoy process in its own temporary directory. It is killed when this is dropped, so don't keep one in a `static`,
/// which is never dropped.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    workers: u32,
    /// The version of the LDS file; `None` if there is none.
    lds: Option<u64>,
}

/// The result of a listener update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Every worker serves the new listeners.
    Accepted,
    /// Envoy rejected at least one of them and keeps the old one. Contains Envoy's log from that time.
    Rejected(String),
}

impl Envoy {
    /// Starts `binary` with `bootstrap` and `concurrency` workers, and waits until every worker serves every listener.
    ///
    /// # Errors
    /// When Envoy exits or isn't ready within a minute. The message ends with the end of Envoy's log.
    pub fn start(binary: &Path, bootstrap: &Bootstrap, concurrency: u32) -> Result<Self, String> {
        Self::launch(launch(binary, bootstrap, concurrency), bootstrap)
    }

    /// Like [`Self::start`], with a clock that is so many seconds ahead. Timers are right. Needs the C compiler `cc`.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_ahead(
        binary: &Path,
        bootstrap: &Bootstrap,
        concurrency: u32,
        ahead_seconds: u32,
    ) -> Result<Self, String> {
        Self::launch(Launch { ahead_seconds, ..launch(binary, bootstrap, concurrency) }, bootstrap)
    }

    /// Like [`Self::start`], so that [`Self::replace`] can replace it.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_replaceable(binary: &Path, bootstrap: &Bootstrap, concurrency: u32) -> Result<Self, String> {
        Self::launch(Launch { epoch: Some(0), ..launch(binary, bootstrap, concurrency) }, bootstrap)
    }

    /// Starts a process with the same files that takes over the sockets, Envoy's "hot restart". This one serves the
    /// connections that it has until it is dropped. [`Self::log`] has the lines of both.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn replace(&self) -> Result<Self, String> {
        Self { process: self.process.replace()?, ..*self }.ready()
    }

    /// Like [`Self::start`], with the text of any bootstrap. The ending of `file_name` says whether it is YAML or JSON.
    /// Its `admin` is replaced. Relative paths start at Envoy's temporary directory. Listeners may use port 0.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_with(binary: &Path, file_name: &str, text: &str, concurrency: u32) -> Result<Self, String> {
        let launch = Launch {
            binary: binary.to_owned(),
            bootstrap: file_name.to_owned(),
            workers: concurrency,
            drain_seconds: 1,
            ahead_seconds: 0,
            epoch: None,
        };
        let process = Process::spawn(launch, &[(file_name, text.to_owned())])?;
        Self { process, workers: concurrency, lds: None }.ready()
    }

    fn launch(launch: Launch, bootstrap: &Bootstrap) -> Result<Self, String> {
        let mut files = vec![(BOOTSTRAP_FILE, bootstrap.render().to_string())];
        let lds = match bootstrap.delivery() {
            Delivery::Static => None,
            Delivery::Lds => {
                files.push((LDS_FILE, lds_response(1, bootstrap.listeners()).to_string()));
                Some(1)
            }
        };
        let workers = launch.workers;
        Self { process: Process::spawn(launch, &files)?, workers, lds }.ready()
    }

    fn ready(mut self) -> Result<Self, String> {
        match self.wait_until_serving() {
            Ok(()) => Ok(self),
            Err(why) => Err(self.process.failure(&why)),
        }
    }

    /// The address of the listener called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn address(&self, name: &str) -> Result<Address, String> {
        let mut addresses = self.addresses()?;
        let known = || format!("Envoy has no listener {name:?}");
        addresses.remove(name).ok_or_else(known)
    }

    /// The response of the admin interface to a `GET` of `path`, such as `/config_dump`.
    ///
    /// # Errors
    /// When Envoy has ended.
    pub fn admin(&self, path: &str) -> io::Result<Response> {
        exchange(&self.process.admin(), &RequestBuilder::get(path).build())
    }

    /// The response of the admin interface to a `POST` to `path`, such as `/logging?level=debug`.
    ///
    /// # Errors
    /// When Envoy has ended.
    pub fn admin_post(&self, path: &str) -> io::Result<Response> {
        exchange(&self.process.admin(), &RequestBuilder::post(path).body("").build())
    }

    /// The counters and gauges whose name contains `part`, by name.
    ///
    /// # Errors
    /// When Envoy has ended.
    pub fn stats(&self, part: &str) -> Result<BTreeMap<String, u64>, String> {
        let response = self.admin("/stats").map_err(|error| format!("no /stats from Envoy: {error}"))?;
        let text = response.text();
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        let matching = lines.filter(|(name, _)| name.contains(part));
        Ok(matching.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// The counter or gauge called `name`; 0 if there is none. Some only appear with their first increment.
    ///
    /// # Errors
    /// When Envoy has ended.
    pub fn stat(&self, name: &str) -> Result<u64, String> {
        Ok(self.stats(name)?.get(name).copied().unwrap_or(0))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The log so far, level info and above.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Replaces the listeners of an Envoy started with [`Bootstrap::watched`], and waits until every worker serves the
    /// new ones or Envoy rejects them. Existing connections stay with the old listeners for at most a second
    /// ([`Bootstrap::draining_for`] makes it longer).
    ///
    /// # Errors
    /// When Envoy isn't done within a minute.
    pub fn update_listeners(&mut self, listeners: &[Listener]) -> Result<Update, String> {
        let version = self.lds.ok_or("this Envoy was not started with Bootstrap::watched")? + 1;
        self.lds = Some(version);
        let before = Lds::read(self)?;
        let logged = self.log().len();
        self.process.replace_file(LDS_FILE, &lds_response(version, listeners).to_string())?;

        let outcome = wait_for(PATIENCE, || {
            self.process.check()?;
            // The admin interface does not respond while the main thread compiles a module.
            let Ok(now) = Lds::read(self) else {
                return Ok(None);
            };
            let decided = now.accepted > before.accepted || now.rejected > before.rejected;
            Ok((decided && now.settled(&before, self.workers)).then_some(now))
        });
        let now = outcome.map_err(|why| self.process.failure(&why))?;
        if now.rejected > before.rejected {
            return Ok(Update::Rejected(self.log().split_off(logged)));
        }
        Ok(Update::Accepted)
    }

    /// Stops Envoy gracefully, or kills it after 10 s. Returns its whole log.
    pub fn stop(mut self) -> String {
        // This fails if Envoy has already ended.
        let _ = self.admin_post("/quitquitquit");
        self.process.finish(Duration::from_secs(10));
        self.log()
    }

    fn wait_until_serving(&mut self) -> Result<(), String> {
        let nothing = Lds::default();
        wait_for(PATIENCE, || {
            self.process.check()?;
            // The admin interface does not respond before its socket exists, and while the main thread compiles a
            // module.
            let (Ok(info), Ok(ready), Ok(now)) = (self.admin("/server_info"), self.admin("/ready"), Lds::read(self))
            else {
                return Ok(None);
            };
            // The process that this one replaces answers until this one takes over the socket.
            if !info.text().contains(&format!("\"restart_epoch\": {},", self.process.epoch())) {
                return Ok(None);
            }
            if now.rejected > 0 {
                return Err("Envoy rejected the first listeners".to_owned());
            }
            let loaded = self.lds.is_none() || now.accepted > 0;
            let live = ready.text().trim() == "LIVE";
            Ok((live && loaded && now.settled(&nothing, self.workers)).then_some(()))
        })?;
        for (name, address) in self.addresses()? {
            Connection::open(&address).map_err(|error| format!("listener {name} on {address}: {error}"))?;
        }
        Ok(())
    }

    fn addresses(&self) -> Result<BTreeMap<String, Address>, String> {
        let response =
            self.admin("/listeners?format=json").map_err(|error| format!("no /listeners from Envoy: {error}"))?;
        let listeners: Value =
            serde_json::from_slice(&response.body).map_err(|error| format!("/listeners: {error}"))?;
        let statuses = listeners["listener_statuses"].as_array().cloned().unwrap_or_default();
        let named = |status: &Value| Some((status["name"].as_str()?.to_owned(), self.local_address(status)?));
        Ok(statuses.iter().filter_map(named).collect())
    }

    fn local_address(&self, status: &Value) -> Option<Address> {
        let address = &status["local_address"];
        if let Some(path) = address["pipe"]["path"].as_str() {
            return Some(Address::Unix(self.process.directory().join(path)));
        }
        let ip: IpAddr = address["socket_address"]["address"].as_str()?.parse().ok()?;
        let port: u16 = address["socket_address"]["port_value"].as_u64()?.try_into().ok()?;
        Some(Address::Tcp((ip, port).into()))
    }
}

fn launch(binary: &Path, bootstrap: &Bootstrap, workers: u32) -> Launch {
    Launch {
        binary: binary.to_owned(),
        bootstrap: BOOTSTRAP_FILE.to_owned(),
        workers,
        drain_seconds: bootstrap.drain_seconds(),
        ahead_seconds: 0,
        epoch: None,
    }
}

/// Counters of Envoy's listener manager.
#[derive(Default)]
struct Lds {
    accepted: u64,
    rejected: u64,
    /// Listeners added or changed.
    changed: u64,
    /// Listeners added or changed, counted once for each worker that has them.
    on_workers: u64,
    warming: u64,
}

impl Lds {
    fn read(envoy: &Envoy) -> Result<Self, String> {
        let stats = envoy.stats("listener_manager.")?;
        let stat = |name: &str| stats.get(&format!("listener_manager.{name}")).copied().unwrap_or(0);
        Ok(Self {
            accepted: stat("lds.update_success"),
            rejected: stat("lds.update_rejected"),
            changed: stat("listener_added") + stat("listener_modified"),
            on_workers: stat("listener_create_success"),
            warming: stat("total_listeners_warming"),
        })
    }

    /// Whether all workers have the changes made since `before`.
    fn settled(&self, before: &Self, workers: u32) -> bool {
        let awaited = (self.changed - before.changed) * u64::from(workers);
        self.warming == 0 && self.on_workers - before.on_workers >= awaited
    }
}
