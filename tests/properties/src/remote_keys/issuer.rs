//! Two issuers: their keys and tokens, and what they answer.

use std::sync::OnceLock;

use jwt_auth::{Call, MAX_BODY_BYTES, Reply};
use kit::issuer::{Algorithm, SigningKey, jwk_set};
use serde_json::json;

use crate::world;

/// The path of each JWK set.
pub(super) const KEYS_PATH: &str = "/keys";

/// The keys in each good set, by their numbers.
pub(super) const GOOD_SETS: [&[usize]; 5] = [&[0], &[0, 1], &[1, 2], &[3], &[0, 1, 2, 3]];

/// How many keys an issuer has.
const KEYS: usize = 4;

const SUCCESS: Status = &[(":status", b"200")];
type Status = &'static [(&'static str, &'static [u8])];

/// One of the issuers.
pub(super) struct Issuer {
    /// Its `iss`.
    pub(super) name: String,
    /// The bodies of [`GOOD_SETS`], with more keys that can't be used.
    sets: Vec<String>,
    /// The tokens of each key: with its `kid`, of the other issuer, with an unknown `kid`, and without one.
    tokens: Vec<[String; 4]>,
    /// A token that is signed with the text of the first set as a secret.
    confused: String,
}

/// A token of an [`Issuer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With the `kid` of its key.
    Named,
    /// That, but with the `iss` of the other issuer.
    OfOther,
    /// With a `kid` that no key has.
    Invented,
    /// Without `kid`. Every key has one.
    Nameless,
    /// With the `kid` of the key, and an HMAC.
    Confused,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Named, Self::OfOther, Self::Invented, Self::Nameless, Self::Confused];
}

impl Issuer {
    /// Number 0 or 1.
    pub(super) fn number(number: usize) -> &'static Self {
        static ISSUERS: OnceLock<[Issuer; 2]> = OnceLock::new();
        &ISSUERS.get_or_init(|| [Self::new(0), Self::new(1)])[number]
    }

    fn new(number: usize) -> Self {
        let name = |number: usize| format!("https://issuer-{number}.test");
        let keys: Vec<SigningKey> = (0..KEYS)
            .map(|key| SigningKey::from_scalar(Algorithm::ES256, &[(number * 0x10 + key + 1) as u8; 32]))
            .collect();
        let kid = |key: usize| format!("{number}-{key}");
        let secret = SigningKey::from_shared_secret(Algorithm::HS256, &[0x5a; 64]);
        let body = |set: &[usize]| {
            let kids: Vec<_> = set.iter().map(|&key| (kid(key), &keys[key])).collect();
            let listed: Vec<_> = kids.iter().map(|(kid, key)| (Some(kid.as_str()), *key)).collect();
            let mut body = jwk_set(&listed);
            let bad = [secret.public_jwk(Some(&kid(3)), true), keys[0].private_jwk(None, true), json!({"kty": "PQC"})];
            body["keys"].as_array_mut().expect("a list").extend(bad);
            body.to_string()
        };
        let claims = |number| world::claims(&json!({"iss": name(number)}));
        let tokens = keys.iter().enumerate().map(|(key, signing)| {
            [
                signing.token(Some(&kid(key)), &claims(number)),
                signing.token(Some(&kid(key)), &claims(1 - number)),
                signing.token(Some("invented"), &claims(number)),
                signing.token(None, &claims(number)),
            ]
        });
        Self {
            name: name(number),
            sets: GOOD_SETS.into_iter().map(body).collect(),
            tokens: tokens.collect(),
            confused: secret.token(Some(&kid(0)), &claims(number)),
        }
    }

    pub(super) fn token(&self, kind: Kind, key: usize) -> &str {
        self.tokens[key].get(kind as usize).unwrap_or(&self.confused)
    }

    /// The host of `jwks_uri`, if it is not the host of the issuer.
    pub(super) fn elsewhere(&self) -> String {
        self.name.replace("https://", "keys.")
    }

    /// Answers a call well: with the set of this number, or with metadata.
    pub(super) fn answer(&self, call: &Call, is_elsewhere: bool, set: usize) -> Scripted {
        let at = if is_elsewhere { format!("https://{}", self.elsewhere()) } else { self.name.clone() };
        let body = match call.header(":path").unwrap_or_default() {
            KEYS_PATH => self.sets[set].clone(),
            _ => self.metadata(&format!("{at}{KEYS_PATH}")),
        };
        Scripted { body: Some(body.into_bytes()), status: SUCCESS, ..Scripted::default() }
    }

    /// An answer after which the fetch must fail; but not if it [`Scripted::is_not_found`] and is the first one of
    /// discovery.
    pub(super) fn failure(&self, number: usize) -> Scripted {
        let body = |body: String| Scripted { body: Some(body.into_bytes()), status: SUCCESS, ..Scripted::default() };
        let status = |status| Scripted { body: Some(self.sets[0].clone().into_bytes()), status, ..Scripted::default() };
        let set = &self.sets[0];
        match number {
            0 => Scripted { not_sent: Some(Reply::NoCluster), ..Scripted::default() },
            1 => Scripted { not_sent: Some(Reply::NoHost), ..Scripted::default() },
            2 => Scripted { not_sent: Some(Reply::NoAnswer), ..Scripted::default() },
            3 => status(&[(":status", b"404")]),
            4 => status(&[(":status", b"302"), ("location", b"https://evil.test/keys")]),
            5 => status(&[]),
            6 => body(format!("{set}{}", " ".repeat(MAX_BODY_BYTES + 1 - set.len()))),
            7 => body(format!("[{set}]")),
            8 => body(r#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#.to_owned()),
            9 => body(json!({"keys": vec![json!({}); 101]}).to_string()),
            10 => body(self.metadata("https://evil.test/keys")),
            11 => body(self.metadata(&self.name.replace("https://", "https://issuer.test@"))),
            12 => body(self.metadata(&format!("{}{KEYS_PATH}", self.name.replace("https:", "http:")))),
            13 => body(self.metadata(KEYS_PATH)),
            14 => body(json!([self.name, format!("{}{KEYS_PATH}", self.name)]).to_string()),
            _ => body(self.metadata(&format!("{}{KEYS_PATH}", self.name)).replace("\"issuer\":\"", "\"issuer\":\"x")),
        }
    }

    /// How many [`Self::failure`]s there are.
    pub(super) const FAILURES: usize = 16;

    fn metadata(&self, jwks_uri: &str) -> String {
        json!({"issuer": self.name, "jwks_uri": jwks_uri}).to_string()
    }
}

/// A reply that lives long enough to be given.
#[derive(Clone, Default)]
pub(super) struct Scripted {
    not_sent: Option<Reply<'static>>,
    status: Status,
    pub(super) cache_control: Option<String>,
    body: Option<Vec<u8>>,
}

impl Scripted {
    /// Whether the status is 404, after which metadata is looked for elsewhere.
    pub(super) fn is_not_found(&self) -> bool {
        self.status.contains(&(":status", b"404"))
    }

    /// Calls `take` with the reply.
    pub(super) fn give<T>(&self, take: impl FnOnce(Reply) -> T) -> T {
        if let Some(reply) = self.not_sent {
            return take(reply);
        }
        let mut headers: Vec<(&str, &[u8])> = self.status.to_vec();
        headers.extend(self.cache_control.as_ref().map(|value| ("cache-control", value.as_bytes())));
        take(Reply::Answer { headers: &headers, body: self.body.as_deref().unwrap_or_default(), trailers: &[] })
    }
}
