//! Runs the turns.

use std::ops::Range;
use std::path::Path;

use kit::issuer::Algorithm;
use serde::Serialize;

use crate::jti_store;
use crate::load::{self, CONNECTIONS, Load, Wrk};
use crate::median::median;
use crate::memory::{self, Memory};
use crate::proxy::Proxy;
use crate::sample;
use crate::settings::Settings;
use crate::tokens::{self, Issuer, Kind};
use crate::variant::{self, Variant};

/// The results of a run.
pub(crate) struct Results {
    pub(crate) rows: Vec<Row>,
    /// The memory of the largest replay store.
    pub(crate) store: Option<StoreMemory>,
    pub(crate) memory: Option<Memory>,
    /// The variants with `jtiStore`.
    pub(crate) jti_store: Vec<jti_store::Row>,
}

/// The memory of a replay store, in bytes.
#[derive(Debug, Serialize)]
pub(crate) struct StoreMemory {
    /// Per live `jti`.
    pub(crate) bytes_per_jti: f64,
    /// Independent of the number of `jti`s.
    pub(crate) fixed: f64,
}

/// A variant and the cost of its requests.
pub(crate) struct Row {
    pub(crate) variant: Variant,
    /// CPU time of Envoy per request in each turn, in microseconds.
    pub(crate) micros: Vec<f64>,
}

impl Row {
    /// The median of the turns.
    pub(crate) fn median(&self) -> f64 {
        median(&self.micros)
    }

    /// The cheapest turn.
    pub(crate) fn least(&self) -> f64 {
        self.micros.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The most expensive turn.
    pub(crate) fn most(&self) -> f64 {
        self.micros.iter().copied().fold(0.0, f64::max)
    }
}

/// Measures all variants.
pub(crate) fn run(settings: &Settings) -> Result<Results, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let variants = variant::all(settings);
    let bench = Bench {
        folder: folder.path(),
        issuer: Issuer::new(),
        wrk: Wrk::new(&settings.wrk, folder.path())?,
        proxy: Proxy::start(settings, &variants, &[], 1)?,
    };
    let mut store = None;
    for variant in variants.iter().filter(|variant| variant.live_jtis > 0) {
        store = Some(bench.fill(variant)?);
    }
    let mut rows: Vec<Row> = variants.into_iter().map(|variant| Row { variant, micros: Vec::new() }).collect();
    // The first turn is not counted: V8 optimizes code only after it has run for some time.
    for turn in 0..=settings.turns {
        eprintln!("bench: turn {turn} of {}", settings.turns);
        let written = bench.write_tokens(&rows, turn)?;
        for row in &mut rows {
            let micros = bench.measure(&row.variant, turn)?;
            if turn > 0 {
                row.micros.push(micros);
            }
        }
        for file in written {
            std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    drop(bench);
    let memory = settings.only.is_empty().then(|| memory::measure(settings)).transpose()?;
    Ok(Results { rows, store, memory, jti_store: jti_store::run(settings)? })
}

struct Bench<'a> {
    folder: &'a Path,
    issuer: Issuer,
    wrk: Wrk,
    proxy: Proxy,
}

impl Bench<'_> {
    /// Writes the tokens of a turn, except those that are made right before use.
    fn write_tokens(&self, rows: &[Row], turn: usize) -> Result<Vec<std::path::PathBuf>, String> {
        let mut written = Vec::new();
        for row in rows {
            let file = tokens::file(self.folder, row.variant.tokens, turn);
            if !row.variant.tokens.is_short_lived() && !written.contains(&file) {
                // All variants with the same kind of token share a file.
                let same_kind =
                    rows.iter().filter(|other| other.variant.tokens == row.variant.tokens && !other.variant.same);
                let count = same_kind.map(|other| other.variant.requests + load::spare(CONNECTIONS)).max().unwrap_or(1);
                self.issuer.write(&file, row.variant.tokens, turn * count, count)?;
                written.push(file);
            }
        }
        Ok(written)
    }

    /// The CPU time of Envoy per request, in microseconds.
    fn measure(&self, variant: &Variant, turn: usize) -> Result<f64, String> {
        let file = tokens::file(self.folder, variant.tokens, turn);
        if variant.tokens.is_short_lived() {
            let count = variant.requests + load::spare(CONNECTIONS);
            self.issuer.write(&file, variant.tokens, turn * count, count)?;
        }
        let Variant { requests: count, same, content, .. } = *variant;
        let load = Load { tokens: &file, count, same, content, connections: CONNECTIONS };
        Ok(sample::take(&self.proxy, &self.wrk, variant, &load)?.micros)
    }

    /// Uses up the `jti`s that the variant starts with. Returns the memory that they need.
    fn fill(&self, variant: &Variant) -> Result<StoreMemory, String> {
        let empty = self.proxy.resident()?;
        // By then all buckets of the store exist, and Envoy has allocated what it needs for any load.
        let begun = variant.live_jtis / 4;
        self.admit(variant, 0..begun)?;
        let some = self.proxy.resident()?;
        self.admit(variant, begun..variant.live_jtis)?;
        let all = self.proxy.resident()?;
        let each = all.saturating_sub(some) as f64 / (variant.live_jtis - begun) as f64;
        Ok(StoreMemory {
            bytes_per_jti: each,
            fixed: all.saturating_sub(empty) as f64 - each * variant.live_jtis as f64,
        })
    }

    fn admit(&self, variant: &Variant, numbers: Range<usize>) -> Result<(), String> {
        const STEP: usize = 50_000;
        let file = self.folder.join("fill.txt");
        for first in numbers.clone().step_by(STEP) {
            let count = STEP.min(numbers.end - first);
            // HS256 is the fastest to sign and to verify.
            self.issuer.write(&file, Kind::Good(Algorithm::HS256), (1 << 40) + first, count)?;
            let (content, connections) = (variant.content, CONNECTIONS);
            let count = count + load::spare(connections);
            self.wrk.send(
                self.proxy.address(variant)?,
                &Load { tokens: &file, count, same: false, content, connections },
            )?;
        }
        Ok(())
    }
}
