use super::*;
use crate::document::parse_for_test;

const NOW: Millis = 1_700_000_000_000;
const DEADLINE: Millis = NOW + 5_000;

const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn source(fields: &str) -> Source {
    let text = format!("{{{fields}, cluster: main}}");
    parse_for_test(&text, |field, faults| Source::parse_all(&field, faults)).unwrap().remove(0)
}

/// The calls of a fetch, as `cluster scheme authority path`, and how it ends. Each call gets the next of the replies.
fn fetch(fields: &str, replies: &[(&str, &str)]) -> (Vec<String>, Result<usize, FetchFailure>) {
    let source = source(fields);
    let (mut fetch, mut call) = Fetch::begin(0, 1, false, &source, NOW, DEADLINE);
    let mut calls = Vec::new();
    for (status, body) in replies {
        let [(_, method), (_, scheme), (_, authority), (_, path), ..] = &call.call.headers[..] else {
            panic!("{call:?}")
        };
        assert_eq!((method.as_str(), &call.call.body[..]), ("GET", &b""[..]));
        calls.push(format!("{} {scheme} {authority} {path}", call.call.cluster));
        assert!(fetch.waits_for(call.id));
        let headers = [(":status", status.as_bytes()), ("location", b"https://a.test/elsewhere")];
        match fetch.answer(&source, Reply::Answer { headers: &headers, body: body.as_bytes(), trailers: &[] }, NOW) {
            Progress::Call(next, next_call) => {
                assert!(!next.waits_for(call.id), "an answer that comes twice is not taken for the next one");
                (fetch, call) = (next, next_call);
            }
            Progress::Done(fetched, _) => return (calls, Ok(fetched.keys.len())),
            Progress::Failed(failure) => return (calls, Err(failure)),
        }
    }
    panic!("the fetch has not ended after {calls:?}");
}

fn metadata(issuer: &str, jwks_uri: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}","other":[1]}}"#)
}

