//! Counters and gauges by name, and log lines.

use super::setup::{LABEL, Site, configuration, key, token};
use crate::host::Reply;
use kit::issuer::{Algorithm, SigningKey, jwk_set};

#[test]
fn nothing_is_defined_for_a_configuration_that_fetches_no_keys() {
    let site = Site::start(1, &format!("parameter: X-Token\njwk: {}", key().public_jwk(None, true)));
    for name in ["waited", "jwks_fetches_succeeded", "jwks_fetches_failed.status", "jwks_keys_skipped"] {
        assert_eq!(site.process.metric(&format!("jwt_auth.{name}")), None, "{name}");
    }
}

#[test]
fn metrics_show_fetches_keys_and_waiting_requests_once_for_all_workers() {
    let issuer = key();
    let secret = SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32]);
    let mut site = Site::start(2, &configuration(""));
    site.pass(1);
    site.log();
    for name in ["jwks_age_seconds", "jwks_keys"] {
        assert_eq!(site.metric(&format!("{name}.{LABEL}")), 0);
    }
    let streams = [site.send(0, &token(&issuer, Some("a"))), site.send(1, &token(&issuer, Some("a")))];
    let set = jwk_set(&[(Some("a"), &issuer), (Some("b"), &key()), (Some("c"), &secret)]);
    site.answer(0, &Reply::new(200, set.to_string()));
    site.pass(1_500);
    assert_eq!(site.log(), [(
        2,
        "jwt-auth: new keys of https://issuer.example/keys: 2 usable, 1 skipped (keys[2].kty: expected a public key, \
         found a secret)"
            .to_owned()
    )]);
    for (worker, stream) in streams.into_iter().enumerate() {
        assert_eq!(site.result(worker, stream), "forwarded as alice");
    }
    for (name, expected) in [
        ("jwks_fetches_succeeded", 1),
        ("jwks_keys_skipped", 1),
        ("waited", 2),
        ("accepted", 2),
        (&format!("jwks_keys.{LABEL}"), 2),
        (&format!("jwks_age_seconds.{LABEL}"), 1),
        ("refused.S503JW", 0),
    ] {
        assert_eq!(site.metric(name), expected, "{name}");
    }
    for reason in [
        "no_cluster",
        "no_host",
        "no_answer",
        "status",
        "too_large",
        "malformed",
        "no_usable_key",
        "issuer",
        "jwks_uri",
    ] {
        assert_eq!(site.metric(&format!("jwks_fetches_failed.{reason}")), 0, "{reason}");
    }
    site.pass(100_000);
    assert_eq!(site.metric(&format!("jwks_age_seconds.{LABEL}")), 101);
    // A fetch that brings the same keys makes them young again, and no log line.
    let worker = site.pass_until_call(450_000);
    site.answer(worker, &Reply::new(200, set.to_string()));
    site.pass(500);
    assert_eq!((site.metric(&format!("jwks_age_seconds.{LABEL}")), site.log()), (0, vec![]));
}

#[test]
fn a_request_that_waits_in_vain_is_counted_once_by_its_code() {
    let mut site = Site::start(1, &configuration(", timeoutSeconds: 1"));
    let stream = site.send(0, &token(&key(), None));
    site.pass(2_000);
    assert_eq!(site.result(0, stream), "S503JW");
    assert_eq!((site.metric("waited"), site.metric("refused.S503JW"), site.metric("accepted")), (1, 1, 0));
}
