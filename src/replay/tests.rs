use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::shared_data::KEY_PREFIX;
use super::*;
use crate::signature::Verified;

type OtherWorker = Box<dyn FnOnce(&Memory)>;

/// Shared data as Envoy keeps it; with a hook that runs between a `get` and what follows it, as another worker may.
#[derive(Default)]
struct Memory {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    version: Cell<u32>,
    between: RefCell<Vec<OtherWorker>>,
    conflicts_for_ever: Cell<bool>,
}

impl SharedData for Memory {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let found = self.values.borrow().get(key).cloned();
        let other_worker = self.between.borrow_mut().pop();
        if let Some(other_worker) = other_worker {
            other_worker(self);
        }
        found
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        assert_ne!(expected, 0, "zero overwrites whatever is there");
        let mut values = self.values.borrow_mut();
        if self.conflicts_for_ever.get() || values.get(key).is_some_and(|(_, version)| *version != expected) {
            return Err(Conflict);
        }
        self.version.set(self.version.get() + 1);
        values.insert(key.to_owned(), (value.to_vec(), self.version.get()));
        Ok(())
    }
}

const NOW: f64 = 1_700_000_000.0;

fn admit_at(memory: &Memory, max: u64, claims: &str, now: f64) -> Result<(), Rejection> {
    admit_by(&ReplayPolicy::new(max), memory, claims, now)
}

/// What one worker says, which keeps its policy.
fn admit_by(policy: &ReplayPolicy, memory: &Memory, claims: &str, now: f64) -> Result<(), Rejection> {
    let verified = Verified::for_test(claims);
    let claims = Claims::read(&verified)?;
    policy.admit(&claims, NumericDate::from_unix_seconds(now), memory)
}

fn admit(memory: &Memory, jti: &str) -> Result<(), Rejection> {
    admit_at(memory, 1000, &format!(r#"{{"exp":1700000100,"jti":"{jti}"}}"#), NOW)
}

#[test]
fn a_jti_is_accepted_once_per_issuer() {
    let memory = Memory::default();
    for issuer in ["", r#","iss":"a""#, r#","iss":"b""#, r#","iss":"""#] {
        let claims = format!(r#"{{"exp":1700000100,"jti":"x"{issuer}}}"#);
        assert_eq!(admit_at(&memory, 1000, &claims, NOW), Ok(()), "{claims}");
        assert_eq!(admit_at(&memory, 1000, &claims, NOW), Err(Rejection::JtiUsed), "{claims}");
    }
    let glued = r#"{"exp":1700000100,"iss":"ax","jti":"y"}"#;
    let parted = r#"{"exp":1700000100,"iss":"a","jti":"xy"}"#;
    assert_eq!(admit_at(&memory, 1000, glued, NOW), Ok(()));
    assert_eq!(admit_at(&memory, 1000, parted, NOW), Ok(()));
}

#[test]
fn only_a_non_empty_string_of_at_most_1_kib_is_a_jti() {
    let memory = Memory::default();
    for jti in ["", r#","jti":"""#, r#","jti":1"#, r#","jti":null"#, r#","jti":["a"]"#, r#","jti":true"#] {
        let claims = format!(r#"{{"exp":1700000100{jti}}}"#);
        assert_eq!(admit_at(&memory, 1000, &claims, NOW), Err(Rejection::JtiMissing), "{claims}");
    }
    assert_eq!(admit(&memory, &"a".repeat(MAX_JTI_BYTES)), Ok(()));
    assert_eq!(admit(&memory, &"a".repeat(MAX_JTI_BYTES + 1)), Err(Rejection::JtiMissing));
}

#[test]
fn a_jti_is_remembered_for_as_long_as_any_allowed_skew_could_accept_its_token() {
    let memory = Memory::default();
    let claims = r#"{"exp":1700000100.5,"jti":"x"}"#;
    assert_eq!(admit_at(&memory, 1000, claims, NOW), Ok(()));
    // exp and 300 seconds end at 400.5, and the last whole second before that is still remembered.
    for later in [0.0, 99.0, 100.6, 399.0, 400.4] {
        assert_eq!(admit_at(&memory, 1000, claims, NOW + later), Err(Rejection::JtiUsed), "{later}");
    }
    assert_eq!(admit_at(&memory, 1000, claims, NOW + 401.0), Ok(()), "the place is free again");
}

#[test]
fn a_full_store_refuses_new_jtis_knows_the_old_and_gives_places_back_in_time() {
    let memory = Memory::default();
    let claims = |jti: usize, exp: u32| format!(r#"{{"exp":{exp},"jti":"{jti}"}}"#);
    for jti in 0..3 {
        assert_eq!(admit_at(&memory, 3, &claims(jti, 1_700_000_010), NOW), Ok(()));
    }
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_010), NOW), Err(Rejection::ReplayStoreFull));
    assert_eq!(admit_at(&memory, 3, &claims(0, 1_700_000_010), NOW), Err(Rejection::JtiUsed));
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_400), NOW + 309.0), Err(Rejection::ReplayStoreFull));
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_400), NOW + 320.0), Ok(()), "the first three have ended");
    assert_eq!(admit_at(&memory, 4, &claims(4, 1_700_000_400), NOW + 320.0), Ok(()), "another limit, the same store");
}

