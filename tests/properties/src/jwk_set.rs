//! Any bytes as a fetched JWK set: only public keys are used, one bad key never makes the others unusable, and all
//! workers use the same keys.
//!
//! Input: the body of the answer to a fetch.

use std::cell::RefCell;
use std::sync::OnceLock;

use jwt_auth::{Conflict, KeySetGauge, NumericDate, Plugin, RemoteKeys, Reply, SharedData};
use kit::host::{Headers, Memory};
use kit::issuer::{Algorithm, SigningKey, base64url};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::world::{self, NOW};

/// A public key as the dictionary has it, of [`elliptic_key`].
const ELLIPTIC: &str = r#"{"kty":"EC","crv":"P-256","kid":"a","x":"AhfmF_C2RDkoJ4-WmZ5pojpPLBUr321s32bluAKC1O0","y":"GUp968uXcS0t2jyoWqh2Wlb0X8dYWZZS8ol8ZTBuV5Q"}"#;

/// A secret of the dictionary, with which no token must be verified: whoever fetches it could sign.
const SECRET: &[u8] = b"secretsecretsecretsecretsecretsecret";

/// The most keys in a fetched set.
const MAX_KEYS: usize = 100;

/// The property.
pub fn holds(input: &[u8]) {
    let first = Worker::new(&Shared::default());
    first.fetch(input);
    let gauge = first.gauge();
    let text = first.shared.keys();
    assert_eq!(gauge.keys == 0, text.is_empty(), "keys are used if they are shared");
    match listed(input) {
        Some(listed) => check_loaded(input, &listed, &gauge),
        None => assert_eq!(gauge.keys, 0, "keys without a JWK set"),
    }
    let second = Worker::new(&first.shared);
    second.poll();
    assert_eq!(second.gauge(), gauge, "another worker uses the same keys");
    let again = Worker::new(&Shared::default());
    again.fetch(&text);
    assert_eq!(again.shared.keys(), text, "the usable keys, read again, are the same");
    check_public(&text);
    for worker in [&first, &second] {
        check_tokens(input, &text, worker);
    }
}

/// `load`, which commands use, and a fetch agree on a list of keys. A good key is used, whatever is beside it.
fn check_loaded(input: &[u8], listed: &[&str], gauge: &KeySetGauge) {
    let worker = Worker::new(&Shared::default());
    let report = worker.keys().load(0, input, now()).expect("a set");
    assert_eq!(worker.gauge(), *gauge, "load and a fetch");
    assert_eq!(report.keys().len() as u64, gauge.keys);
    assert_eq!(report.failure.is_some(), gauge.keys == 0, "{report:?}");
    if listed.len() > MAX_KEYS {
        assert!(report.failure.is_some(), "too many keys");
        return;
    }
    assert_eq!(report.keys().len() + report.skipped.len(), listed.len(), "each key is used or skipped");
    assert!(!listed.contains(&ELLIPTIC) || report.failure.is_none(), "a good key is used");
}

/// The keys that workers share are public: no secret, and no private part.
fn check_public(text: &[u8]) {
    if text.is_empty() {
        return;
    }
    let set: Value = serde_json::from_slice(text).expect("JSON");
    for key in set["keys"].as_array().expect("a list of keys") {
        let members: &Map<String, Value> = key.as_object().expect("a JWK");
        assert!(matches!(key["kty"].as_str(), Some("RSA" | "EC" | "OKP")), "{key}");
        for private in ["k", "d", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
            assert!(!members.contains_key(private), "{key}");
        }
    }
}

