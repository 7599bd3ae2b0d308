//! `discovery`: metadata that is wrong or leads elsewhere, and where the set may be.

use kit::bootstrap::Cluster;
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use kit::key_server::{Answer, KeyServer, Place};
use serde_json::json;

use crate::setup::{Site, claims, configuration, listener, passed, serving};
use crate::trial::{Issuer, Row, TIMES, TOO_LONG, run};

const ISSUER: &str = "the issuer in the metadata is not the one in discovery";
const JWKS_URI: &str = "jwks_uri does not lead to the host of discovery or to jwksAuthority";
const MALFORMED: &str = "the answer is not the JSON that was expected, or has more than 100 keys";
const STATUS_404: &str = "the status was 404, not 200";

/// What goes wrong in one row: the answer to one of the three calls, and the reason in the counter and in the log.
struct Fault {
    name: &'static str,
    call: Call,
    bad: Answer,
    reason: &'static str,
    text: &'static str,
}

/// The calls of a fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    OpenId,
    /// The metadata at the place of RFC 8414; the first call gets 404.
    Rfc8414,
    Keys,
}

fn openid(name: &str) -> String {
    format!("/d/{name}/.well-known/openid-configuration")
}

fn rfc_8414(name: &str) -> String {
    format!("/.well-known/oauth-authorization-server/d/{name}")
}

fn keys(name: &str) -> String {
    format!("/d/{name}/keys")
}

fn issuer_url(name: &str) -> String {
    format!("https://issuer.test/d/{name}")
}

fn metadata(issuer: &str, jwks_uri: &str) -> Answer {
    Answer::json(&json!({"issuer": issuer, "jwks_uri": jwks_uri, "authorization_endpoint": "https://issuer.test/"}))
}

impl Fault {
    fn row(self, issuer: &Issuer) -> Row {
        let Self { name, call, bad, reason, text } = self;
        // The host in any case and the default port are the same authority.
        let good = metadata(&issuer_url(name), &format!("https://ISSUER.test:443{}", keys(name)));
        let set = Answer::json(&issuer.set());
        let (path, good, mut others) = match call {
            Call::OpenId => (openid(name), good, vec![(keys(name), set)]),
            Call::Rfc8414 => (rfc_8414(name), good, vec![(keys(name), set)]),
            Call::Keys => (keys(name), set, vec![(openid(name), good)]),
        };
        if call == Call::Rfc8414 {
            others.push((openid(name), Answer::new(404)));
        }
        let issuer = issuer_url(name);
        let source = format!("{{discovery: '{issuer}', {TIMES}}}");
        Row { name: name.to_owned(), source, url: issuer.clone(), issuer, path, bad, good, others, reason, text }
    }
}

#[test]
fn metadata_of_another_issuer_or_that_leads_elsewhere_is_never_used() {
    for binary in envoy::binaries() {
        let issuer = Issuer::new();
        let rows: Vec<Row> = faults(&issuer).into_iter().map(|fault| fault.row(&issuer)).collect();
        run(&binary, &issuer, &rows, Vec::new(), |site| {
            for name in ["500", "redirect", "no-json"] {
                assert_eq!(site.keys.requests(&rfc_8414(name)), 0, "{name}: only a 4xx leads to the other place");
            }
            let received = site.keys.received();
            assert!(received.iter().all(|one| one.request.header("host") == Some(b"issuer.test")));
        });
    }
}

