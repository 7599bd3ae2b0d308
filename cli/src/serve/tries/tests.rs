use std::net::Ipv4Addr;

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
fn right_tries_use_up_no_wrong_ones_and_have_a_rate_of_their_own() {
    let (tries, alice, start) = (Tries::new(), source("alice", 1), Instant::now());
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let right = |now| {
        let tries = std::iter::from_fn(|| tries.begin(&alice, now).ok().map(|()| tries.give_back(&alice)));
        tries.take(1000).count()
    };
    assert_eq!([0, 0, 199, 200, 1200].map(|now| right(at(now))), [50, 0, 0, 1, 5]);
    assert_eq!(tries.check(&alice, at(1200)), Err(Duration::from_millis(200)));
    // Nobody else waits for that: not who has another name, nor who has another address.
    assert_eq!(free(&tries, &source("bob", 1), at(1200)), 5);
    assert_eq!(free(&tries, &source("alice", 2), at(1200)), 5);
    assert_eq!(free(&tries, &alice, at(20_000)), 5);
}

#[test]
fn one_address_has_a_hundred_wrong_tries_with_all_names_and_then_one_each_second() {
    let (tries, start) = (Tries::new(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut names = 0..;
    let mut wrong = |last, now| {
        let name = || source(&names.next().expect("a number").to_string(), last);
        std::iter::repeat_with(name).take_while(|name| tries.begin(name, now).is_ok()).take(1000).count()
    };
    assert_eq!([0, 0, 1, 11].map(|seconds| wrong(1, at(seconds))), [100, 0, 1, 10]);
    assert_eq!(tries.check(&source("alice", 1), at(11)), Err(Duration::from_secs(1)));
    assert_eq!(wrong(2, at(11)), 100);
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
fn what_is_remembered_has_a_limit() {
    let (tries, now) = (Tries::new(), Instant::now());
    for number in 0..u32::try_from(CAPACITY.get()).expect("a small number") + 10 {
        let source = Source::new(&number.to_string(), Ipv4Addr::from(number).into());
        tries.begin(&source, now).expect("a try");
    }
    let tables = tries.tables();
    let lengths = [
        tables.by_source.full_at.len(),
        tables.by_name.full_at.len(),
        tables.by_network.full_at.len(),
        tables.any_by_source.full_at.len(),
    ];
    assert_eq!(lengths, [CAPACITY.get(); 4]);
}
