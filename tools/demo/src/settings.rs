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
//! | `UPSTREAM_PORT` | 18080 | the upstream |
//! | `TOKEN_PORT` | 8080 | the token service |
//! | `ADMIN_PORT` | 9901 | Envoy's admin interface |
//!
//! Port 0 means any free port.

use std::env;
use std::fs::{self, File, TryLockError};
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
    pub(crate) upstream: u16,
    pub(crate) tokens: u16,
    pub(crate) admin: u16,
}

impl Ports {
    /// The configured ports, after a check that all are free. Two Envoys could share a port without an error, and each
    /// would get some of the requests.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let mut bound = Vec::new();
        let mut free = |variable, default| -> Result<u16, String> {
            let listener = bind(variable, port(variable, default)?)?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            // Keep the socket open until all ports are chosen, so that none is chosen twice.
            bound.push(listener);
            Ok(address.port())
        };
        Ok(Self {
            main: free("PORT", DEFAULT.main)?,
            replay: free("REPLAY_PORT", DEFAULT.replay)?,
            broken: free("BROKEN_PORT", DEFAULT.broken)?,
            upstream: free("UPSTREAM_PORT", DEFAULT.upstream)?,
            tokens: free("TOKEN_PORT", DEFAULT.tokens)?,
            admin: free("ADMIN_PORT", DEFAULT.admin)?,
        })
    }

    /// The ports that docker-compose.yaml publishes. They may be in use.
    pub(crate) fn published() -> Result<Self, String> {
        Ok(Self {
            main: port("PORT", DEFAULT.main)?,
            replay: port("REPLAY_PORT", DEFAULT.replay)?,
            broken: port("BROKEN_PORT", DEFAULT.broken)?,
            tokens: port("TOKEN_PORT", DEFAULT.tokens)?,
            admin: port("ADMIN_PORT", DEFAULT.admin)?,
            ..DEFAULT
        })
    }
}

const DEFAULT: Ports = Ports { main: 10000, replay: 10001, broken: 10002, upstream: 18080, tokens: 8080, admin: 9901 };

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

fn bind(variable: &str, port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| format!("can't listen on port {port} ({error}): choose another one with {variable}=<port>"))
}
