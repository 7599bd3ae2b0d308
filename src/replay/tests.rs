mod cold_start;
mod engine;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::ledger::KEY_PREFIX;
use super::*;
use crate::shared_data::Conflict;
use crate::signature::Verified;

type OtherWorker = Box<dyn FnOnce(&Memory)>;

/// Shared data that behaves like Envoy's. The hooks in `other_workers` run between a `get` and the `set` after it, as
/// another worker may.
#[derive(Default)]
struct Memory {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    version: Cell<u32>,
    other_workers: RefCell<Vec<OtherWorker>>,
    always_conflicts: Cell<bool>,
}

impl SharedData for Memory {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let found = self.values.borrow().get(key).cloned();
        let other_worker = self.other_workers.borrow_mut().pop();
        if let Some(other_worker) = other_worker {
            other_worker(self);
        }
        found
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        assert_ne!(expected, 0, "zero would overwrite any version");
        let mut values = self.values.borrow_mut();
        if self.always_conflicts.get() || values.get(key).is_some_and(|(_, version)| *version != expected) {
            return Err(Conflict);
        }
        self.version.set(self.version.get() + 1);
        values.insert(key.to_owned(), (value.to_vec(), self.version.get()));
        Ok(())
    }
}

const NOW: f64 = 1_700_000_000.0;

fn admit_at(memory: &Memory, max: u64, claims: &str, now: f64) -> Result<(), Rejection> {
    admit_by(&ReplayPolicy::new(max, None, ColdStart::default()), memory, claims, now)
}

/// The decision of one worker, which keeps its policy from call to call.
fn admit_by(policy: &ReplayPolicy, memory: &Memory, claims: &str, now: f64) -> Result<(), Rejection> {
    let verified = Verified::for_test(claims);
    let claims = Claims::read(&verified)?;
    let host = ReplayHost { shared_data: memory, random: || None, now: NumericDate::from_unix_seconds(now) };
    match policy.admit(policy.entry(&claims, host)?, host)? {
        Verdict::Admitted => Ok(()),
        Verdict::Ask(..) => panic!("there is no engine"),
    }
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
    let long_issuer = r#"{"exp":1700000100,"iss":"ax","jti":"y"}"#;
    let long_jti = r#"{"exp":1700000100,"iss":"a","jti":"xy"}"#;
    assert_eq!(admit_at(&memory, 1000, long_issuer, NOW), Ok(()));
    assert_eq!(admit_at(&memory, 1000, long_jti, NOW), Ok(()), "issuer and jti join to the same text");
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
fn a_jti_is_kept_for_as_long_as_the_largest_clock_skew_could_accept_its_token() {
    let memory = Memory::default();
    let claims = r#"{"exp":1700000100.5,"jti":"x"}"#;
    assert_eq!(admit_at(&memory, 1000, claims, NOW), Ok(()));
    // exp plus 300 seconds is 400.5, which the store rounds up to a whole second.
    for later in [0.0, 99.0, 100.6, 399.0, 400.4] {
        assert_eq!(admit_at(&memory, 1000, claims, NOW + later), Err(Rejection::JtiUsed), "{later}");
    }
    let another = r#"{"exp":1700000900,"jti":"x"}"#;
    assert_eq!(admit_at(&memory, 1000, another, NOW + 400.9), Err(Rejection::JtiUsed));
    assert_eq!(admit_at(&memory, 1000, another, NOW + 401.0), Ok(()), "the jti is forgotten");
}

#[test]
fn a_full_store_rejects_new_jtis_and_still_finds_old_ones_until_they_expire() {
    let memory = Memory::default();
    let claims = |jti: usize, exp: u32| format!(r#"{{"exp":{exp},"jti":"{jti}"}}"#);
    for jti in 0..3 {
        assert_eq!(admit_at(&memory, 3, &claims(jti, 1_700_000_010), NOW), Ok(()));
    }
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_010), NOW), Err(Rejection::ReplayStoreFull));
    assert_eq!(admit_at(&memory, 3, &claims(0, 1_700_000_010), NOW), Err(Rejection::JtiUsed));
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_400), NOW + 309.0), Err(Rejection::ReplayStoreFull));
    assert_eq!(admit_at(&memory, 3, &claims(3, 1_700_000_400), NOW + 320.0), Ok(()), "the first three have expired");
    assert_eq!(admit_at(&memory, 4, &claims(4, 1_700_000_400), NOW + 320.0), Ok(()), "a larger limit, the same store");
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
fn if_two_workers_record_the_same_jti_the_second_finds_it() {
    let memory = Memory::default();
    memory.other_workers.borrow_mut().push(Box::new(|memory| assert_eq!(admit(memory, "x"), Ok(()))));
    assert_eq!(admit(&memory, "x"), Err(Rejection::JtiUsed));
    for jti in 1..1000 {
        assert_eq!(admit(&memory, &jti.to_string()), Ok(()), "the second worker has returned its permit: {jti}");
    }
    assert_eq!(admit(&memory, "one more"), Err(Rejection::ReplayStoreFull));
}

#[test]
fn if_two_workers_record_different_jtis_at_once_both_are_kept() {
    let memory = Memory::default();
    memory.other_workers.borrow_mut().push(Box::new(|memory| assert_eq!(admit(memory, "x"), Ok(()))));
    assert_eq!(admit(&memory, "y"), Ok(()));
    assert_eq!(admit(&memory, "x"), Err(Rejection::JtiUsed));
    assert_eq!(admit(&memory, "y"), Err(Rejection::JtiUsed));
}

#[test]
fn a_store_that_cannot_be_written_or_read_rejects() {
    let memory = Memory::default();
    memory.always_conflicts.set(true);
    assert_eq!(admit(&memory, "x"), Err(Rejection::ReplayStoreFull));

    let memory = Memory::default();
    assert_eq!(admit(&memory, "x"), Ok(()));
    for (value, _) in memory.values.borrow_mut().values_mut() {
        value.push(0);
    }
    assert_eq!(admit(&memory, "x"), Err(Rejection::ReplayStoreFull), "a value of another format");
}

#[test]
fn every_key_is_the_prefix_and_a_bucket_or_the_prefix_and_live() {
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
fn workers_that_acquire_blocks_of_permits_fill_the_store_exactly() {
    const MAX: u64 = 200_000;
    let memory = Memory::default();
    let workers = [(); 3].map(|()| ReplayPolicy::new(MAX, None, ColdStart::default()));
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
            assert!(writes() < 50_000 * 7 / 4, "{} writes: without blocks each jti costs two", writes());
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

/// With `maxAgeSeconds: 300`, a proof is accepted until exactly 300 seconds after `iat`.
#[test]
fn a_used_proof_is_known_as_long_as_it_could_be_accepted() {
    let (memory, policy) = (Memory::default(), ReplayPolicy::for_proofs(10, None));
    let issued_at = NumericDate::from_unix_seconds(NOW);
    let admit = |now: f64| {
        let host = ReplayHost { shared_data: &memory, random: || None, now: NumericDate::from_unix_seconds(now) };
        policy.admit(ReplayPolicy::entry_of_proof("proof", issued_at), host).map(|_| ())
    };
    assert_eq!(admit(NOW - 5.0), Ok(()));
    for later in [0.0, 299.9, 300.0] {
        assert_eq!(admit(NOW + later), Err(Rejection::JtiUsed), "{later} seconds later");
    }
}
