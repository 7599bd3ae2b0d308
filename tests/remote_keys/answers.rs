//! Answers of a key server that are not a usable JWK set.

use kit::envoy;
use kit::issuer::{Algorithm, SigningKey};
use kit::key_server::{Answer, Place};
use serde_json::{Value, json};

use crate::trial::{Issuer, Row, TIMES, TOO_LONG, run};

const STATUS_502: &str = "the status was 502, not 200";
const STATUS_503: &str = "the status was 503; Envoy answers so when it can't connect or TLS fails";
const STATUS_504: &str = "the status was 504; Envoy answers so after timeoutSeconds";
const INCOMPLETE: &str = "there was no complete answer";
const TOO_LARGE: &str = "the answer is larger than 256 KiB";
const MALFORMED: &str = "the answer is not the JSON that was expected, or has more than 100 keys";
const NO_USABLE_KEY: &str = "the set has no usable key";

/// Where the redirects lead: a usable set.
const REDIRECTED: &str = "/redirected";

#[test]
fn a_bad_answer_is_never_used_and_never_replaces_good_keys() {
    for binary in envoy::binaries() {
        let issuer = Issuer::new();
        let mut rows: Vec<Row> = bad_answers(&issuer)
            .into_iter()
            .map(|(name, bad, reason, text)| Row {
                name: name.to_owned(),
                source: format!("{{uri: 'http://issuer.test/{name}?a=b', {TIMES}}}"),
                url: format!("http://issuer.test/{name}?a=b"),
                issuer: "https://issuer.test".to_owned(),
                path: format!("/{name}?a=b"),
                bad,
                good: Answer::json(&issuer.set()),
                others: Vec::new(),
                reason,
                text,
            })
            .collect();
        rows[0].others.push((REDIRECTED.to_owned(), Answer::json(&issuer.set())));
        // The largest set that is accepted.
        rows[1].good = Answer::json(&issuer.set()).padded_to(256 << 10);
        let most_keys = std::iter::once(issuer.set()["keys"][0].clone()).chain(vec![json!({}); 99]);
        rows[2].good = Answer::json(&json!({"keys": most_keys.collect::<Vec<_>>()})).chunked();
        rows[3].good = Answer::json(&issuer.set()).until_close();
        run(&binary, &issuer, &rows, Vec::new(), |site| {
            assert_eq!(site.keys.requests(REDIRECTED), 0, "a redirect was followed");
            let received = site.keys.received();
            let headers: Vec<_> =
                ["host", "accept", "user-agent"].map(|name| received[0].request.header(name).unwrap()).into();
            assert_eq!(headers, [b"issuer.test".as_slice(), b"application/json", b"jwt-auth"]);
            assert!(received.iter().all(|one| one.request.method == "GET" && one.request.body.is_empty()));
        });
    }
}

/// The name of a row, its answer, and the reason in the counter and in the log.
fn bad_answers(issuer: &Issuer) -> Vec<(&'static str, Answer, &'static str, &'static str)> {
    let good = || Answer::json(&issuer.set());
    let set = |keys: Vec<Value>| Answer::json(&json!({"keys": keys}));
    let key = || issuer.set()["keys"][0].clone();
    let with = |name: &str, value: Value| {
        let mut key = key();
        key[name] = value;
        key
    };
    let secret = SigningKey::generate(Algorithm::HS256).public_jwk(Some("a"), true);
    let status = |code: u16| Answer::new(code).body(issuer.set().to_string());
    let redirect = |code: u16, to: &str| status(code).header("location", to);
    vec![
        ("redirect-302", redirect(302, REDIRECTED), "status", "the status was 302, not 200"),
        ("too-large", good().padded_to((256 << 10) + 1), "too_large", TOO_LARGE),
        ("101-keys", set(vec![key(); 101]), "malformed", MALFORMED),
        ("too-large-chunked", good().padded_to(300_000).chunked(), "too_large", TOO_LARGE),
        ("redirect-308", redirect(308, "http://issuer.test/redirected"), "status", "the status was 308, not 200"),
        ("404", status(404), "status", "the status was 404, not 200"),
        ("500", status(500), "status", "the status was 500, not 200"),
        ("204", Answer::new(204), "status", "the status was 204, not 200"),
        ("garbage", Answer::raw("\u{1}\u{2}\u{3} no HTTP\r\n\r\n"), "status", STATUS_502),
        ("many-headers", (0..200).fold(good(), |answer, _| answer.header("a", "b")), "status", STATUS_502),
        ("reset-before-head", good().close(Place::BeforeHead), "status", STATUS_503),
        ("reset-in-head", good().close(Place::InHead), "status", STATUS_502),
        ("reset-in-body", good().close(Place::InBody), "no_answer", INCOMPLETE),
        ("late-head", good().wait(Place::BeforeHead, TOO_LONG), "status", STATUS_504),
        ("late-body", good().wait(Place::InBody, TOO_LONG), "no_answer", INCOMPLETE),
        ("endless", good().endless(), "no_answer", INCOMPLETE),
        ("empty", Answer::new(200), "malformed", MALFORMED),
        ("html", Answer::new(200).body("<html>{\"keys\": []}</html>"), "malformed", MALFORMED),
        ("cut", Answer::new(200).body(&issuer.set().to_string()[..40]), "malformed", MALFORMED),
        ("none", set(Vec::new()), "no_usable_key", NO_USABLE_KEY),
        ("secrets", set(vec![secret.clone(), secret]), "no_usable_key", NO_USABLE_KEY),
        ("encryption", set(vec![with("use", json!("enc"))]), "no_usable_key", NO_USABLE_KEY),
        ("private", set(vec![issuer.key.private_jwk(Some("a"), true)]), "no_usable_key", NO_USABLE_KEY),
    ]
}
