//! A process: its configuration, its workers, and what it must know.

use jwt_auth::{NumericDate, Plugin};
use kit::engine_model::{Kind, Millis};
use kit::host::Memory;
use serde_json::json;

use super::checks::KEPT;
use super::flight::{CLUSTER, PREFIX};
use super::tokens::Token;
use crate::world;

/// How many workers a process has.
pub(super) const WORKERS: usize = 2;

/// The configuration of all filters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    pub(super) falls_back: bool,
    pub(super) clock_skew: u64,
    /// In milliseconds.
    pub(super) timeout: Millis,
}

impl Setting {
    pub(super) fn number(case: usize) -> Self {
        let (kind, falls_back, is_skewed) = (Kind::ALL[case % 2], case / 2 % 2 == 1, case / 4 % 2 == 1);
        let (clock_skew, timeout) = if is_skewed { (300, 5_000) } else { (0, 250) };
        Self { kind, falls_back, clock_skew, timeout }
    }

    /// Whether tokens from before the start are only accepted if the engine says so.
    pub(super) fn refuses_cold(self) -> bool {
        self.falls_back && self.clock_skew == 0
    }

    pub(super) fn plugin(self) -> Plugin {
        let on_failure = if self.falls_back { "local" } else { "refuse" };
        world::plugin(json!({
            "parameter": "t", "parameterLocation": "header", "preventJtiReplay": true,
            "clockSkewSeconds": self.clock_skew,
            "replayColdStart": if self.refuses_cold() { "refuse" } else { "accept" },
            "jtiStore": {
                "kind": self.kind.name(), "cluster": CLUSTER, "keyPrefix": PREFIX, "onFailure": on_failure,
                "timeoutMilliseconds": self.timeout,
            },
        }))
    }
}

/// A process.
pub(super) struct Process {
    /// How often it was replaced.
    pub(super) replaced: usize,
    pub(super) memory: Memory,
    pub(super) workers: Vec<Plugin>,
    /// In seconds.
    pub(super) ahead: u64,
    /// When it was started, and the latest time that it has seen, by its clock.
    pub(super) started_at: Millis,
    pub(super) latest: Millis,
    /// What it must know as used, and until when by its clock.
    known: Vec<(&'static str, Millis)>,
}

impl Process {
    pub(super) fn new(setting: Setting, replaced: usize, ahead: u64, now: Millis) -> Self {
        let started_at = now + ahead * 1000;
        let workers: Vec<Plugin> = (0..WORKERS).map(|_| setting.plugin()).collect();
        let memory = Memory::default();
        workers[0].begin(date(started_at), &memory);
        Self { replaced, memory, workers, ahead, started_at, latest: started_at, known: Vec::new() }
    }

    pub(super) fn clock(&mut self, now: Millis) -> Millis {
        let clock = now + self.ahead * 1000;
        self.latest = self.latest.max(clock);
        clock
    }

    /// Notes that it knows a token as used.
    pub(super) fn learn(&mut self, token: &'static Token) {
        if !self.knows(token) {
            self.known.push((token.identity, (token.expires + KEPT) * 1000));
        }
    }

    /// Whether it could know a token as used, if its clock was set back.
    pub(super) fn may_know(&self, token: &Token) -> bool {
        self.known.iter().any(|(identity, _)| *identity == token.identity)
    }

    /// Whether it must know a token as used.
    pub(super) fn knows(&self, token: &Token) -> bool {
        self.known.iter().any(|(identity, end)| *identity == token.identity && *end > self.latest)
    }
}

/// The time that a filter is given. It is slightly later, so that the filter rounds it down to the same milliseconds.
pub(super) fn date(clock: Millis) -> NumericDate {
    NumericDate::from_unix_seconds((clock as f64 + 0.25) / 1000.0)
}
