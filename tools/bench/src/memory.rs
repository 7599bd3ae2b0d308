//! Measures the memory of the filter and the time to load it.

use std::time::Instant;

use serde::Serialize;

use crate::load::{self, CONNECTIONS, Load, Wrk};
use crate::median::median;
use crate::proxy::Proxy;
use crate::settings::Settings;
use crate::tokens::{self, Issuer, Kind};
use crate::variant::{self, Variant};

/// Sizes in bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    /// An Envoy with one worker, without a filter.
    pub(crate) envoy: u64,
    /// The same Envoy with this filter, before any request.
    pub(crate) loaded: u64,
    /// The same Envoy after its token cache is full, with the default limits.
    pub(crate) full: u64,
    /// The additional memory of another worker with a full cache.
    pub(crate) another_worker: u64,
    /// The size of the module.
    pub(crate) module: u64,
    /// The time in milliseconds that another VM of the module adds to the start of an Envoy with one worker. The module
    /// is compiled once, and then started to check the configuration, for the main thread, and for the worker.
    pub(crate) start_millis: f64,
}

/// More than fits into a cache by default.
const TOKENS: usize = 6_000;
const MORE_VMS: usize = 4;
const STARTS: usize = 3;

/// Starts Envoys to measure each value.
pub(crate) fn measure(settings: &Settings) -> Result<Memory, String> {
    eprintln!("bench: memory");
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let variants = variant::all(settings);
    let named = |name: &str| variants.iter().find(|variant| variant.name == name).cloned().ok_or("no such variant");
    let (none, many) = (named("none")?, named("many")?);
    let file = tokens::file(folder.path(), Kind::Good(kit::issuer::Algorithm::RS256), 0);
    Issuer::new().write(&file, many.tokens, 0, TOKENS + load::spare(CONNECTIONS))?;
    let wrk = Wrk::new(&settings.wrk, folder.path())?;
    let load = Load { tokens: &file, count: TOKENS, same: false, content: many.content, connections: CONNECTIONS };
    let full = |workers| {
        let proxy = Proxy::start(settings, std::slice::from_ref(&many), &[], workers)?;
        let loaded = proxy.resident()?;
        // Connections are distributed to the workers at random, so several rounds are needed to fill each cache.
        for _ in 0..2 * workers {
            wrk.send(proxy.address(&many)?, &load)?;
        }
        Ok::<_, String>((loaded, proxy.resident()?))
    };
    let (loaded, full_one) = full(1)?;
    let (_, full_two) = full(2)?;
    Ok(Memory {
        envoy: Proxy::start(settings, &[none], &[], 1)?.resident()?,
        loaded,
        full: full_one,
        another_worker: full_two.saturating_sub(full_one),
        module: std::fs::metadata(&settings.filter).map_err(|error| format!("the filter: {error}"))?.len(),
        start_millis: start_millis(settings, &many)?,
    })
}

fn start_millis(settings: &Settings, variant: &Variant) -> Result<f64, String> {
    let names = ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"];
    let start = |vms: usize| {
        let variants: Vec<_> = names.into_iter().take(vms).map(|name| Variant { name, ..variant.clone() }).collect();
        let started = Instant::now();
        Proxy::start(settings, &variants, &[], 1)?;
        Ok::<_, String>(started.elapsed().as_secs_f64() * 1_000.0)
    };
    let mut added = Vec::new();
    for _ in 0..STARTS {
        added.push((start(1 + MORE_VMS)? - start(1)?) / MORE_VMS as f64);
    }
    Ok(median(&added))
}