#[test]
fn a_uri_is_fetched_with_one_call_and_no_redirect_is_followed() {
    let uri = "uri: 'https://a.test:8443/keys?x=1'";
    let call = vec!["main https a.test:8443 /keys?x=1".to_owned()];
    for (reply, expected) in [
        (("200", SET), Ok(1)),
        (("200", r#"{"keys":[]}"#), Err(FetchFailure::NoUsableKey)),
        (("200", "<html>"), Err(FetchFailure::Malformed)),
        (("302", SET), Err(FetchFailure::Status(302))),
        (("404", SET), Err(FetchFailure::Status(404))),
    ] {
        assert_eq!(fetch(uri, &[reply]), (call.clone(), expected), "{reply:?}");
    }
}

#[test]
fn discovery_leads_from_the_issuer_to_its_keys() {
    let good = metadata("https://a.test/realm", "https://A.test:443/realm/keys");
    let openid = "main https a.test /realm/.well-known/openid-configuration".to_owned();
    let oauth = "main https a.test /.well-known/oauth-authorization-server/realm".to_owned();
    let keys = "main https a.test /realm/keys".to_owned();
    let discovery = "discovery: 'https://a.test/realm'";
    assert_eq!(fetch(discovery, &[("200", &good), ("200", SET)]), (vec![openid.clone(), keys.clone()], Ok(1)));
    for status in ["400", "404", "499"] {
        let replies = [(status, "x"), ("200", &*good), ("200", SET)];
        assert_eq!(fetch(discovery, &replies), (vec![openid.clone(), oauth.clone(), keys.clone()], Ok(1)), "{status}");
    }
    for (status, failure) in [("500", FetchFailure::Status(500)), ("301", FetchFailure::Status(301))] {
        assert_eq!(fetch(discovery, &[(status, &good)]), (vec![openid.clone()], Err(failure)));
    }
    let twice = [("404", "x"), ("404", "x")];
    assert_eq!(fetch(discovery, &twice), (vec![openid.clone(), oauth], Err(FetchFailure::Status(404))));
    let no_keys = [("200", &*good), ("404", "x")];
    assert_eq!(
        fetch(discovery, &no_keys),
        (vec![openid, keys], Err(FetchFailure::Status(404))),
        "no other place for keys"
    );
}

#[test]
fn metadata_of_another_issuer_or_with_keys_elsewhere_is_a_failure() {
    let keys = "https://a.test/keys";
    for (discovery, metadata, expected) in [
        ("https://a.test", metadata("https://a.test/", keys), FetchFailure::Issuer),
        ("https://a.test/", metadata("https://a.test", keys), FetchFailure::Issuer),
        ("https://a.test", metadata("https://A.test", keys), FetchFailure::Issuer),
        ("https://a.test", metadata("http://a.test", keys), FetchFailure::Issuer),
        ("https://a.test", metadata("https://a.test", "http://a.test/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "https://a.test:8443/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "https://b.test/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "https://a.test@b.test/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "https://a.test.b.test/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "/keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "file:///keys"), FetchFailure::JwksUri),
        ("https://a.test", metadata("https://a.test", "https://a.test/keys#x"), FetchFailure::JwksUri),
        ("https://a.test", r#"{"issuer":"https://a.test"}"#.to_owned(), FetchFailure::Malformed),
        ("https://a.test", r#"{"jwks_uri":"https://a.test/keys"}"#.to_owned(), FetchFailure::Malformed),
        (
            "https://a.test",
            r#"{"issuer":"https://a.test","issuer":"https://a.test","jwks_uri":"https://a.test/keys"}"#.to_owned(),
            FetchFailure::Malformed,
        ),
        ("https://a.test", "[]".to_owned(), FetchFailure::Malformed),
        ("https://a.test", String::new(), FetchFailure::Malformed),
    ] {
        let (calls, ended) = fetch(&format!("discovery: '{discovery}'"), &[("200", &metadata)]);
        assert_eq!((calls.len(), ended), (1, Err(expected)), "{metadata}");
    }
}

#[test]
fn keys_may_be_at_the_configured_authority_through_its_cluster() {
    let fields = "discovery: 'https://a.test', jwksAuthority: Keys.test, jwksCluster: keys";
    for (jwks_uri, expected) in [
        ("https://keys.test/certs", Ok("keys https keys.test /certs")),
        ("https://KEYS.test:443/certs", Ok("keys https keys.test /certs")),
        ("https://a.test/certs", Ok("main https a.test /certs")),
        ("http://keys.test/certs", Err(FetchFailure::JwksUri)),
        ("https://keys.test:8443/certs", Err(FetchFailure::JwksUri)),
        ("https://b.test/certs", Err(FetchFailure::JwksUri)),
    ] {
        let (calls, ended) = fetch(fields, &[("200", &metadata("https://a.test", jwks_uri)), ("200", SET)]);
        assert_eq!(calls.get(1).map(String::as_str), expected.ok(), "{jwks_uri}");
        assert_eq!(ended, expected.map(|_| 1), "{jwks_uri}");
    }
}

#[test]
fn all_calls_of_a_fetch_share_its_time() {
    let source = source("discovery: 'https://a.test'");
    let metadata = metadata("https://a.test", "https://a.test/keys");
    let answer = |now| {
        let (fetch, call) = Fetch::begin(0, 1, false, &source, NOW, DEADLINE);
        assert_eq!(call.call.timeout, Duration::from_secs(5));
        let headers: [(&str, &[u8]); 1] = [(":status", b"200")];
        fetch.answer(&source, Reply::Answer { headers: &headers, body: metadata.as_bytes(), trailers: &[] }, now)
    };
    let Progress::Call(_, call) = answer(NOW + 3_000) else { panic!("a second call") };
    assert_eq!(call.call.timeout, Duration::from_secs(2));
    let Progress::Failed(failure) = answer(DEADLINE) else { panic!("no time is left") };
    assert_eq!(failure, FetchFailure::NoAnswer);
}