fn faults(issuer: &Issuer) -> Vec<Fault> {
    let fault = |name, call, bad, reason, text| Fault { name, call, bad, reason, text };
    let leads = |name: &'static str, jwks_uri: String| {
        fault(name, Call::OpenId, metadata(&issuer_url(name), &jwks_uri), "jwks_uri", JWKS_URI)
    };
    let of_issuer = |name: &'static str, issuer: String| {
        fault(name, Call::OpenId, metadata(&issuer, &format!("https://issuer.test{}", keys(name))), "issuer", ISSUER)
    };
    let found = Answer::new(302).header("location", rfc_8414("redirect"));
    vec![
        of_issuer("final-slash", issuer_url("final-slash/")),
        leads("elsewhere", "https://evil.test/d/elsewhere/keys".to_owned()),
        leads("to-http", format!("http://issuer.test{}", keys("to-http"))),
        leads("subdomain", format!("https://issuer.test.evil.test{}", keys("subdomain"))),
        fault("no-json", Call::OpenId, Answer::new(200).body("<html>"), "malformed", MALFORMED),
        fault(
            "no-jwks-uri",
            Call::OpenId,
            Answer::json(&json!({"issuer": issuer_url("no-jwks-uri")})),
            "malformed",
            MALFORMED,
        ),
        fault(
            "too-large",
            Call::OpenId,
            metadata(&issuer_url("too-large"), "https://issuer.test/").padded_to((256 << 10) + 1),
            "too_large",
            "the answer is larger than 256 KiB",
        ),
        fault("500", Call::OpenId, Answer::new(500), "status", "the status was 500, not 200"),
        fault("redirect", Call::OpenId, found, "status", "the status was 302, not 200"),
        fault("404-twice", Call::Rfc8414, Answer::new(404), "status", STATUS_404),
        fault(
            "other-issuer-at-8414",
            Call::Rfc8414,
            metadata("https://issuer.test", "https://issuer.test/"),
            "issuer",
            ISSUER,
        ),
        fault("keys-404", Call::Keys, Answer::new(404), "status", STATUS_404),
        fault("keys-html", Call::Keys, Answer::new(200).body("<html>"), "malformed", MALFORMED),
        fault(
            "keys-late",
            Call::Keys,
            Answer::json(&issuer.set()).wait(Place::BeforeHead, TOO_LONG),
            "status",
            "the status was 504; Envoy answers so after timeoutSeconds",
        ),
    ]
}

/// Google's keys are on another host than its issuer.
#[test]
fn the_set_may_be_on_the_host_of_jwks_authority_and_is_called_through_jwks_cluster() {
    let (here, there) = (SigningKey::generate(Algorithm::ES256), SigningKey::generate(Algorithm::ES256));
    let set = |key| Answer::json(&jwk_set(&[(Some("a"), key)]));
    for binary in envoy::binaries() {
        let (server, elsewhere) = (serving(&[]), KeyServer::start().unwrap());
        for (name, jwks_uri) in [
            ("there", "https://www.keys.test/there/keys"),
            ("here", "https://issuer.test/d/here/keys"),
            ("nowhere", "https://keys.test/d/nowhere/keys"),
        ] {
            server.set(&openid(name), metadata(&issuer_url(name), jwks_uri));
            server.set(&keys(name), set(&here));
        }
        elsewhere.set("/there/keys", set(&there));
        let names = ["there", "here", "nowhere"];
        let source = |name| {
            let others = "jwksAuthority: WWW.keys.test, jwksCluster: elsewhere";
            configuration(&format!("{{discovery: '{}', {others}, {TIMES}}}", issuer_url(name)))
        };
        let listeners = names.iter().map(|name| listener(name, &source(name))).collect();
        let clusters = vec![Cluster::new("elsewhere", elsewhere.address())];
        let site = Site::with(&binary, server, listeners, clusters, 2);
        let token = |key: &SigningKey, name: &str| {
            let mut claims = claims("alice");
            claims["iss"] = json!(issuer_url(name));
            key.token(Some("a"), &claims)
        };
        assert_eq!(site.get_at("there", &token(&there, "there")), passed("alice"));
        assert_eq!(site.get_at("here", &token(&here, "here")), passed("alice"));
        assert_eq!(site.get_at("nowhere", &token(&there, "nowhere")).1, "S503JW");
        let line = format!("fetching the keys of {} fails: {JWKS_URI}", issuer_url("nowhere"));
        assert_eq!(site.log_lines(&line).len(), 1, "{}", site.proxy.envoy.log());
        let received = elsewhere.received();
        let calls: Vec<_> =
            received.iter().map(|one| (one.request.target.as_slice(), one.request.header("host"))).collect();
        assert_eq!(calls, [(b"/there/keys".as_slice(), Some(b"www.keys.test".as_slice()))]);
    }
}
