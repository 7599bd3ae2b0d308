//! The engines of `jtiStore`: etcd, and Redis with Webdis, as live processes on free ports of 127.0.0.1.
//!
//! Their methods take `&self`, so that a test can kill a process while its other threads send requests.

mod etcd;
mod process;
mod redis;
mod resp;
mod webdis;

pub use etcd::Etcd;
pub use process::EngineProcess;
pub use redis::{Persistence, Redis};
pub use resp::Reply;
pub use webdis::Webdis;

/// The environment variable that names the folder with the commands `etcd`, `redis-server` and `webdis`.
pub const ENGINES: &str = "ENGINES";

/// A key in an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// In how many whole seconds the engine deletes it; `None`: never.
    pub ttl_seconds: Option<u64>,
}
