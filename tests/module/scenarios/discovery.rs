//! Keys whose URL the issuer's metadata names, and several issuers.

use serde_json::json;

use super::setup::{Site, configuration, key, serving, token};
use crate::host::{BAD_ARGUMENT, Reply};
use kit::issuer::SigningKey;

const ISSUER: &str = "https://issuer.example/realm";

fn discovery(fields: &str) -> String {
    configuration(fields).replace("uri: 'https://issuer.example/keys'", &format!("discovery: '{ISSUER}'"))
}

fn metadata(issuer: &str, jwks_uri: &str) -> Reply {
    Reply::new(200, json!({"issuer": issuer, "jwks_uri": jwks_uri, "scopes_supported": ["openid"]}).to_string())
}

fn of_issuer(key: &SigningKey, issuer: &str, kid: &str) -> String {
    key.token(Some(kid), &json!({"sub": "alice", "iss": issuer, "exp": 1_800_518_400}))
}

/// The cluster, authority and path of the only call, and its timeout in milliseconds.
fn called(site: &Site) -> (String, String, String, u128) {
    let call = site.call();
    let header = |name| call.header(name).unwrap_or_default().to_owned();
    (call.cluster.clone(), header(":authority"), header(":path"), call.timeout.as_millis())
}

fn to(cluster: &str, authority: &str, path: &str, timeout: u128) -> (String, String, String, u128) {
    (cluster.to_owned(), authority.to_owned(), path.to_owned(), timeout)
}

#[test]
fn the_calls_of_one_fetch_share_timeout_seconds_and_the_request_waits_for_the_last() {
    let issuer = key();
    let elsewhere = ", jwksAuthority: 'www.keys.example:8443', jwksCluster: elsewhere";
    let mut site = Site::start(1, &discovery(elsewhere));
    let stream = site.send(0, &of_issuer(&issuer, ISSUER, "a"));
    site.pass(1);
    let host = "issuer.example";
    assert_eq!(called(&site), to("issuer", host, "/realm/.well-known/openid-configuration", 5_000));
    site.pass(1_000);
    site.answer(0, &Reply::new(404, "no"));
    assert_eq!(called(&site), to("issuer", host, "/.well-known/oauth-authorization-server/realm", 4_000));
    site.pass(1_500);
    site.answer(0, &metadata(ISSUER, "https://www.keys.example:8443/k?v=1"));
    assert_eq!(called(&site), to("elsewhere", "www.keys.example:8443", "/k?v=1", 2_500));
    site.pass(500);
    assert_eq!(site.result(0, stream), "waits");
    site.answer(0, &serving(&[(Some("a"), &issuer)]));
    site.pass(10);
    assert_eq!(site.result(0, stream), "forwarded as alice");
    assert_eq!(site.ask(0, &of_issuer(&issuer, "https://issuer.example/realm/", "a")), "A403JT");
    assert_eq!(site.metric("jwks_fetches_succeeded"), 1);
}

#[test]
fn metadata_that_leads_elsewhere_or_is_of_another_issuer_is_a_failed_fetch() {
    for (reply, reason) in [
        (metadata("https://issuer.example/realm/", "https://issuer.example/k"), "issuer"),
        (metadata(ISSUER, "https://issuer.example.evil/k"), "jwks_uri"),
        (metadata(ISSUER, "http://issuer.example/k"), "jwks_uri"),
        (metadata(ISSUER, "https://issuer.example@evil/k"), "jwks_uri"),
        (metadata(ISSUER, "https://issuer.example/k\r\nx: y"), "jwks_uri"),
        (metadata(ISSUER, ""), "jwks_uri"),
        (Reply::new(200, json!([ISSUER, "https://issuer.example/k"]).to_string()), "malformed"),
        (Reply::new(200, json!({"issuer": ISSUER}).to_string()), "malformed"),
        (Reply::new(500, ""), "status"),
        (Reply::default(), "no_answer"),
    ] {
        let mut site = Site::start(1, &discovery(""));
        site.pass(1);
        site.answer(0, &reply);
        site.pass(100);
        let counts = (site.metric(&format!("jwks_fetches_failed.{reason}")), site.calls().len());
        assert_eq!(counts, (1, 0), "{reason}, {reply:?}");
        site.pass(1_500);
        assert_eq!(called(&site).2, "/realm/.well-known/openid-configuration");
    }
}

#[test]
fn a_second_call_that_envoy_does_not_accept_fails_the_fetch() {
    let mut site = Site::start(1, &discovery(""));
    site.pass(1);
    site.workers[0].state_mut().http_call_statuses.push_back(BAD_ARGUMENT);
    site.answer(0, &metadata(ISSUER, "https://issuer.example/k"));
    site.pass(10);
    assert_eq!((site.calls().len(), site.metric("jwks_fetches_failed.no_cluster")), (0, 1));
}

#[test]
fn a_request_waits_while_the_set_of_any_issuer_is_missing_and_keys_stay_with_their_issuer() {
    let (one, two) = (key(), key());
    let sets = "remoteJwks:
- {uri: 'https://one.example/keys', cluster: one, issuer: one}
- {uri: 'https://two.example/keys', cluster: two, issuer: two}
";
    let common = configuration("");
    let common = &common[..common.find("remoteJwks").unwrap()];
    let mut site = Site::start(1, &format!("{common}{sets}"));
    site.pass(1);
    let streams: Vec<u32> = [(&one, "one", "1"), (&two, "two", "2"), (&two, "one", "2"), (&one, "none", "1")]
        .into_iter()
        .map(|(key, issuer, kid)| site.send(0, &of_issuer(key, issuer, kid)))
        .collect();
    let results = |site: &Site| -> Vec<String> { streams.iter().map(|stream| site.result(0, *stream)).collect() };
    let calls = site.calls();
    assert_eq!(calls.iter().map(|call| call.cluster.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    site.workers[0].answer(calls[0].token, &serving(&[(Some("1"), &one)])).unwrap();
    site.pass(10);
    assert_eq!(results(&site), ["forwarded as alice", "waits", "waits", "waits"]);
    site.workers[0].answer(calls[1].token, &serving(&[(Some("2"), &two)])).unwrap();
    site.pass(10);
    assert_eq!(results(&site), ["forwarded as alice", "forwarded as alice", "A403JT", "A403JT"]);
    assert_eq!(site.ask(0, &token(&one, Some("1"))), "A403JT");
    // An unknown `kid` may be in either set.
    let unknown = site.send(0, &of_issuer(&one, "one", "3"));
    site.pass(1);
    assert_eq!(site.calls().iter().map(|call| call.cluster.clone()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(site.result(0, unknown), "waits");
}
