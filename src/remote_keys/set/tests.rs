use super::*;
use crate::document::parse_for_test;

const NOW: Millis = 1_700_000_000_000;

const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// A set whose keys are used for 600 s, and the record of a fetch that brought [`KEYS`] at [`NOW`].
fn fetched() -> (RemoteSet, Record) {
    let text = "{uri: 'https://a.test/keys', cluster: a, staleSeconds: 0}";
    let source = parse_for_test(text, |field, faults| Source::parse_all(&field, faults)).unwrap().remove(0);
    let (attempt, ended_at, fetched_at, max_age_seconds) = (1, NOW, NOW, u64::MAX);
    let record =
        Record { attempt, ended_at, fetched_at, max_age_seconds, keys: KEYS.as_bytes().to_vec(), ..Record::default() };
    (RemoteSet::new(source), record)
}

#[test]
fn keys_are_not_used_beside_a_later_set_that_is_too_old() {
    let (mut set, first) = fetched();
    assert_eq!(set.learn(first.clone(), NOW), Change { keys: true, news: true });
    let keys = KEYS.replace("\"kty\"", "\"use\":\"sig\",\"kty\"").into_bytes();
    let second = Record { attempt: 2, ended_at: NOW + 1, fetched_at: NOW + 1, max_age_seconds: 60, keys, ..first };
    assert_eq!(set.learn(second, NOW + 60_001), Change { keys: true, news: true });
    assert!(set.keys().is_none());
}

#[test]
fn a_record_without_keys_does_not_delay_the_next_fetch() {
    let (mut set, record) = fetched();
    let change = set.learn(Record { keys: Vec::new(), ..record }, NOW);
    assert_eq!(change, Change { keys: false, news: true });
    assert!(set.schedule().due_at(NOW) <= NOW + 1_200);
}

#[test]
fn a_worker_that_looks_late_hears_of_the_end_of_a_fetch_also_within_the_same_millisecond() {
    let (mut set, ended) = fetched();
    let begun = Record { attempt: 2, lease_until: NOW + 7_000, ..ended };
    set.learn(begun.clone(), NOW);
    assert_eq!(set.learn(begun.clone(), NOW), Change { keys: false, news: false });
    let change = set.learn(Record { lease_until: 0, ..begun }, NOW + 8_000);
    assert_eq!(change, Change { keys: false, news: true });
}
