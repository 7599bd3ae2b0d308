//! Nodes of etcd that are killed, or that hang, while clients send requests.

use std::thread;
use std::time::Duration;

use kit::engines::{EngineProcess, Etcd};

use crate::record::{Answer, Record, VERDICTS, count, newest_envoy, seed, within};
use crate::setup::{Engine, Fleet, Settings, Verdict};

/// How long clients send requests before and after an outage.
const CALM: Duration = Duration::from_secs(1);

const OUTAGE: Duration = Duration::from_secs(3);

/// `timeoutMilliseconds`. It is longer than an election, also on a busy machine.
const TIMEOUT_MILLISECONDS: u32 = 2000;

const CLIENTS: usize = 12;

#[test]
fn two_nodes_of_three_do_without_a_dead_follower() {
    let (accepted, unavailable) = drill("a follower was killed", follower, EngineProcess::kill);
    assert!(accepted > unavailable);
}

#[test]
fn two_nodes_of_three_do_without_a_dead_leader() {
    let (accepted, unavailable) = drill("the leader was killed", leader, EngineProcess::kill);
    assert!(accepted > unavailable);
}

#[test]
fn without_a_majority_nothing_is_accepted() {
    let (accepted, unavailable) = drill("the majority was killed", majority, EngineProcess::kill);
    assert!(accepted == 0 && unavailable > 0);
}

#[test]
fn two_nodes_of_three_do_without_a_hung_follower() {
    let (accepted, unavailable) = drill("a follower was suspended", follower, EngineProcess::stop);
    assert!(accepted > unavailable);
}

#[test]
fn two_nodes_of_three_do_without_a_hung_leader() {
    let (accepted, unavailable) = drill("the leader was suspended", leader, EngineProcess::stop);
    assert!(accepted > unavailable);
}

/// Harms nodes under load, restores them, and checks what must be true after every outage. Returns how many of the
/// requests sent and answered in the outage were accepted, and how many got S503JS. Prints its figures.
fn drill(what: &str, pick: fn(&Etcd) -> Vec<usize>, harm: fn(&EngineProcess)) -> (usize, usize) {
    let seed = seed();
    let engine = Engine::etcd(3);
    let Engine::Etcd(etcd) = &engine else { unreachable!() };
    let settings = Settings { timeout_milliseconds: TIMEOUT_MILLISECONDS, ..Settings::default() };
    let fleet = Fleet::start(&newest_envoy(), &engine, &settings);
    let record = Record::new();
    let (before, from, to, after) = record.under_load(&fleet, CLIENTS, seed, || {
        thread::sleep(CALM);
        let nodes = pick(etcd);
        let before = record.now();
        nodes.iter().for_each(|&node| harm(&etcd.nodes()[node]));
        let from = record.now();
        thread::sleep(OUTAGE);
        let to = record.now();
        engine.revive();
        let after = record.now();
        thread::sleep(CALM);
        (before, from, to, after)
    });

    let answers = record.answers();
    let counts = |answers: &[&Answer]| VERDICTS.map(|verdict| count(answers, &verdict));
    let during = counts(&within(&answers, from, to));
    let first = answers.iter().find(|answer| answer.from >= from && answer.verdict == Verdict::Accepted);
    println!(
        "{what} under load: accepted, S403JU, S503JS {:?}, of them {during:?} in the outage of {OUTAGE:?}; the first \
         accepted {:?} after its begin; {:?}",
        counts(&answers.iter().collect::<Vec<_>>()),
        first.map(|answer| answer.to - from),
        [0, 1].map(|envoy| fleet.counted(envoy)),
    );
    let (accepted, used) = record.ask_again(&fleet);
    println!("of the tokens with nothing but S503JS, {accepted} were accepted after the outage, {used} were used up");
    let calm: Vec<_> = answers.iter().filter(|answer| answer.to < before || answer.from > after).collect();
    assert_eq!(count(&calm, &Verdict::Unavailable), 0, "S503JS without an outage");
    record.assert_once(&fleet);
    (during[0], during[2])
}

fn follower(etcd: &Etcd) -> Vec<usize> {
    vec![(etcd.leader() + 1) % 3]
}

fn leader(etcd: &Etcd) -> Vec<usize> {
    vec![etcd.leader()]
}

fn majority(etcd: &Etcd) -> Vec<usize> {
    [leader(etcd), follower(etcd)].concat()
}