#[test]
fn a_thousand_jtis_fit_a_store_of_a_thousand_and_not_one_more() {
    let memory = Memory::default();
    for jti in 0..1000 {
        assert_eq!(admit(&memory, &jti.to_string()), Ok(()), "{jti}");
    }
    assert_eq!(admit(&memory, "one more"), Err(Rejection::ReplayStoreFull));
}

#[test]
fn of_two_workers_with_one_jti_the_second_finds_it() {
    let memory = Memory::default();
    memory.between.borrow_mut().push(Box::new(|memory| assert_eq!(admit(memory, "x"), Ok(()))));
    assert_eq!(admit(&memory, "x"), Err(Rejection::JtiUsed));
    for jti in 1..1000 {
        assert_eq!(admit(&memory, &jti.to_string()), Ok(()), "the loser has given its place back: {jti}");
    }
    assert_eq!(admit(&memory, "one more"), Err(Rejection::ReplayStoreFull));
}

#[test]
fn two_workers_with_two_jtis_at_once_lose_neither() {
    let memory = Memory::default();
    memory.between.borrow_mut().push(Box::new(|memory| assert_eq!(admit(memory, "x"), Ok(()))));
    assert_eq!(admit(&memory, "y"), Ok(()));
    assert_eq!(admit(&memory, "x"), Err(Rejection::JtiUsed));
    assert_eq!(admit(&memory, "y"), Err(Rejection::JtiUsed));
}

#[test]
fn a_store_that_cannot_be_written_or_read_refuses() {
    let memory = Memory::default();
    memory.conflicts_for_ever.set(true);
    assert_eq!(admit(&memory, "x"), Err(Rejection::ReplayStoreFull));

    let memory = Memory::default();
    assert_eq!(admit(&memory, "x"), Ok(()));
    for (value, _) in memory.values.borrow_mut().values_mut() {
        value.push(0);
    }
    assert_eq!(admit(&memory, "x"), Err(Rejection::ReplayStoreFull), "somebody else's bytes under our key");
}

#[test]
fn every_key_bears_the_prefix_and_names_a_bucket_or_the_count() {
    let memory = Memory::default();
    for jti in 0..100 {
        assert_eq!(admit(&memory, &jti.to_string()), Ok(()));
    }
    for key in memory.values.borrow().keys() {
        let bucket = key.strip_prefix(KEY_PREFIX).unwrap();
        let is_hex = bucket.len() == 4 && bucket.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        assert!(is_hex || bucket == "live", "{key}");
    }
}

#[test]
fn workers_that_take_places_by_the_block_fill_the_store_to_the_last_and_no_further() {
    const MAX: u64 = 200_000;
    let memory = Memory::default();
    let workers = [ReplayPolicy::new(MAX), ReplayPolicy::new(MAX), ReplayPolicy::new(MAX)];
    let writes = || memory.version.get();
    let claims = |jti: u64| format!(r#"{{"exp":1700000100,"jti":"{jti}"}}"#);
    let mut accepted = 0_u64;
    for jti in 0..MAX + 10 {
        let worker = &workers[(jti % 3) as usize];
        match admit_by(worker, &memory, &claims(jti), NOW) {
            Ok(()) => accepted += 1,
            Err(rejection) => assert_eq!(rejection, Rejection::ReplayStoreFull),
        }
        if jti == 50_000 {
            assert!(writes() < 50_000 * 7 / 4, "{} writes: a place each costs a second one", writes());
        }
    }
    assert_eq!(accepted, MAX);
    assert_eq!(admit_by(&workers[0], &memory, &claims(0), NOW), Err(Rejection::JtiUsed));
    assert_eq!(admit_by(&workers[0], &memory, r#"{"exp":1700000500,"jti":"later"}"#, NOW + 420.0), Ok(()));
}

#[test]
fn tokens_of_one_lifetime_need_few_slots() {
    let memory = Memory::default();
    for second in 0..20_000_u32 {
        let claims = format!(r#"{{"exp":{},"jti":"{second}"}}"#, 1_700_007_200 + second);
        assert_eq!(admit_at(&memory, 100_000, &claims, NOW + f64::from(second)), Ok(()));
    }
    let values = memory.values.borrow();
    let (ledger, _) = &values[&format!("{KEY_PREFIX}live")];
    assert!(ledger.len() <= 8 * 80, "{} slots", ledger.len() / 8);
}