/// A token is accepted if the set has its public key, and no token is that anyone could have signed.
fn check_tokens(input: &[u8], text: &[u8], worker: &Worker) {
    let wanted = elliptic_key().public_jwk(None, false);
    let set: Value = serde_json::from_slice(text).unwrap_or_default();
    let has_key = set["keys"].as_array().is_some_and(|keys| keys.iter().any(|key| key["x"] == wanted["x"]));
    let [signed, unsigned @ ..] = tokens();
    let passes = |token: &str| {
        let headers: Headers = vec![("t".to_owned(), token.as_bytes().to_vec())];
        world::decide(&worker.plugin, &headers, false).is_ok()
    };
    assert!(has_key || !passes(signed), "a token of a key that was not fetched");
    if listed(input).is_some_and(|listed| listed.len() <= MAX_KEYS && listed.contains(&ELLIPTIC)) {
        assert!(passes(signed), "the key of the token was fetched");
    }
    for token in unsigned {
        assert!(!passes(token), "a token that anyone can make: {token}");
    }
}

/// A token of [`elliptic_key`], then tokens made from what is public: signed with [`SECRET`] and with the public key.
fn tokens() -> &'static [String; 4] {
    static TOKENS: OnceLock<[String; 4]> = OnceLock::new();
    TOKENS.get_or_init(|| {
        let claims = world::claims(&json!({}));
        let secret = |secret: &[u8]| SigningKey::from_shared_secret(Algorithm::HS256, secret);
        let unsecured = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(claims.to_string().as_bytes()));
        [
            elliptic_key().token(Some("a"), &claims),
            secret(SECRET).token(None, &claims),
            secret(ELLIPTIC.as_bytes()).token(Some("a"), &claims),
            unsecured,
        ]
    })
}

fn elliptic_key() -> SigningKey {
    SigningKey::from_scalar(Algorithm::ES256, &[0x11; 32])
}

/// The keys of a JWK set, unread. `None` if it is none.
fn listed(text: &[u8]) -> Option<Vec<&str>> {
    #[derive(Deserialize)]
    struct JwkSet<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let is_object = text.trim_ascii_start().starts_with(b"{");
    let set: JwkSet = serde_json::from_slice(text).ok().filter(|_| is_object)?;
    Some(set.keys.into_iter().map(RawValue::get).collect())
}

fn now() -> NumericDate {
    NumericDate::from_unix_seconds(f64::from(NOW))
}

/// A worker of a process with shared data.
struct Worker {
    plugin: Plugin,
    shared: Shared,
}

impl Worker {
    fn new(shared: &Shared) -> Self {
        let configuration = json!({
            "parameter": "t", "parameterLocation": "header", "tokenCache": {"maxEntries": 0},
            "remoteJwks": {"uri": "http://issuer.test/keys", "cluster": "issuer"},
        });
        let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
        assert_eq!(plugin.faults(), None);
        Self { plugin, shared: shared.clone() }
    }

    fn keys(&self) -> &RemoteKeys {
        self.plugin.remote_keys().expect("keys from a URL")
    }

    fn gauge(&self) -> KeySetGauge {
        self.keys().gauges(now()).remove(0)
    }

    fn poll(&self) {
        assert_eq!(self.keys().poll(now(), &self.shared), [], "a fetch that is not due");
    }

    /// Fetches the set, whose body is `body`.
    fn fetch(&self, body: &[u8]) {
        let calls = self.keys().poll(now(), &self.shared);
        let [call] = calls.as_slice() else { panic!("{calls:?}") };
        let reply = Reply::Answer { headers: &[(":status", b"200")], body, trailers: &[] };
        assert_eq!(self.keys().answer(call.id, reply, now(), &self.shared), None);
    }
}

/// Shared data, of which the last written value is known.
#[derive(Clone, Default)]
struct Shared(std::rc::Rc<(Memory, RefCell<Vec<u8>>)>);

impl Shared {
    /// The length of the numbers before the keys in a shared record.
    const NUMBERS_BYTES: usize = 57;

    /// The JWK set in the shared record.
    fn keys(&self) -> Vec<u8> {
        self.0.1.borrow()[Self::NUMBERS_BYTES..].to_vec()
    }
}

impl SharedData for Shared {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.0.0.get(key)
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        self.0.0.set(key, value, expected)?;
        *self.0.1.borrow_mut() = value.to_vec();
        Ok(())
    }
}
