//! `jtiStore`: what it costs to ask an engine about each `jti`.
//!
//! Each variant is measured under several loads. It is compared with the same filter without `jtiStore`, and with the
//! same filter whose calls go to a trivial server.

use std::fmt;
use std::path::Path;

use kit::bootstrap::Cluster;
use serde::Serialize;

use crate::engines::{Kind, Running};
use crate::load::{self, Load, Wrk};
use crate::median::median;
use crate::proxy::Proxy;
use crate::sample;
use crate::settings::Settings;
use crate::tokens::{self, Issuer};
use crate::variant::{self, Content, Variant};

/// The requests of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pressure {
    /// The workers of Envoy.
    pub(crate) workers: u32,
    pub(crate) connections: usize,
    pub(crate) requests: usize,
}

/// A variant under one load.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) pressure: Pressure,
    /// The row of the trivial server that speaks the same protocol.
    pub(crate) bare: Option<&'static str>,
    pub(crate) turns: Vec<Turn>,
}

/// What was measured in one turn.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Turn {
    /// The CPU time of Envoy per request, in microseconds.
    pub(crate) micros: f64,
    /// The CPU time of the engine per request, in microseconds; NaN (`null` in JSON) if it was not measured.
    pub(crate) engine_micros: f64,
    /// Half of the answers took no longer than this, in microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 answers took no longer than this, in microseconds.
    pub(crate) p99: f64,
    pub(crate) per_second: f64,
}

/// The variant without `jtiStore`.
pub(crate) const NONE: &str = "jti-none";

/// Name, label, engine, and the name of the trivial server that speaks the same protocol.
const VARIANTS: [(&str, &str, Option<Kind>, Option<&str>); 7] = [
    (NONE, "without `jtiStore`", None, None),
    ("jti-bare-http1", "a trivial server, HTTP/1.1", Some(Kind::BareHttp1), None),
    ("jti-redis", "Redis with Webdis", Some(Kind::Redis), Some("jti-bare-http1")),
    ("jti-bare-http2", "a trivial server, HTTP/2", Some(Kind::BareHttp2), None),
    ("jti-late-http2", "a trivial server, HTTP/2, after 2 ms", Some(Kind::LateHttp2), None),
    ("jti-etcd", "etcd, one node", Some(Kind::Etcd(1)), Some("jti-bare-http2")),
    ("jti-etcd3", "etcd, three nodes", Some(Kind::Etcd(3)), Some("jti-bare-http2")),
];

const fn pressure(workers: u32, connections: usize, requests: usize) -> Pressure {
    Pressure { workers, connections, requests }
}

/// With 64 connections, Envoy or the engine is the limit.
const PRESSURES: [Pressure; 4] =
    [pressure(1, 1, 1_000), pressure(1, 16, 4_000), pressure(1, 64, 6_000), pressure(2, 64, 6_000)];

/// Measures the wanted variants. Starts no engine if there is none.
pub(crate) fn run(settings: &Settings) -> Result<Vec<Row>, String> {
    let wanted: Vec<_> = VARIANTS.into_iter().filter(|(name, ..)| settings.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut subjects = Vec::new();
    for &(name, label, kind, _) in &wanted {
        let engine = kind.map(|kind| kind.start(name)).transpose()?;
        subjects.push(Subject { variant: variant::with_jti_store(name, label, kind.map(Kind::name)), engine });
    }
    let mut rows: Vec<Row> = PRESSURES
        .iter()
        .flat_map(|&pressure| {
            wanted.iter().map(move |&(name, label, _, bare)| Row { name, label, pressure, bare, turns: Vec::new() })
        })
        .collect();
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut bench = Bench::start(settings, folder.path(), &subjects)?;
    // The first turn is not counted: V8 optimizes code only after it has run for some time.
    for turn in 0..=settings.turns {
        eprintln!("bench: jtiStore, turn {turn} of {}", settings.turns);
        for pressure in PRESSURES {
            let file = bench.write_tokens(pressure)?;
            for subject in &subjects {
                let measured = bench.measure(subject, pressure, &file)?;
                let is_it = |row: &&mut Row| row.name == subject.variant.name && row.pressure == pressure;
                if let Some(row) = rows.iter_mut().find(is_it).filter(|_| turn > 0) {
                    row.turns.push(measured);
                }
            }
        }
    }
    Ok(rows)
}

impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.connections {
            1 => f.write_str("1 connection")?,
            many => write!(f, "{many} connections")?,
        }
        if self.workers == 1 { Ok(()) } else { write!(f, ", {} workers", self.workers) }
    }
}

