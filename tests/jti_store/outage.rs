//! Nodes of etcd that are killed, or that hang, while clients send requests.

use kit::bootstrap::Cluster;
use kit::engines::{EngineProcess, Etcd};

use crate::drill::{Outage, checked, drill};
use crate::setup::Engine;

#[test]
fn two_nodes_of_three_do_without_a_dead_follower() {
    nodes("a follower was killed", follower, EngineProcess::kill, checked).assert_survived();
}

#[test]
fn two_nodes_of_three_do_without_a_dead_leader() {
    nodes("the leader was killed", leader, EngineProcess::kill, checked).assert_survived();
}

#[test]
fn without_a_majority_nothing_is_accepted() {
    nodes("the majority was killed", majority, EngineProcess::kill, checked).assert_total();
}

#[test]
fn two_nodes_of_three_do_without_a_hung_follower() {
    nodes("a follower was suspended", follower, EngineProcess::stop, checked).assert_survived();
}

#[test]
fn two_nodes_of_three_do_without_a_hung_leader() {
    nodes("the leader was suspended", leader, EngineProcess::stop, checked).assert_survived();
}

/// One call in three waits for half of its time.
#[test]
fn without_health_checks_another_attempt_finds_a_node_that_answers() {
    nodes("a follower was suspended, no health checks", follower, EngineProcess::stop, |all| all).assert_survived();
}

fn nodes(
    what: &str,
    pick: fn(&Etcd) -> Vec<usize>,
    harm: fn(&EngineProcess),
    cluster: fn(Cluster) -> Cluster,
) -> Outage {
    let engine = Engine::etcd(3);
    let Engine::Etcd(etcd) = &engine else { unreachable!() };
    let harm = || {
        let lost = pick(etcd);
        lost.iter().for_each(|&node| harm(&etcd.nodes()[node]));
        if lost.len() == 1 {
            // How long an election takes is up to etcd, and to luck: votes may be split.
            etcd.leader_besides(&lost);
        }
    };
    drill(what, &engine, cluster(engine.cluster()), harm, || engine.revive())
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
