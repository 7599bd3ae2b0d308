//! `replayColdStart: refuse`.

use super::*;

const LIFETIME: u32 = 1000;
const SKEW: f64 = 60.0;

fn policy() -> ReplayPolicy {
    ReplayPolicy::new(1000, None, ColdStart::refuse(LIFETIME, SKEW))
}

/// Whether a token with this `iat`, in seconds after [`NOW`], is accepted so many seconds after it.
fn accepts(policy: &ReplayPolicy, memory: &Memory, issued_at: Option<f64>, later: f64) -> bool {
    let jti = memory.version.get();
    let issued_at = issued_at.map(|seconds| format!(r#","iat":{}"#, NOW + seconds)).unwrap_or_default();
    let claims = format!(r#"{{"exp":{},"jti":"{jti}"{issued_at}}}"#, NOW + later + 100.0);
    match admit_by(policy, memory, &claims, NOW + later) {
        Ok(()) => true,
        Err(rejection) => {
            assert_eq!(rejection, Invalid::IssuedBeforeStart.into());
            false
        }
    }
}

fn begin(policy: &ReplayPolicy, memory: &Memory, later: f64) {
    policy.begin(NumericDate::from_unix_seconds(NOW + later), memory);
}

#[test]
fn a_token_that_could_have_been_used_before_the_start_is_rejected() {
    let (memory, policy) = (Memory::default(), policy());
    begin(&policy, &memory, 0.0);
    for (issued_at, expected) in [
        (None, false),
        (Some(-1.0), false),
        (Some(0.0), true),
        (Some(10.0), true),
        (Some(70.0), true),
        (Some(71.0), false),
    ] {
        assert_eq!(accepts(&policy, &memory, issued_at, 10.0), expected, "{issued_at:?}");
    }
}

#[test]
fn after_the_longest_lifetime_no_token_is_from_before_the_start() {
    let (memory, policy) = (Memory::default(), policy());
    begin(&policy, &memory, 0.0);
    assert!(!accepts(&policy, &memory, None, 1000.0));
    assert!(accepts(&policy, &memory, None, 1000.5));
    assert!(accepts(&policy, &memory, Some(-1.0), 1000.5));
}

#[test]
fn the_start_is_that_of_the_process_and_not_of_a_later_configuration_or_worker() {
    let memory = Memory::default();
    begin(&ReplayPolicy::new(1000, None, ColdStart::default()), &memory, 0.0);
    let later = policy();
    begin(&later, &memory, 500.0);
    assert!(accepts(&later, &memory, Some(10.0), 500.0));
    assert!(!accepts(&policy(), &memory, Some(-10.0), 500.0), "a worker that did not begin");
}

#[test]
fn the_first_request_is_the_start_if_nothing_began_before() {
    let (memory, policy) = (Memory::default(), policy());
    assert!(!accepts(&policy, &memory, Some(9.0), 10.0));
    assert!(accepts(&policy, &memory, Some(10.0), 10.0));
}

#[test]
fn a_start_that_cannot_be_read_or_written_rejects() {
    let memory = Memory::default();
    memory.always_conflicts.set(true);
    assert!(!accepts(&policy(), &memory, Some(0.0), 0.0));

    let memory = Memory::default();
    let earlier = policy();
    begin(&earlier, &memory, 0.0);
    memory.values.borrow_mut().values_mut().for_each(|(value, _)| value.push(0));
    assert!(!accepts(&policy(), &memory, Some(10.0), 10.0), "a value of another format");
}

#[test]
fn a_clock_that_is_set_back_accepts_no_token_from_before_the_start() {
    let (memory, policy) = (Memory::default(), policy());
    begin(&policy, &memory, 0.0);
    assert!(!accepts(&policy, &memory, Some(-500.0), -400.0));
}
