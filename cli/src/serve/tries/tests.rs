use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;

fn source(name: &str, last: u8) -> Source {
    Source::new(name, Ipv4Addr::new(192, 0, 2, last).into())
}

/// How many tries are free at `now`.
fn free(tries: &Tries, source: &Source, now: Instant) -> usize {
    std::iter::from_fn(|| tries.begin(source, now).ok()).take(1000).count()
}

#[test]
fn after_five_wrong_tries_there_is_one_each_ten_seconds() {
    let (tries, alice, start) = (Tries::new(), source("alice", 1), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(free(&tries, &alice, start), 5);
    assert_eq!(tries.begin(&alice, start), Err(Duration::from_secs(10)));
    assert_eq!(tries.check(&alice, at(4)), Err(Duration::from_secs(6)));
    assert_eq!([9, 10, 10, 29, 30].map(|seconds| free(&tries, &alice, at(seconds))), [0, 1, 0, 1, 1]);
    assert_eq!(free(&tries, &alice, at(1000)), 5);
}

#[test]
fn a_check_uses_nothing_up() {
    let (tries, alice, now) = (Tries::new(), source("alice", 1), Instant::now());
    assert!((0..100).all(|_| tries.check(&alice, now).is_ok()));
    assert_eq!(free(&tries, &alice, now), 5);
}

#[test]
fn right_tries_are_free() {
    let (tries, alice, now) = (Tries::new(), source("alice", 1), Instant::now());
    for _ in 0..1000 {
        tries.begin(&alice, now).expect("a try");
        tries.give_back(&alice);
    }
    assert_eq!(free(&tries, &alice, now), 5);
}

#[test]
fn names_and_addresses_count_apart_until_a_name_has_had_fifty() {
    let (tries, now) = (Tries::new(), Instant::now());
    let counts: Vec<_> = (1..=11).map(|last| free(&tries, &source("alice", last), now)).collect();
    assert_eq!(counts, [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 0]);
    assert_eq!(free(&tries, &source("bob", 1), now), 5);
    assert_eq!(tries.check(&source("alice", 99), now), Err(Duration::from_secs(5)));
}

#[test]
fn one_address_can_not_use_up_the_tries_of_a_name() {
    let (tries, start) = (Tries::new(), Instant::now());
    let attacker = source("alice", 1);
    for second in 0..10_000 {
        let _ = tries.begin(&attacker, start + Duration::from_secs(second));
    }
    assert_eq!(tries.check(&source("alice", 2), start + Duration::from_secs(10_000)), Ok(()));
}

#[test]
fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_itself() {
    let [one, other, far] = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"]
        .map(|text| Source::new("alice", text.parse::<Ipv6Addr>().expect("an address").into()));
    assert_eq!(one, other);
    assert_ne!(one, far);
    let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
    assert_eq!(Source::new("alice", mapped.into()), source("alice", 1));
}

#[test]
fn what_is_remembered_has_a_limit() {
    let (tries, now) = (Tries::new(), Instant::now());
    for number in 0..CAPACITY.get() + 10 {
        tries.begin(&source(&number.to_string(), 1), now).expect("a try");
    }
    let tables = tries.tables();
    assert_eq!((tables.by_source.full_at.len(), tables.by_name.full_at.len()), (CAPACITY.get(), CAPACITY.get()));
}
