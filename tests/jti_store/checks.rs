//! What drills look at besides responses.

use std::thread;
use std::time::{Duration, Instant};

use crate::setup::{Engine, Fleet, PREFIX};

/// How long [`await_lines`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines about the engine in the log of an Envoy, each from its level on: `[warning] jwt-auth: …`.
pub(crate) fn engine_lines(fleet: &Fleet, envoy: usize) -> Vec<String> {
    let line = |line: &str| {
        let (_, message) = line.split_once("jwt-auth: ")?;
        let level = ["[warning]", "[info]", "[error]"].into_iter().find(|level| line.contains(level))?;
        message.starts_with("jtiStore: ").then(|| format!("{level} {message}"))
    };
    fleet.proxies[envoy].envoy.log().lines().filter_map(line).collect()
}

/// Waits until an Envoy has logged exactly these lines about the engine.
pub(crate) fn await_lines(fleet: &Fleet, envoy: usize, expected: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = engine_lines(fleet, envoy);
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "Envoy {envoy} logged {found:#?}, expected {expected:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The failures that an Envoy has counted, by reason, once all workers have reported.
pub(crate) fn failures(fleet: &Fleet, envoy: usize) -> Vec<(String, u64)> {
    let counted = fleet.counted(envoy).into_iter();
    counted.filter_map(|(name, count)| Some((name.strip_prefix("failed.")?.to_owned(), count))).collect()
}

/// The number of `jti`s in the engine with the default prefix, each of which must have a hash as its value.
pub(crate) fn stored(engine: &Engine) -> usize {
    let entries = engine.entries(PREFIX);
    for entry in &entries {
        let is_hash = entry.value.len() == 32 && entry.value.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hash && entry.ttl_seconds.is_some(), "{entry:?}");
    }
    entries.len()
}
