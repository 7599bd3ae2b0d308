//! The record that the workers share, when something else has written it.

use super::setup::{RECORD, Site, configuration, key, serving, token};

/// A record with these seven numbers: how many fetches began, the end of the lease, the end of the last fetch, failures,
/// the time of the keys, `max-age`, and the last fetch for an unknown `kid`.
fn record(numbers: [u64; 7], keys: &[u8]) -> Vec<u8> {
    let numbers = numbers.into_iter().flat_map(u64::to_le_bytes);
    [1].into_iter().chain(numbers).chain(keys.iter().copied()).collect()
}

fn plant(site: &Site, value: &[u8]) {
    assert_eq!(site.process.set_shared_data(RECORD.as_bytes().to_vec(), value.to_vec(), 0), 0);
}

#[test]
fn the_record_has_the_format_that_these_tests_plant() {
    let issuer = key();
    let site = Site::with_keys(1, &configuration(""), &serving(&[(Some("a"), &issuer)]));
    let now = 1_800_000_000_001;
    let (value, _) = site.process.shared_data(RECORD.as_bytes()).expect("the record");
    let x = issuer.public_jwk(None, false)["x"].to_string();
    let keys = format!(r#"{{"keys":[{{"kty":"OKP","kid":"a","alg":"EdDSA","crv":"Ed25519","x":{x}}}]}}"#);
    assert_eq!(value, record([1, 0, now, 0, now, u64::MAX, 0], keys.as_bytes()));
}

#[test]
fn a_damaged_record_is_replaced_and_the_keys_stay() {
    let issuer = key();
    let set = serving(&[(Some("a"), &issuer)]);
    let (now, top) = (1_800_000_000_000, u64::MAX);
    for (name, value) in [
        ("empty", vec![]),
        ("another format", b"\x02abc".to_vec()),
        ("a part", record([1, 0, now, 0, now, top, 0], b"")[..56].to_vec()),
        ("zeros", record([0; 7], b"")),
        ("no keys", record([1, 0, now, 0, now, top, 0], b"")),
        ("malformed keys", record([1, 0, now, 0, now, top, 0], b"{\"keys\":")),
        ("a set without keys", record([1, 0, now, 0, now, top, 0], b"{\"keys\":[]}")),
        ("greatest numbers", record([top; 7], b"x")),
        ("greatest numbers with keys", record([top; 7], &set.body)),
        ("a lease that never ends", record([7, top, now, 0, 0, top, 0], b"")),
        ("a fetch in the future", record([7, 0, top, 0, now, top, 0], b"")),
        ("many failures", record([7, 0, 0, top, 0, 0, top], b"")),
        ("nothing before 1970", record([7, 1, 0, 0, 0, 0, 0], b"")),
    ] {
        for has_keys in [false, true] {
            let case = format!("{name}, {has_keys}");
            let mut site = if has_keys {
                Site::with_keys(2, &configuration(""), &set)
            } else {
                Site::start(2, &configuration(""))
            };
            plant(&site, &value);
            let stream = site.send(1, &token(&issuer, Some("a")));
            assert_eq!(site.result(1, stream), if has_keys { "forwarded as alice" } else { "waits" }, "{case}");
            let fetching = site.pass_until_call(2_500);
            let keys_are_there = name == "greatest numbers with keys";
            assert_eq!(site.calls().len(), 1, "{case}");
            if !has_keys && !keys_are_there {
                assert_eq!(site.result(1, stream), "waits", "{case}");
            }
            site.answer(fetching, &set);
            site.pass(500);
            for worker in [0, 1] {
                assert_eq!(site.ask(worker, &token(&issuer, Some("a"))), "forwarded as alice", "{case}");
            }
            assert_eq!((site.result(1, stream).as_str(), site.calls().len()), ("forwarded as alice", 0), "{case}");
        }
    }
}

#[test]
fn secrets_and_private_keys_in_a_planted_record_verify_nothing() {
    use kit::issuer::{Algorithm, SigningKey};
    let now = 1_800_000_000_000;
    let secret = SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32]);
    for planted in [secret.public_jwk(Some("a"), true), key().private_jwk(Some("a"), true)] {
        let mut site = Site::start(1, &configuration(""));
        plant(&site, &record([1, 0, now, 0, now, u64::MAX, 0], format!(r#"{{"keys":[{planted}]}}"#).as_bytes()));
        site.pass(1);
        assert_eq!(site.ask(0, &token(&secret, Some("a"))), "A403JT");
        assert_eq!(site.ask(0, &token(&key(), Some("a"))), "waits");
    }
}
