//! Settings from environment variables. All except `ENVOY` have a default:
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `ENVOY` | | the Envoy binary |
//! | `JWT_AUTH_WASM` | `dist/jwt-auth.wasm` | the filter |
//! | `JWT_AUTH` | `dist/jwt-auth` | the command |
//! | `RUN_DIR` | `run`, with `--compose` `run/compose` | the folder for configurations, keys and logs |
//! | `PORT` | 10000 | the main listener |
//! | `REPLAY_PORT` | 10001 | the listener where each `jti` is accepted once |
//! | `BROKEN_PORT` | 10002 | the listener with an error in its plugin configuration |
//! | `RESOURCE_PORT` | 10005 | the listener that is an OAuth 2.0 resource server with DPoP |
//! | `UPSTREAM_PORT` | 18080 | the upstream |
//! | `TOKEN_PORT` | 8080 | the token service |
//! | `ADMIN_PORT` | 9901 | Envoy's admin interface |
//!
//! With `--fleet`, `RUN_DIR` is `run/fleet`, and these replace `PORT`, `REPLAY_PORT`, `BROKEN_PORT` and `ADMIN_PORT`:
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `ETCD` | | the program `etcd` |
//! | `FIRST_PORT`, `SECOND_PORT` | 10003, 10004 | the two Envoys |
//! | `FIRST_ADMIN_PORT`, `SECOND_ADMIN_PORT` | 9903, 9904 | their admin interfaces |
//!
//! Port 0 means any free port.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// The paths of the demo.
pub(crate) struct Paths {
    run: PathBuf,
}

impl Paths {
    /// Creates the folder for configurations and logs: `RUN_DIR`, or `default`.
    pub(crate) fn from_environment(default: &str) -> Result<Self, String> {
        let run = PathBuf::from(env::var_os("RUN_DIR").unwrap_or_else(|| default.into()));
        fs::create_dir_all(&run).map_err(|error| format!("can't create {}: {error}", run.display()))?;
        Ok(Self { run })
    }

    /// The folder for configurations and logs.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// Locks the folder against other demos until the file is dropped.
    pub(crate) fn lock(&self) -> Result<File, String> {
        let path = self.run.join("lock");
        let failed = |error: &dyn std::fmt::Display| format!("can't lock {}: {error}", path.display());
        let file = File::create(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(format!(
                "another demo has its keys in {0}: end it, or name another folder with RUN_DIR=<folder>",
                self.run.display()
            )),
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.run.join(name);
        fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))?;
        Ok(path)
    }

    /// The Envoy binary.
    pub(crate) fn envoy(&self) -> Result<PathBuf, String> {
        let path = env::var_os("ENVOY").ok_or("ENVOY must name an Envoy binary; `make run` sets it")?;
        existing(path.into())
    }

    /// The program etcd.
    pub(crate) fn etcd(&self) -> Result<PathBuf, String> {
        let path = env::var_os("ETCD").ok_or("ETCD must name the program etcd; `make run FLEET=1` sets it")?;
        existing(path.into())
    }

    /// The filter.
    pub(crate) fn wasm(&self) -> Result<PathBuf, String> {
        let path = env::var_os("JWT_AUTH_WASM").unwrap_or_else(|| "dist/jwt-auth.wasm".into());
        existing(path.into()).map_err(|error| format!("{error}; run `make build`"))
    }

    /// The command `jwt-auth`.
    pub(crate) fn jwt_auth(&self) -> Result<PathBuf, String> {
        let path = env::var_os("JWT_AUTH").unwrap_or_else(|| "dist/jwt-auth".into());
        existing(path.into()).map_err(|error| format!("{error}; run `make cli`"))
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The ports that the demo listens on.
pub(crate) struct Ports {
    pub(crate) main: u16,
    pub(crate) replay: u16,
    pub(crate) broken: u16,
    pub(crate) resource: u16,
    pub(crate) upstream: u16,
    pub(crate) tokens: u16,
    pub(crate) admin: u16,
}

impl Ports {
    /// The configured ports, after a check that all are free. Two Envoys could share a port without an error, and each
    /// would get some of the requests.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let mut free = FreePorts::default();
        Ok(Self {
            main: free.port("PORT", DEFAULT.main)?,
            replay: free.port("REPLAY_PORT", DEFAULT.replay)?,
            broken: free.port("BROKEN_PORT", DEFAULT.broken)?,
            resource: free.port("RESOURCE_PORT", DEFAULT.resource)?,
            upstream: free.port("UPSTREAM_PORT", DEFAULT.upstream)?,
            tokens: free.port("TOKEN_PORT", DEFAULT.tokens)?,
            admin: free.port("ADMIN_PORT", DEFAULT.admin)?,
        })
    }

    /// The ports that docker-compose.yaml publishes. They may be in use.
    pub(crate) fn published() -> Result<Self, String> {
        Ok(Self {
            main: port("PORT", DEFAULT.main)?,
            replay: port("REPLAY_PORT", DEFAULT.replay)?,
            broken: port("BROKEN_PORT", DEFAULT.broken)?,
            resource: port("RESOURCE_PORT", DEFAULT.resource)?,
            tokens: port("TOKEN_PORT", DEFAULT.tokens)?,
            admin: port("ADMIN_PORT", DEFAULT.admin)?,
            ..DEFAULT
        })
    }
}

