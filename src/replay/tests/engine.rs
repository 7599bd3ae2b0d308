//! With `jtiStore`, the engine and the store of the process decide together.

use super::*;
use crate::document::parse_for_test;

const CLAIMS: &str = r#"{"exp":1700000100,"iat":1700000000,"jti":"a"}"#;
const NEW: &str = r#"{"SET":null}"#;
const USED: &str = r#"{"SET":"another"}"#;
const BROKEN: &str = r#"{"SET":[false,"READONLY"]}"#;

fn policy(on_failure: &str) -> ReplayPolicy {
    let text = format!("{{kind: redis, cluster: jti-store, onFailure: {on_failure}}}");
    let engine = parse_for_test(&text, |field, faults| JtiStore::parse(&field, faults)).unwrap();
    ReplayPolicy::new(1000, Some(engine), ColdStart::default())
}

fn host(memory: &Memory) -> ReplayHost<'_> {
    let random = || Some([7; 16]);
    ReplayHost { shared_data: memory, random, now: NumericDate::from_unix_seconds(NOW) }
}

fn ask(policy: &ReplayPolicy, claims: &Claims, host: ReplayHost) -> Result<Verdict, Rejection> {
    policy.admit(policy.entry(claims, host)?, host)
}

/// The decision, if the engine answers each call so, and the number of calls.
fn decide(policy: &ReplayPolicy, memory: &Memory, answers: &str) -> (Result<(), Rejection>, usize) {
    let verified = Verified::for_test(CLAIMS);
    let claims = Claims::read(&verified).unwrap();
    let mut verdict = ask(policy, &claims, host(memory));
    let mut calls = 0;
    loop {
        match verdict {
            Ok(Verdict::Admitted) => return (Ok(()), calls),
            Err(rejection) => return (Err(rejection), calls),
            Ok(Verdict::Ask(question, _)) => {
                calls += 1;
                let headers: &[crate::header_map::Header] = &[(":status", b"200")];
                let reply = Reply::Answer { headers, body: answers.as_bytes(), trailers: &[] };
                verdict = policy.answer(question, reply, host(memory));
            }
        }
    }
}

#[test]
fn what_the_process_knows_is_not_asked_and_what_the_engine_says_is_learned() {
    for (answer, first) in [(NEW, Ok(())), (USED, Err(Rejection::JtiUsed))] {
        let memory = Memory::default();
        assert_eq!(decide(&policy("refuse"), &memory, answer), (first, 1));
        assert_eq!(decide(&policy("refuse"), &memory, NEW), (Err(Rejection::JtiUsed), 0), "after {answer}");
    }
}

#[test]
fn a_jti_that_another_filter_of_the_process_used_is_not_accepted_even_if_the_engine_does_not_know_it() {
    let memory = Memory::default();
    let verified = Verified::for_test(CLAIMS);
    let policy = policy("refuse");
    let Ok(Verdict::Ask(question, _)) = ask(&policy, &Claims::read(&verified).unwrap(), host(&memory)) else {
        panic!("the engine is asked")
    };
    assert_eq!(admit_at(&memory, 1000, CLAIMS, NOW), Ok(()), "the other one, meanwhile");
    let reply = Reply::Answer { headers: &[(":status", b"200")], body: NEW.as_bytes(), trailers: &[] };
    assert_eq!(policy.answer(question, reply, host(&memory)).unwrap_err(), Rejection::JtiUsed);
}

#[test]
fn of_requests_at_the_same_time_the_first_one_is_accepted_even_if_its_answer_comes_last() {
    let memory = Memory::default();
    let verified = Verified::for_test(CLAIMS);
    let policy = policy("refuse");
    let question = || match ask(&policy, &Claims::read(&verified).unwrap(), host(&memory)).unwrap() {
        Verdict::Ask(question, _) => question,
        Verdict::Admitted => panic!("the engine is asked"),
    };
    let answer = |question, text: &str| {
        let reply = Reply::Answer { headers: &[(":status", b"200")], body: text.as_bytes(), trailers: &[] };
        policy.answer(question, reply, host(&memory)).map(drop)
    };
    let (first, second, third) = (question(), question(), question());
    assert_eq!(answer(second, USED), Err(Rejection::JtiUsed));
    assert_eq!(admit_at(&memory, 1000, CLAIMS, NOW), Err(Rejection::JtiUsed), "a filter without an engine");
    assert_eq!(answer(first, NEW), Ok(()));
    assert_eq!(answer(third, NEW), Err(Rejection::JtiUsed), "an engine that says so twice");
    assert_eq!(decide(&policy, &memory, NEW), (Err(Rejection::JtiUsed), 0));
}

