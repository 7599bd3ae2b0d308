//! The engines that the variants with `jtiStore` ask.

use std::net::SocketAddr;
use std::time::Duration;

use kit::bootstrap::Cluster;
use kit::engines::{Etcd, Persistence, Redis, Webdis};

use crate::{bare, cpu};

/// How late the late server answers.
const DELAY: Duration = Duration::from_millis(2);

/// What answers the calls of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A server of this process that only answers. Its CPU time is not measured.
    BareHttp1,
    BareHttp2,
    /// About as late as etcd with three nodes: while Envoy waits, other processes use its CPU caches.
    LateHttp2,
    Redis,
    /// With this many nodes.
    Etcd(usize),
}

/// A running engine.
pub(crate) enum Running {
    Bare(Cluster),
    /// Redis with Webdis.
    Redis(Redis, Webdis),
    Etcd(Etcd),
}

impl Kind {
    /// `kind` of `jtiStore`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BareHttp1 | Self::Redis => "redis",
            Self::BareHttp2 | Self::LateHttp2 | Self::Etcd(_) => "etcd",
        }
    }

    /// Starts it, for the cluster called `cluster`.
    pub(crate) fn start(self, cluster: &str) -> Result<Running, String> {
        let bare = |started: std::io::Result<SocketAddr>| {
            let address = started.map_err(|error| format!("{cluster}: {error}"))?;
            Ok::<_, String>(Cluster::new(cluster, address))
        };
        Ok(match self {
            Self::BareHttp1 => Running::Bare(bare(bare::start_http1())?),
            Self::BareHttp2 => Running::Bare(bare(bare::start_http2(Duration::ZERO))?.over_http2()),
            Self::LateHttp2 => Running::Bare(bare(bare::start_http2(DELAY))?.over_http2()),
            Self::Redis => {
                let redis = Redis::start(Persistence::Nothing)?;
                let webdis = Webdis::start(redis.address())?;
                Running::Redis(redis, webdis)
            }
            Self::Etcd(nodes) => Running::Etcd(Etcd::start(nodes)?),
        })
    }
}

impl Running {
    /// The cluster that Envoy calls.
    pub(crate) fn cluster(&self, name: &str) -> Cluster {
        match self {
            Self::Bare(cluster) => cluster.clone(),
            Self::Redis(_, webdis) => Cluster::new(name, webdis.address()),
            Self::Etcd(etcd) => Cluster::with_hosts(name, &etcd.addresses()).over_http2(),
        }
    }

    /// The CPU time of its processes so far, in nanoseconds; `None` for a server of this process.
    pub(crate) fn cpu(&self) -> Result<Option<u64>, String> {
        let processes: Vec<Option<u32>> = match self {
            Self::Bare(_) => return Ok(None),
            Self::Redis(redis, webdis) => vec![redis.process().id(), webdis.process().id()],
            Self::Etcd(etcd) => etcd.nodes().iter().map(|node| node.id()).collect(),
        };
        processes.into_iter().flatten().map(cpu::of).sum::<Result<u64, _>>().map(Some)
    }
}
