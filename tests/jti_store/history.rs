//! Random requests and random faults, and what the answers and the engine must agree on afterwards.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use kit::engines::Etcd;
use kit::envoy;
use kit::relay::{Loss, Relay};
use serde_json::{Value, json};

use crate::checker::{History, Key, Revision, Revisions};
use crate::record::{Record, VERDICTS, count, counted, name, newest_envoy, seed};
use crate::setup::{Engine, Fleet, PREFIX, Settings};

const SECONDS: &str = "HISTORY_SECONDS";

const CLIENTS: usize = 12;

/// Shorter than most faults.
const TIMEOUT_MILLISECONDS: u32 = 500;

/// How long all may take that is still under way when the last fault is over.
const SETTLED: Duration = Duration::from_secs(2);

#[test]
fn a_short_random_run_has_a_valid_history() {
    run(&newest_envoy(), Duration::from_secs(8));
}

#[test]
#[ignore = "takes two minutes for each Envoy, or HISTORY_SECONDS: CONTRIBUTING.md"]
fn a_long_random_run_has_a_valid_history() {
    let seconds = std::env::var(SECONDS).map_or(120, |text| text.parse().unwrap());
    for binary in envoy::binaries() {
        run(&binary, Duration::from_secs(seconds));
    }
}

fn run(binary: &Path, duration: Duration) {
    let seed = seed();
    let engine = Engine::etcd(3);
    let Engine::Etcd(etcd) = &engine else { unreachable!() };
    let relays: Vec<_> = engine.addresses().into_iter().map(|node| Relay::start(node).unwrap()).collect();
    let cluster = Some(engine.cluster_at(&relays.iter().map(Relay::address).collect::<Vec<_>>()));
    let settings = Settings { timeout_milliseconds: TIMEOUT_MILLISECONDS, cluster, ..Settings::default() };
    let fleet = Fleet::start(binary, &engine, &settings);
    let record = Record::new();
    let is_over = AtomicBool::new(false);
    let (faults, revisions) = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|node| {
                let (record, is_over) = (&record, &is_over);
                scope.spawn(move || read_revisions(etcd, node, record, is_over))
            })
            .collect();
        let faults = record.under_load(&fleet, CLIENTS, seed, || inject(&engine, &relays, &record, seed, duration));
        thread::sleep(SETTLED);
        is_over.store(true, Ordering::SeqCst);
        (faults, readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect::<Vec<_>>())
    });
    let answers = record.answers();
    let history = History { by_token: record.by_token(), keys: keys(etcd), revisions: Revisions::new(&revisions) };
    let (accepted, used) = record.ask_again(&fleet);
    let lost: usize = relays.iter().map(Relay::lost).sum();
    println!(
        "{}, {duration:?}: {} tokens; accepted, S403JU, S503JS {:?}; {faults:?}, {lost} answers lost; {} keys, {} reads \
         of the revision; of the tokens with nothing but S503JS, {accepted} were accepted at the end, {used} were used \
         up; {:?}",
        name(binary),
        history.by_token.len(),
        VERDICTS.map(|verdict| count(&answers.iter().collect::<Vec<_>>(), &verdict)),
        history.keys.len(),
        revisions.len(),
        counted(&fleet),
    );
    record.assert_once(&fleet);
    history.check(used);
}

/// Harms random nodes and their connections, at most two of them at once, and heals them all at the end. Returns how
/// often it did what.
fn inject(
    engine: &Engine,
    relays: &[Relay],
    record: &Record,
    seed: u64,
    duration: Duration,
) -> HashMap<&'static str, usize> {
    let nodes = engine.processes();
    let mut random = Rng::with_seed(seed);
    let mut harmed = [false; 3];
    let mut faults = HashMap::new();
    let end = record.now() + duration;
    while record.now() < end {
        thread::sleep(Duration::from_millis(random.u64(50..300)));
        let node = random.usize(..nodes.len());
        if harmed[node] {
            heal(engine, relays, node);
            harmed[node] = false;
        } else if harmed.iter().filter(|harmed| **harmed).count() < 2 {
            harmed[node] = true;
            let answers = random.usize(1..20);
            let fault = random.usize(..FAULTS.len());
            match FAULTS[fault] {
                "killed" => nodes[node].kill(),
                "suspended" => nodes[node].stop(),
                "cut" => relays[node].cut(),
                "closing" => relays[node].lose(answers, Loss::Closing),
                _ => relays[node].lose(answers, Loss::Silent),
            }
            *faults.entry(FAULTS[fault]).or_default() += 1;
        }
    }
    (0..nodes.len()).for_each(|node| heal(engine, relays, node));
    engine.revive();
    faults
}

const FAULTS: [&str; 5] = ["killed", "suspended", "cut", "closing", "silent"];

fn heal(engine: &Engine, relays: &[Relay], node: usize) {
    let process = engine.processes()[node];
    if process.id().is_none() {
        process.restart().unwrap();
    } else if !process.is_running() {
        process.cont();
    }
    relays[node].mend().unwrap();
}

/// Reads the revision at a node again and again, as long as the node runs.
fn read_revisions(etcd: &Etcd, node: usize, record: &Record, is_over: &AtomicBool) -> Vec<Revision> {
    let mut revisions = Vec::new();
    while !is_over.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(20));
        let from = record.now();
        if etcd.nodes()[node].is_running()
            && let Ok(answer) = etcd.call(node, "/v3/kv/range", &json!({"key": STANDARD.encode("none")}))
        {
            revisions.push(Revision { from, to: record.now(), number: number(&answer["header"]["revision"]) });
        }
    }
    revisions
}

/// All keys with the prefix, read by the whole cluster.
fn keys(etcd: &Etcd) -> HashMap<String, Key> {
    let range = json!({"key": STANDARD.encode(PREFIX), "range_end": STANDARD.encode("jwt-auth/jti0")});
    let answer = etcd.call(0, "/v3/kv/range", &range).unwrap();
    let found = answer["kvs"].as_array().unwrap().iter().map(|one| {
        let key = String::from_utf8(STANDARD.decode(one["key"].as_str().unwrap()).unwrap()).unwrap();
        let (created, changed) = (number(&one["create_revision"]), number(&one["mod_revision"]));
        (key, Key { created, changed, has_lease: one["lease"].is_string() })
    });
    found.collect()
}

/// A 64-bit number in JSON.
fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}
