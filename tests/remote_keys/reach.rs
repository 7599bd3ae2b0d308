//! Key servers that Envoy can't reach, or must not trust.

use kit::bootstrap::{Cluster, Tls};
use kit::certificate::Ca;
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, KeyServer};

use crate::setup::{Site, claims, configuration, eventually, listener, passed, rejected, serving};
use crate::unknown_kid::invented;

const HOST: &str = "issuer.test";

/// What Envoy answers itself when it can't connect, or the certificate is wrong.
const NO_CONNECTION: &str = "the status was 503; Envoy answers so when it can't connect or TLS fails";
/// The server waits for the end of what is not HTTP.
const TIMEOUT: &str = "the status was 504; Envoy answers so after timeoutSeconds";
const NO_HOST: &str = "the cluster has no healthy host, or its circuit breaker is open";

/// A configuration with the key set behind a cluster. The cluster is also the name of the listener.
fn through(cluster: &str) -> String {
    configuration(&format!("{{uri: '{}', cluster: {cluster}, timeoutSeconds: 1}}", url(cluster)))
}

/// The URL of the set behind a cluster.
fn url(cluster: &str) -> String {
    format!("https://{HOST}/{cluster}")
}

/// TLS with this CA, to a server whose certificate must be for [`HOST`].
fn tls(ca: &Ca) -> Tls {
    Tls { sni: HOST.to_owned(), ca_pem: ca.pem(), subject_alt_name: Some(HOST.to_owned()) }
}

#[test]
fn keys_are_only_fetched_from_a_server_that_envoy_can_reach_and_trusts() {
    let key = SigningKey::generate(Algorithm::ES256);
    let token = key.token(Some("a"), &claims("alice"));
    for binary in envoy::binaries() {
        let (ca, other_ca) = (Ca::new(), Ca::new());
        let served = |server: KeyServer| {
            for path in ["/trusted", "/refusing"] {
                server.set(path, Answer::json(&jwk_set(&[(Some("a"), &key)])));
            }
            server
        };
        let over_tls = |certificate| served(KeyServer::start_tls(&certificate).unwrap());
        let trusted = over_tls(ca.issue(HOST));
        let stranger = over_tls(other_ca.issue(HOST));
        let misnamed = over_tls(ca.issue("other.test"));
        let expired = over_tls(ca.issue_expired(HOST));
        let mut refusing = served(KeyServer::start().unwrap());
        refusing.stop();
        let plain = served(KeyServer::start().unwrap());
        let clusters = vec![
            Cluster::new("trusted", trusted.address()).over_tls(tls(&ca)),
            Cluster::new("stranger", stranger.address()).over_tls(tls(&ca)),
            Cluster::new("misnamed", misnamed.address()).over_tls(tls(&ca)),
            Cluster::new("expired", expired.address()).over_tls(tls(&ca)),
            Cluster::new("tls-to-plain", plain.address()).over_tls(tls(&ca)),
            Cluster::new("refusing", refusing.address()),
            Cluster::new("empty", plain.address()).without_hosts(),
            Cluster::new("full", plain.address()).with_limits(0, 0),
        ];
        let expected = [
            ("stranger", "status", NO_CONNECTION),
            ("misnamed", "status", NO_CONNECTION),
            ("expired", "status", NO_CONNECTION),
            ("tls-to-plain", "status", TIMEOUT),
            ("refusing", "status", NO_CONNECTION),
            ("empty", "no_host", NO_HOST),
            ("full", "no_host", NO_HOST),
            ("missing", "no_cluster", "Envoy has no such cluster"),
        ];
        let names = expected.iter().map(|(name, ..)| *name).chain(["trusted"]);
        let listeners = names.map(|name| listener(name, &through(name))).collect();
        let site = Site::with(&binary, serving(&[]), listeners, clusters, 2);

        assert_eq!(site.get_at("trusted", &token), passed("alice"));
        let received = trusted.received();
        let seen: Vec<_> =
            received.iter().map(|one| (one.server_name.as_deref(), one.request.header("host"))).collect();
        assert_eq!(seen, [(Some(HOST), Some(HOST.as_bytes()))]);

        let mut failures = Vec::new();
        for (name, ..) in &expected {
            let found = site.get_at(name, &token);
            if found != rejected(503, "S503JW") {
                failures.push(format!("{name}: {found:?}"));
            }
        }
        for (name, _, text) in &expected {
            let line = format!("jwt-auth: fetching the keys of {} fails: {text}", url(name));
            let found = site.log_lines(&format!("fetching the keys of {} fails", url(name)));
            if found.len() != 1 || !found[0].contains("[warning]") || !found[0].ends_with(&line) {
                failures.push(format!("logged {found:?}, expected once {line:?}"));
            }
        }
        let counted = site.counted("jwks_fetches_");
        let reasons: Vec<_> = counted.keys().map(String::as_str).collect();
        let reasons_expected = [
            "jwks_fetches_failed.no_cluster",
            "jwks_fetches_failed.no_host",
            "jwks_fetches_failed.status",
            "jwks_fetches_succeeded",
        ];
        if reasons != reasons_expected || counted["jwks_fetches_succeeded"] != 1 {
            failures.push(format!("counted {counted:?}"));
        }
        for (stat, cluster) in [("fail_verify_error", "stranger"), ("fail_verify_san", "misnamed")] {
            if site.proxy.envoy.stat(&format!("cluster.{cluster}.ssl.{stat}")).unwrap() == 0 {
                failures.push(format!("{cluster}: the certificate was not the reason"));
            }
        }
        for server in [&stranger, &misnamed, &expired, &plain] {
            failures.extend(server.received().iter().map(|one| format!("a request was sent: {one:?}")));
        }
        site.proxy.report(&failures);

        refusing.restart().unwrap();
        eventually("a server that is back", || site.get_at("refusing", &token) == passed("alice"));
        assert_eq!(site.log_lines("works again").len(), 1);
        refusing.stop();
        assert_eq!(site.get_at("refusing", &invented(0)), rejected(403, "A403JK"));
        assert_eq!(site.get_at("refusing", &token), passed("alice"), "the keys stay");
        site.assert_healthy(&[&token]);
    }
}
