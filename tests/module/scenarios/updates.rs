//! A configuration that is replaced while requests wait. Envoy keeps the old root context as long as it has requests.

use super::setup::{ROOT, Site, configuration, key, serving, token, token_of};

#[test]
fn requests_that_wait_are_decided_by_their_own_configuration_and_both_share_the_fetch() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    site.pass(1);
    let old = site.send(0, &token(&issuer, None));
    let other = configuration("").replace("X-Sub", "X-User");
    let second = site.workers[0].add_root(other).unwrap();
    let new = site.send_to(0, second, &token_of("bob", &issuer, None));
    site.pass(1_000);
    assert_eq!(site.call().root, ROOT);
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(20);
    let header = |site: &Site, stream, name: &str| {
        let headers = site.stream(0, stream).forwarded.clone().expect("forwarded").headers;
        headers.iter().find(|(other, _)| other == name).map(|(_, value)| String::from_utf8(value.clone()).unwrap())
    };
    assert_eq!(header(&site, old, "x-sub").as_deref(), Some("alice"));
    assert_eq!(
        (header(&site, new, "x-user").as_deref(), header(&site, new, "x-sub").as_deref()),
        (Some("bob"), Some("mallory"))
    );
    // The old context goes with its last request.
    site.close(0, old);
    site.workers[0].remove_root(ROOT).unwrap();
    site.pass(2_000);
    let later = site.send_to(0, second, &token_of("carol", &issuer, None));
    assert_eq!(header(&site, later, "x-user").as_deref(), Some("carol"));
    assert_eq!(site.metric("jwks_fetches_succeeded"), 1);
}

#[test]
fn an_old_configuration_without_new_requests_still_rejects_in_time() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    site.pass(1);
    let old = site.send(0, &token(&issuer, None));
    site.workers[0].add_root(format!("jwk: {}\nparameter: X-Token", issuer.public_jwk(None, true))).unwrap();
    site.pass(5_020);
    assert_eq!(site.result(0, old), "S503JW");
    site.close(0, old);
    site.workers[0].remove_root(ROOT).unwrap();
    site.pass(10_000);
}

#[test]
fn when_the_old_configuration_ends_in_the_middle_of_its_fetch_the_new_one_fetches_at_once() {
    let issuer = key();
    let mut site = Site::start(1, &configuration(""));
    site.pass(1);
    let gone = site.send(0, &token(&issuer, None));
    let second = site.workers[0].add_root(configuration("")).unwrap();
    site.pass(10);
    site.close(0, gone);
    site.workers[0].remove_root(ROOT).unwrap();
    let stream = site.send_to(0, second, &token(&issuer, None));
    site.pass(1);
    assert_eq!(site.call().root, second);
    site.answer(0, &serving(&[(None, &issuer)]));
    site.pass(20);
    assert_eq!(site.result(0, stream), "forwarded as alice");
}

#[test]
fn a_new_configuration_uses_the_keys_that_are_there_without_a_call() {
    let issuer = key();
    let mut site = Site::with_keys(1, &configuration(""), &serving(&[(None, &issuer)]));
    let second = site.workers[0].add_root(configuration(", timeoutSeconds: 9")).unwrap();
    // Not even the first request waits longer than until the first tick.
    let stream = site.send_to(0, second, &token(&issuer, None));
    assert_eq!(site.result(0, stream), "waits");
    site.pass(1);
    assert_eq!((site.result(0, stream).as_str(), site.calls().len()), ("forwarded as alice", 0));
}

#[test]
fn keys_of_another_issuer_or_cluster_are_not_shared() {
    let issuer = key();
    for fields in [", issuer: me", ", cluster: other"] {
        let mut site = Site::with_keys(1, &configuration(""), &serving(&[(None, &issuer)]));
        let other = match fields {
            ", issuer: me" => configuration(fields),
            _ => configuration("").replace("cluster: issuer", "cluster: other"),
        };
        let second = site.workers[0].add_root(other).unwrap();
        let stream = site.send_to(0, second, &token(&issuer, None));
        site.pass(10);
        assert_eq!((site.result(0, stream).as_str(), site.call().root), ("waits", second), "{fields}");
    }
}
