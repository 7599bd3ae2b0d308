//! Fetches that fail: the log line, the counter and the answer to requests for each, first before there are keys, then
//! after there were.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kit::bootstrap::Cluster;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, KeyServer};
use serde_json::{Value, json};

use crate::setup::{Site, ask, claims, configuration, eventually, listener, passed, rejected};

/// The end of each source: short times, so that a test is short.
pub(crate) const TIMES: &str = "cluster: issuer, timeoutSeconds: 1, unknownKidCooldownSeconds: 1";

/// Longer than the timeout.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(3);

/// A source whose fetches fail because of the answer to one path.
pub(crate) struct Row {
    /// The name of the listener.
    pub(crate) name: String,
    /// The `remoteJwks`, in YAML.
    pub(crate) source: String,
    /// `uri` or `discovery`, as in log lines.
    pub(crate) url: String,
    /// The `iss` of tokens.
    pub(crate) issuer: String,
    /// The path, and the answers with which fetches fail and succeed.
    pub(crate) path: String,
    pub(crate) bad: Answer,
    pub(crate) good: Answer,
    /// Answers to other paths.
    pub(crate) others: Vec<(String, Answer)>,
    /// The reason in the name of the counter, and in the log line.
    pub(crate) reason: &'static str,
    pub(crate) text: &'static str,
}

/// The key whose set is a good answer. Its `kid` is `a`.
pub(crate) struct Issuer {
    pub(crate) key: SigningKey,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        Self { key: SigningKey::generate(Algorithm::ES256) }
    }

    /// Its JWK set.
    pub(crate) fn set(&self) -> Value {
        jwk_set(&[(Some("a"), &self.key)])
    }

    fn token(&self, kid: &str, issuer: &str) -> String {
        let mut claims = claims("alice");
        claims["iss"] = json!(issuer);
        self.key.token(Some(kid), &claims)
    }
}

/// Runs all rows in one Envoy:
///
/// 1. With the bad answer, a request is rejected with S503JW.
/// 2. With the good answer, requests pass.
/// 3. With the bad answer again, the keys stay: only an unknown `kid` is rejected, with A403JK.
///
/// Each turn from good to bad and back writes one log line, and each fetch is counted. `check` sees the Envoy at the end.
pub(crate) fn run(binary: &Path, issuer: &Issuer, rows: &[Row], clusters: Vec<Cluster>, check: impl FnOnce(&Site)) {
    let server = KeyServer::start().unwrap();
    for row in rows {
        server.set(&row.path, row.bad.clone());
        for (path, answer) in &row.others {
            server.set(path, answer.clone());
        }
    }
    let listeners = rows.iter().map(|row| listener(&row.name, &configuration(&row.source))).collect();
    let site = Site::with(binary, server, listeners, clusters, 2);
    let mut failures = Vec::new();

    let before = ask_all(&site, rows, |row| issuer.token("a", &row.issuer));
    expect(&mut failures, rows, &before, &rejected(503, "S503JW"), "before the first set");
    let bad_before: Vec<usize> = rows.iter().map(|row| site.keys.set(&row.path, row.good.clone())).collect();
    for row in rows {
        let token = issuer.token("a", &row.issuer);
        eventually(&row.name, || site.get_at(&row.name, &token) == passed("alice"));
    }

    let until_bad: Vec<usize> = rows.iter().map(|row| site.keys.set(&row.path, row.bad.clone())).collect();
    let unknown = ask_all(&site, rows, |row| issuer.token("b", &row.issuer));
    expect(&mut failures, rows, &unknown, &rejected(403, "A403JK"), "an unknown kid");
    let after = ask_all(&site, rows, |row| issuer.token("a", &row.issuer));
    expect(&mut failures, rows, &after, &passed("alice"), "after a failed fetch");
    let until_good: Vec<usize> = rows.iter().map(|row| site.keys.set(&row.path, row.good.clone())).collect();

    let fails = |row: &Row| format!("fetching the keys of {} fails", row.url);
    let works = |row: &Row| format!("fetching the keys of {} works again", row.url);
    for row in rows {
        eventually(&works(row), || site.log_lines(&works(row)).len() >= 2);
        let found = site.log_lines(&fails(row));
        let line = format!("jwt-auth: {}: {}", fails(row), row.text);
        if found.len() != 2 || !found.iter().all(|found| found.contains("[warning]") && found.ends_with(&line)) {
            failures.push(format!("{}: logged {found:?}, expected twice {line:?}", row.name));
        }
        let again = site.log_lines(&works(row));
        if again.len() != 2 || !again.iter().all(|found| found.contains("[info]")) {
            failures.push(format!("{}: logged {again:?}", row.name));
        }
    }

    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = |name: &str, fetches: usize| *expected.entry(name.to_owned()).or_default() += fetches as u64;
    for (index, row) in rows.iter().enumerate() {
        let bad = bad_before[index] + until_good[index] - until_bad[index];
        count(&format!("jwks_fetches_failed.{}", row.reason), bad);
        count("jwks_fetches_succeeded", site.keys.requests(&row.path) - bad);
    }
    let counted = site.counted("jwks_fetches_");
    if counted != expected {
        failures.push(format!("counted {counted:?}, expected {expected:?}"));
    }
    site.proxy.report(&failures);
    site.assert_healthy(&[&issuer.token("a", ""), &issuer.token("b", "")]);
    check(&site);
}

/// The result of one request to each row, all at once.
fn ask_all(site: &Site, rows: &[Row], token: impl Fn(&Row) -> String) -> Vec<(u16, String)> {
    thread::scope(|scope| {
        let asks: Vec<_> = rows
            .iter()
            .map(|row| {
                let (address, token) = (site.address(&row.name), token(row));
                scope.spawn(move || ask(&address, &token))
            })
            .collect();
        asks.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

fn expect(failures: &mut Vec<String>, rows: &[Row], found: &[(u16, String)], expected: &(u16, String), when: &str) {
    for (row, found) in rows.iter().zip(found) {
        if found != expected {
            failures.push(format!("{}, {when}: {found:?}, expected {expected:?}", row.name));
        }
    }
}
