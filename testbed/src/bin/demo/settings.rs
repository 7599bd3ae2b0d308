//! What the environment says. All of it has a default but `ENVOY`:
//!
//! | variable | default | meaning |
//! |---|---|---|
//! | `ENVOY` | | the Envoy binary |
//! | `JWT_AUTH_WASM` | `dist/jwt-auth.wasm` | the filter |
//! | `JWT_AUTH` | `dist/jwt-auth` | the command |
//! | `RUN_DIR` | `run` | where configurations, keys and logs go |
//! | `PORT` | 10000 | the main listener |
//! | `REPLAY_PORT` | 10001 | the listener where each `jti` is accepted once |
//! | `BROKEN_PORT` | 10002 | the listener with a faulty plugin configuration |
//! | `UPSTREAM_PORT` | 18080 | the upstream |
//! | `TOKEN_PORT` | 8080 | the token service |
//! | `ADMIN_PORT` | 9901 | Envoy's admin interface |
//!
//! Port 0 stands for any free one.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Where things are.
pub(crate) struct Paths {
    run: PathBuf,
}

impl Paths {
    /// Makes the folder for configurations and logs.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let run = PathBuf::from(env::var_os("RUN_DIR").unwrap_or_else(|| "run".into()));
        fs::create_dir_all(&run).map_err(|error| format!("can't make {}: {error}", run.display()))?;
        Ok(Self { run })
    }

    /// The folder for configurations and logs.
    pub(crate) fn run(&self) -> &Path {
        &self.run
    }

    /// Writes a file into that folder.
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
        existing(path.into()).map_err(|error| format!("{error}; `make build` makes the filter"))
    }

    /// The command `jwt-auth`.
    pub(crate) fn jwt_auth(&self) -> Result<PathBuf, String> {
        let path = env::var_os("JWT_AUTH").unwrap_or_else(|| "dist/jwt-auth".into());
        existing(path.into()).map_err(|error| format!("{error}; `make cli` makes the command"))
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, String> {
    fs::canonicalize(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The ports of 127.0.0.1 that the demo listens on.
pub(crate) struct Ports {
    pub(crate) main: u16,
    pub(crate) replay: u16,
    pub(crate) broken: u16,
    pub(crate) upstream: u16,
    pub(crate) tokens: u16,
    pub(crate) admin: u16,
}

impl Ports {
    /// Ports that are all free at this moment. Envoy itself would share one with another Envoy, and each would get a part
    /// of the requests.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let mut bound = Vec::new();
        let mut free = |variable, default| -> Result<u16, String> {
            let listener = bind(variable, port(variable, default)?)?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            // Held until all are chosen, so that none is chosen twice.
            bound.push(listener);
            Ok(address.port())
        };
        Ok(Self {
            main: free("PORT", MAIN)?,
            replay: free("REPLAY_PORT", 10001)?,
            broken: free("BROKEN_PORT", 10002)?,
            upstream: free("UPSTREAM_PORT", 18080)?,
            tokens: free("TOKEN_PORT", TOKENS)?,
            admin: free("ADMIN_PORT", 9901)?,
        })
    }
}

const MAIN: u16 = 10000;
const TOKENS: u16 = 8080;

/// The port of the main listener, free or not.
pub(crate) fn main_port() -> Result<u16, String> {
    port("PORT", MAIN)
}

/// The port of the token service, free or not.
pub(crate) fn token_port() -> Result<u16, String> {
    port("TOKEN_PORT", TOKENS)
}

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
