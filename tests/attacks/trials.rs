//! Runs the attacks that send requests one after another to a configuration. All of them share one Envoy of each
//! version, which is faster than an Envoy for each.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::OnceLock;
use std::thread;

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::proxy::{cut, filter, now};
use kit::rows::{self, Request, Row, Step, World};

use crate::arena::Arena;

/// Signatures are verified by Envoy, and then by Wasm.
pub(crate) const EITHER: &[&str] = &["signatures: wasm", "signatures: host"];
/// The filter chooses who verifies signatures.
pub(crate) const CHOSEN: &[&str] = &["signatures: host"];

/// The attack of one test.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) backends: &'static [&'static str],
    pub(crate) rows: fn(&World) -> Vec<Row>,
}

/// The failures of each attack, and the harm found after all of them.
#[derive(Default)]
struct Outcome {
    failures: HashMap<&'static str, Vec<String>>,
    harm: Vec<String>,
}

/// Fails if a request of the attack did not get the expected result.
pub(crate) fn verdict(name: &str) {
    for outcome in outcomes() {
        let failures = outcome.failures.get(name).expect("the attack is listed");
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    }
}

/// No panic, no reloaded VM, and no token in the log.
#[test]
fn t21_no_attack_harms_a_worker_or_leaves_a_token_in_the_log() {
    for outcome in outcomes() {
        assert!(outcome.harm.is_empty(), "{}", outcome.harm.join("\n"));
    }
}

fn outcomes() -> &'static [Outcome] {
    static OUTCOMES: OnceLock<Vec<Outcome>> = OnceLock::new();
    OUTCOMES.get_or_init(|| {
        let binaries = envoy::binaries();
        thread::scope(|scope| {
            let trials: Vec<_> = binaries.iter().map(|binary| scope.spawn(|| try_all(binary))).collect();
            trials.into_iter().map(|trial| trial.join().expect("the thread of a trial does not panic")).collect()
        })
    })
}

fn try_all(binary: &Path) -> Outcome {
    let world = World { now: now() };
    let attacks: Vec<_> = crate::attacks().map(|attack| (attack, (attack.rows)(&world))).collect();
    let mut listeners = Vec::new();
    for (attack, rows) in &attacks {
        for (row, backend) in rows.iter().flat_map(|row| attack.backends.iter().map(move |backend| (row, backend))) {
            let filter = filter(Configuration::Text(row.config.clone()), Some(backend));
            listeners.push(Listener::new(&format!("run{}", listeners.len()), vec![filter]));
        }
    }
    let arena = Arena::start(binary, listeners);
    let mut outcome = Outcome::default();
    let (mut run, mut requests) = (0, 0);
    for (attack, rows) in &attacks {
        let failures = outcome.failures.entry(attack.name).or_default();
        for (row, backend) in rows.iter().flat_map(|row| attack.backends.iter().map(move |backend| (row, backend))) {
            let mut lane = arena.lane(&format!("run{run}"));
            run += 1;
            requests += row.steps.len();
            let failing = row.steps.iter().enumerate().filter_map(|(number, step)| {
                let why = lane.run(step).err()?;
                Some(format!("{}, request {} ({backend}), {}: {why}", row.name, number + 1, excerpt(&step.request)))
            });
            failures.extend(failing);
        }
    }
    let steps = attacks.iter().flat_map(|(_, rows)| rows).flat_map(|row| &row.steps);
    let sent: HashSet<&[u8]> =
        steps.flat_map(|step| &step.request.headers).map(|(_, value)| value.as_slice()).collect();
    outcome.harm = arena.harm(sent.into_iter());
    println!("{}: {} attacks, {run} configurations, {requests} requests", binary.display(), attacks.len());
    outcome
}

/// The beginning of a request, to identify it in a failure.
fn excerpt(request: &Request) -> String {
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {:.40}", cut(value)));
    let headers: Vec<_> = headers.collect();
    format!("{} {} {headers:?} {}", request.method, cut(&request.target), cut(request.body.as_deref().unwrap_or(b"")))
}

/// The rows of an attack under one configuration.
pub(crate) fn single(config: &str, steps: impl FnOnce() -> Vec<Step>) -> Vec<Row> {
    vec![rows::row("attack", config, steps())]
}
