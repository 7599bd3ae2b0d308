use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use kit::http::RequestBuilder;
use serde_json::{Value, json};

use super::running::{Running, SERVE, basic, prepared, token};
use crate::command::{json, now, opened, run};
use crate::filter::decide;

const KEY_SET: &str = "/.well-known/jwks.json";

fn key_set(service: &Running) -> Value {
    serde_json::from_slice(&service.send(&RequestBuilder::get(KEY_SET)).body).expect("JSON")
}

fn ids(key_set: &Value) -> Vec<String> {
    let keys = key_set["keys"].as_array().expect("keys");
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn id_of(token: &str) -> String {
    opened(token).0["kid"].as_str().expect("a kid").to_owned()
}

/// What the filter says about a token with these keys.
fn decided(key_set: &Value, token: &str) -> Result<(), String> {
    let configuration = json!({"parameter": "X-Token", "jwks": key_set}).to_string();
    decide(&configuration, token, now()).map(drop)
}

#[test]
fn a_new_key_is_published_before_it_signs_and_the_old_one_still_verifies_its_tokens() {
    let service = Running::start(&["--rotate-every", "4s", "--expires-in", "1m"]);
    let response = service.send(&RequestBuilder::get(KEY_SET));
    assert_eq!(response.header("cache-control"), Some(&b"public, max-age=2"[..]));
    let before: Value = serde_json::from_slice(&response.body).expect("JSON");
    let mut first_key = json(&service.folder.path().join("key"));
    first_key.as_object_mut().expect("a key").remove("d").expect("the private part");
    let keys = before["keys"].as_array().expect("keys");
    assert_eq!((keys.len(), &keys[0]), (2, &first_key));
    let names = |key: &Value| key.as_object().expect("a key").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&keys[1]), names(&first_key), "a public key of the same kind");
    assert_eq!((&keys[1]["alg"], &keys[1]["crv"]), (&first_key["alg"], &first_key["crv"]));

    let old = token(&service.send(&basic("alice", "wonderland")), 60);
    assert_eq!(id_of(&old), "k");
    let next = ids(&before)[1].clone();
    let deadline = Instant::now() + Duration::from_secs(10);
    while ids(&key_set(&service))[0] == "k" {
        assert!(Instant::now() < deadline, "the key does not rotate");
        thread::sleep(Duration::from_millis(50));
    }
    let new = token(&service.send(&basic("alice", "wonderland")), 60);
    assert_eq!(id_of(&new), next);
    assert_eq!(decided(&before, &new), Ok(()), "who cached the set knows the new key");
    let after = key_set(&service);
    assert_eq!((ids(&after).len(), ids(&after)[0] == next, ids(&after)[2].as_str()), (3, true, "k"));
    assert_eq!([decided(&after, &old), decided(&after, &new)], [Ok(()), Ok(())]);

    let (code, log) = service.stop();
    assert_eq!(code, Some(0));
    let rotations: Vec<_> = log.lines().filter_map(|line| line.split_once(" rotated ")).collect();
    let (time, fields) = rotations[0];
    assert!(time.len() == 20 && time.ends_with('Z'), "{log}");
    assert_eq!(fields, format!("kid={next} next={} published=3", ids(&after)[1]));
}

/// Several clients get tokens while the keys rotate at least twice.
#[test]
fn during_rotation_every_token_has_a_key_that_is_published_before_and_after() {
    let service = Running::start(&["--rotate-every", "1s", "--expires-in", "30s"]);
    let until = Instant::now() + Duration::from_millis(3500);
    let tokens: Vec<(Value, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let service = &service;
                scope.spawn(move || {
                    let mut connection = service.connect_from(Ipv4Addr::new(127, 0, 2, client));
                    let mut tokens = Vec::new();
                    while Instant::now() < until {
                        let before = serde_json::from_slice(&connection.send(&RequestBuilder::get(KEY_SET)).body);
                        let token = token(&connection.send(&basic("alice", "wonderland")), 30);
                        tokens.push((before.expect("JSON"), token));
                        // A client has 30 tokens at once.
                        thread::sleep(Duration::from_millis(120));
                    }
                    tokens
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("a client")).collect()
    });
    let after = key_set(&service);
    for (before, token) in &tokens {
        assert_eq!([decided(before, token), decided(&after, token)], [Ok(()), Ok(())], "{}", id_of(token));
    }
    let used: BTreeSet<_> = tokens.iter().map(|(_, token)| id_of(token)).collect();
    assert!(used.len() >= 3, "{used:?}");
}

#[test]
fn after_a_restart_the_tokens_of_new_keys_are_rejected_and_those_of_the_first_key_are_not() {
    let service = Running::start(&["--rotate-every", "1s", "--expires-in", "30s"]);
    let first = token(&service.send(&basic("alice", "wonderland")), 30);
    let deadline = Instant::now() + Duration::from_secs(10);
    while ids(&key_set(&service))[0] == "k" {
        assert!(Instant::now() < deadline, "the key does not rotate");
        thread::sleep(Duration::from_millis(50));
    }
    let new = token(&service.send(&basic("alice", "wonderland")), 30);
    let key = std::fs::read(service.folder.path().join("key")).expect("a file");
    service.stop();

    let folder = prepared();
    std::fs::write(folder.path().join("key"), key).expect("a file");
    let restarted = key_set(&Running::start_in(folder, &["--rotate-every", "1h"]));
    assert_eq!(decided(&restarted, &first), Ok(()));
    let rejected = decided(&restarted, &new).expect_err("a rejection");
    assert!(rejected.starts_with("A403JK: "), "{rejected}");
}

#[test]
fn a_key_without_kid_gets_its_thumbprint_when_keys_rotate() {
    for (more, expected) in [(&["--rotate-every", "1h"][..], true), (&[], false)] {
        let folder = prepared();
        let mut key = json(&folder.path().join("key"));
        key.as_object_mut().expect("a key").remove("kid").expect("a kid");
        std::fs::write(folder.path().join("key"), key.to_string()).expect("a file");
        let service = Running::start_in(folder, more);
        let keys = key_set(&service);
        let (header, _) = opened(&token(&service.send(&basic("alice", "wonderland")), 7200));
        assert_eq!(header.get("kid"), keys["keys"][0].get("kid"));
        let kid = header.get("kid").and_then(Value::as_str);
        assert_eq!(kid.map(str::len), expected.then_some(43), "{more:?}");
    }
}

#[test]
fn a_period_that_is_too_short_is_an_error_that_names_a_possible_one() {
    let folder = prepared();
    let ended = run(folder.path(), SERVE.iter().chain(&["--rotate-every", "1m"]));
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (
            2,
            "",
            "jwt-auth: with --rotate-every 1m and --expires-in 2h the JWK set would have 124 keys; the filter reads \
             100\n  use --rotate-every 75s or more, or tokens with a shorter lifetime\n"
        )
    );
    let ended = run(folder.path(), SERVE.iter().chain(&["--rotate-every", "0s"]));
    assert!(ended.code == 2 && ended.stderr.contains("expected 1s or more"), "{}", ended.stderr);
}