/// The ports of the demo with two Envoys.
pub(crate) struct FleetPorts {
    pub(crate) envoys: [EnvoyPorts; 2],
    pub(crate) upstream: u16,
    pub(crate) tokens: u16,
    pub(crate) etcd: [NodePorts; 3],
}

/// The ports of one of its Envoys.
#[derive(Clone, Copy)]
pub(crate) struct EnvoyPorts {
    pub(crate) main: u16,
    pub(crate) admin: u16,
}

/// The ports of a node of etcd. Any free ones.
#[derive(Clone, Copy, Default)]
pub(crate) struct NodePorts {
    pub(crate) clients: u16,
    pub(crate) peers: u16,
}

impl FleetPorts {
    /// The configured ports, after a check that all are free.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let mut free = FreePorts::default();
        let mut ports = Self::chosen(|variable, default| free.port(variable, default))?;
        for node in &mut ports.etcd {
            *node = NodePorts { clients: free.any()?, peers: free.any()? };
        }
        Ok(ports)
    }

    /// The ports that docker-compose.yaml publishes. They may be in use.
    pub(crate) fn published() -> Result<Self, String> {
        Self::chosen(port)
    }

    fn chosen(mut port: impl FnMut(&str, u16) -> Result<u16, String>) -> Result<Self, String> {
        Ok(Self {
            envoys: [
                EnvoyPorts { main: port("FIRST_PORT", 10003)?, admin: port("FIRST_ADMIN_PORT", 9903)? },
                EnvoyPorts { main: port("SECOND_PORT", 10004)?, admin: port("SECOND_ADMIN_PORT", 9904)? },
            ],
            upstream: port("UPSTREAM_PORT", DEFAULT.upstream)?,
            tokens: port("TOKEN_PORT", DEFAULT.tokens)?,
            etcd: Default::default(),
        })
    }
}

/// The ports of each of the two Envoys inside its container.
pub(crate) const FLEET_IN_CONTAINERS: EnvoyPorts = EnvoyPorts { main: DEFAULT.main, admin: DEFAULT.admin };

/// 10003 and 10004 are those of the two Envoys of [`FleetPorts`].
const DEFAULT: Ports =
    Ports { main: 10000, replay: 10001, broken: 10002, resource: 10005, upstream: 18080, tokens: 8080, admin: 9901 };

/// The ports inside the containers of docker-compose.yaml.
pub(crate) const IN_CONTAINERS: Ports = DEFAULT;

fn port(variable: &str, default: u16) -> Result<u16, String> {
    match env::var(variable) {
        Ok(text) if !text.is_empty() => {
            text.parse().map_err(|_| format!("{variable}={text}: expected a port, a number from 0 to 65535"))
        }
        _ => Ok(default),
    }
}

/// Free ports. Their sockets stay open until all are chosen, so that none is chosen twice.
#[derive(Default)]
struct FreePorts {
    bound: Vec<TcpListener>,
}

impl FreePorts {
    /// The configured port.
    fn port(&mut self, variable: &str, default: u16) -> Result<u16, String> {
        let port = port(variable, default)?;
        self.bind(port).map_err(|error| {
            format!("can't listen on port {port} ({error}): choose another one with {variable}=<port>")
        })
    }

    /// Any port.
    fn any(&mut self) -> Result<u16, String> {
        self.bind(0).map_err(|error| format!("no free port: {error}"))
    }

    fn bind(&mut self, port: u16) -> io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        self.bound.push(listener);
        Ok(address.port())
    }
}
