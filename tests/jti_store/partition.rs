//! Networks that lose packets between Envoy and nodes of etcd, or between the nodes.
//!
//! Each node has its own network namespace. Where the user may not create one, these tests only say so.

use std::io::Write as _;

use kit::engines::Etcd;
use kit::network::{Isolation, Network, Place, isolated};

use crate::drill::{Outage, checked, drill};
use crate::setup::Engine;

const NODES: [usize; 3] = [0, 1, 2];

#[test]
fn two_nodes_of_three_do_without_one_that_envoy_can_not_reach() {
    partition(
        "two_nodes_of_three_do_without_one_that_envoy_can_not_reach",
        Outage::assert_survived,
        |network, etcd| {
            network.cut(Place::Test, Place::Node(etcd.leader()));
        },
    );
}

/// It still gets requests, and has no majority for them.
#[test]
fn a_leader_that_has_lost_the_other_nodes_accepts_nothing() {
    partition("a_leader_that_has_lost_the_other_nodes_accepts_nothing", Outage::assert_survived, |network, etcd| {
        let leader = etcd.leader();
        for other in NODES.into_iter().filter(|&node| node != leader) {
            network.cut(Place::Node(leader), Place::Node(other));
        }
        // How long an election takes is up to etcd, and to luck: votes may be split.
        etcd.leader_besides(&[leader]);
    });
}

#[test]
fn nodes_that_have_all_lost_each_other_accept_nothing() {
    partition("nodes_that_have_all_lost_each_other_accept_nothing", Outage::assert_total, |network, _| {
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            network.cut(Place::Node(one), Place::Node(other));
        }
    });
}

/// The engine records what it is asked, and Envoy can not know it.
#[test]
fn a_request_whose_answer_is_lost_on_the_way_is_repeated_at_another_node() {
    let test = "a_request_whose_answer_is_lost_on_the_way_is_repeated_at_another_node";
    partition(test, Outage::assert_survived, |network, etcd| network.lose(Place::Node(etcd.leader()), Place::Test));
}

#[test]
fn without_any_answer_nothing_is_accepted() {
    partition("without_any_answer_nothing_is_accepted", Outage::assert_total, |network, _| {
        NODES.into_iter().for_each(|node| network.lose(Place::Node(node), Place::Test));
    });
}

/// Runs a drill in a network of its own, where `harm` cuts connections.
fn partition(test: &str, expected: fn(Outage), harm: fn(&Network, &Etcd)) {
    match isolated(&format!("partition::{test}")) {
        Isolation::Inside => {
            let network = Network::start(NODES.len()).unwrap();
            let engine = Engine::Etcd(Etcd::start_in(&network).unwrap());
            let Engine::Etcd(etcd) = &engine else { unreachable!() };
            let mend = || {
                network.mend();
                engine.revive();
            };
            expected(drill(test, &engine, checked(engine.cluster()), || harm(&network, etcd), mend));
        }
        Isolation::Passed => {}
        // Not `println!`, whose output is not shown for a test that passes.
        Isolation::Impossible(why) => {
            let line = format!("SKIPPED partition::{test}, because there are no network namespaces here: {why}\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
        }
    }
}