#[test]
fn a_token_that_expires_for_every_clock_skew_while_it_is_asked_about_is_rejected() {
    let expiration = NumericDate::from_unix_seconds(1_700_000_100.0);
    let at = |seconds: f64| expiration.plus(MAX_CLOCK_SKEW_SECONDS as f64 + seconds);
    for (answers, local) in [(NEW, "refuse"), (BROKEN, "local")] {
        for (later, expected) in [(-0.001, Ok(())), (0.0, Err(Rejection::Expired { at: expiration }))] {
            let (memory, policy) = (Memory::default(), policy(local));
            let verified = Verified::for_test(CLAIMS);
            let early = ReplayHost { now: at(-0.1), ..host(&memory) };
            let mut verdict = ask(&policy, &Claims::read(&verified).unwrap(), early);
            while let Ok(Verdict::Ask(question, _)) = verdict {
                let headers: &[crate::header_map::Header] = &[(":status", b"200")];
                let reply = Reply::Answer { headers, body: answers.as_bytes(), trailers: &[] };
                verdict = policy.answer(question, reply, ReplayHost { now: at(later), ..early });
            }
            assert_eq!(verdict.map(drop), expected, "{answers}, {later} s");
        }
    }
}

#[test]
fn a_jti_is_kept_until_the_later_end_if_two_tokens_have_it() {
    let memory = Memory::default();
    let policy = policy("refuse");
    let question = |claims: &str| match ask(&policy, &Claims::read(&Verified::for_test(claims)).unwrap(), host(&memory))
    {
        Ok(Verdict::Ask(question, _)) => question,
        other => panic!("{other:?}"),
    };
    let later = r#"{"exp":1700005000,"jti":"a"}"#;
    let (first, second) = (question(later), question(CLAIMS));
    let reply =
        |text: &'static str| Reply::Answer { headers: &[(":status", b"200")], body: text.as_bytes(), trailers: &[] };
    assert!(policy.answer(second, reply(USED), host(&memory)).is_err());
    assert!(policy.answer(first, reply(NEW), host(&memory)).is_ok());
    assert_eq!(admit_at(&memory, 1000, later, NOW + 4000.0), Err(Rejection::JtiUsed));
}

#[test]
fn without_an_answer_the_request_is_rejected_and_its_jti_stays_unused_here() {
    let (memory, policy) = (Memory::default(), policy("refuse"));
    assert_eq!(decide(&policy, &memory, BROKEN), (Err(Rejection::EngineUnavailable), 3));
    assert_eq!(decide(&policy, &memory, NEW), (Ok(()), 1));
    let events = policy.take_engine_events().unwrap();
    assert_eq!((events.asked, events.calls, events.decided_alone), (2, 4, 0));
    assert_eq!(events.failed, [("engine_error", 1)].into());
}

#[test]
fn without_an_answer_on_failure_local_decides_as_without_an_engine() {
    let (memory, policy) = (Memory::default(), policy("local"));
    assert_eq!(decide(&policy, &memory, BROKEN), (Ok(()), 3));
    assert_eq!(decide(&policy, &memory, NEW), (Err(Rejection::JtiUsed), 0));
    let events = policy.take_engine_events().unwrap();
    assert_eq!((events.asked, events.calls, events.decided_alone), (1, 3, 1));
}

#[test]
fn a_request_that_the_full_store_could_not_record_is_not_asked_about() {
    let memory = Memory::default();
    let engine = policy("refuse").engine.unwrap();
    let policy = ReplayPolicy::new(1, Some(engine), ColdStart::default());
    assert_eq!(admit_at(&memory, 1000, r#"{"exp":1700000100,"jti":"b"}"#, NOW), Ok(()));
    assert_eq!(decide(&policy, &memory, NEW), (Err(Rejection::ReplayStoreFull), 0));
}

#[test]
fn a_question_that_is_not_answered_gives_its_place_back() {
    let memory = Memory::default();
    let engine = policy("refuse").engine.unwrap();
    let policy = ReplayPolicy::new(1, Some(engine), ColdStart::default());
    let verified = Verified::for_test(CLAIMS);
    for _ in 0..3 {
        let asked = ask(&policy, &Claims::read(&verified).unwrap(), host(&memory)).unwrap();
        assert!(matches!(asked, Verdict::Ask(..)));
        // The client has gone.
        drop(asked);
    }
    assert_eq!(decide(&policy, &memory, BROKEN), (Err(Rejection::EngineUnavailable), 3));
    assert_eq!(decide(&policy, &memory, NEW), (Ok(()), 1));
    assert_eq!(admit_at(&memory, 1, r#"{"exp":1700000100,"jti":"b"}"#, NOW), Err(Rejection::ReplayStoreFull));
}

#[test]
fn without_random_bytes_the_engine_is_not_asked() {
    let memory = Memory::default();
    let verified = Verified::for_test(CLAIMS);
    let host = ReplayHost { random: || None, ..host(&memory) };
    let decide = |policy: &ReplayPolicy| ask(policy, &Claims::read(&verified).unwrap(), host).map(|_| ());
    assert_eq!(decide(&policy("refuse")), Err(Rejection::EngineUnavailable));
    assert_eq!(decide(&policy("local")), Ok(()));
}