impl Row {
    /// The median of the turns.
    pub(crate) fn median(&self, value: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(value).collect::<Vec<_>>())
    }

    /// The median of `compare`, which gets this row's value and that of `other` in the same turn.
    pub(crate) fn against(&self, other: &Self, value: impl Fn(&Turn) -> f64, compare: fn(f64, f64) -> f64) -> f64 {
        // A temporary slowdown of the machine affects both values of a turn.
        let pairs = self.turns.iter().zip(&other.turns);
        median(&pairs.map(|(turn, other)| compare(value(turn), value(other))).collect::<Vec<_>>())
    }

    /// The CPU time of Envoy, as a multiple of that with the trivial server; `None` if there is none to compare with.
    pub(crate) fn against_bare(&self, rows: &[Self]) -> Option<f64> {
        let bare = self.beside(self.bare?, rows)?;
        Some(self.against(bare, |turn| turn.micros, |own, bare| own / bare))
    }

    /// The row of another variant under the same load.
    pub(crate) fn beside<'a>(&self, name: &str, rows: &'a [Self]) -> Option<&'a Self> {
        rows.iter().find(|row| row.name == name && row.pressure == self.pressure)
    }
}

struct Subject {
    variant: Variant,
    engine: Option<Running>,
}

struct Bench<'a> {
    folder: &'a Path,
    issuer: Issuer,
    wrk: Wrk,
    /// An Envoy for each number of workers.
    proxies: Vec<(u32, Proxy)>,
    /// The number of tokens written so far.
    written: usize,
}

impl<'a> Bench<'a> {
    fn start(settings: &Settings, folder: &'a Path, subjects: &[Subject]) -> Result<Self, String> {
        let variants: Vec<Variant> = subjects.iter().map(|subject| subject.variant.clone()).collect();
        let cluster = |subject: &Subject| Some(subject.engine.as_ref()?.cluster(subject.variant.name));
        let clusters: Vec<Cluster> = subjects.iter().filter_map(cluster).collect();
        let mut proxies = Vec::new();
        for Pressure { workers, .. } in PRESSURES {
            if proxies.iter().all(|(others, _)| *others != workers) {
                proxies.push((workers, Proxy::start(settings, &variants, &clusters, workers)?));
            }
        }
        let wrk = Wrk::new(&settings.wrk, folder)?;
        Ok(Self { folder, issuer: Issuer::new(), wrk, proxies, written: 0 })
    }

    /// Writes tokens for one turn of each variant. Their `jti`s are new.
    fn write_tokens(&mut self, pressure: Pressure) -> Result<std::path::PathBuf, String> {
        let kind = tokens::Kind::Good(kit::issuer::Algorithm::RS256);
        let file = tokens::file(self.folder, kind, 0);
        let count = pressure.requests + load::spare(pressure.connections);
        self.issuer.write(&file, kind, self.written, count)?;
        self.written += count;
        Ok(file)
    }

    fn measure(&self, subject: &Subject, pressure: Pressure, tokens: &Path) -> Result<Turn, String> {
        let Pressure { workers, connections, requests: count } = pressure;
        let proxy = self.proxies.iter().find(|(has, _)| *has == workers).map(|(_, proxy)| proxy);
        let proxy = proxy.ok_or("no Envoy with so many workers")?;
        let load = Load { tokens, count, same: false, content: Content::Plain, connections };
        let engine_cpu = || subject.engine.as_ref().map_or(Ok(None), Running::cpu);
        let before = engine_cpu()?;
        let sample = sample::take(proxy, &self.wrk, &subject.variant, &load)?;
        let spent = engine_cpu()?.zip(before).map_or(f64::NAN, |(now, before)| (now - before) as f64);
        Ok(Turn {
            micros: sample.micros,
            engine_micros: spent / 1_000.0 / sample.answers as f64,
            p50: sample.seen.p50,
            p99: sample.seen.p99,
            per_second: sample.seen.per_second,
        })
    }
}
