//! The tokens of the requests.

use std::sync::OnceLock;

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::world::{NOW, key};

/// A token and what the filter must make of it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// The name of its issuer and `jti`.
    pub(super) identity: &'static str,
    /// In seconds since the epoch.
    pub(super) expires: u64,
    pub(super) issued: Option<u64>,
    /// The code with which it is rejected whenever it comes.
    pub(super) code: Option<&'static str>,
}

/// How many tokens there are. The last one is only used in the end.
pub(super) const TOKENS: usize = 11;

impl Token {
    /// The token of this number.
    pub(super) fn number(number: usize) -> &'static Self {
        static TOKENS_MADE: OnceLock<[Token; TOKENS]> = OnceLock::new();
        &TOKENS_MADE.get_or_init(Self::all)[number]
    }

    fn all() -> [Self; TOKENS] {
        let now = Some(u64::from(NOW));
        let valid = |identity, members, lifetime| Self::new(identity, members, lifetime, now);
        let stranger = SigningKey::from_shared_secret(Algorithm::HS256, &[0x33; 64]);
        let forged = claims(&json!({"jti": "a"}), 3_600, now);
        let forged = Self { text: stranger.token(None, &forged), code: Some("A403JT"), ..valid("a", json!({}), 3_600) };
        [
            valid("a", json!({"jti": "a"}), 3_600),
            valid("a", json!({"jti": "a"}), 30),
            valid("b", json!({"jti": "b"}), 30),
            Self::new("c", json!({"jti": "c"}), 60, None),
            valid("a of x", json!({"jti": "a", "iss": "x"}), 600),
            valid("d", json!({"jti": "d"}), 100),
            valid("e", json!({"jti": "e/../e%2F.txt"}), 1),
            forged,
            Self { code: Some("S403JI"), ..valid("", json!({}), 600) },
            Self { code: Some("A403JT"), ..valid("f", json!({"jti": "f", "nbf": NOW + 600_000}), 600) },
            valid("new", json!({"jti": "new"}), 6 * 86_400),
        ]
    }

    fn new(identity: &'static str, members: Value, lifetime: u64, issued: Option<u64>) -> Self {
        let text = key().token(None, &claims(&members, lifetime, issued));
        Self { text, identity, expires: u64::from(NOW) + lifetime, issued, code: None }
    }
}

fn claims(members: &Value, lifetime: u64, issued: Option<u64>) -> Value {
    let mut claims = members.clone();
    claims["exp"] = (u64::from(NOW) + lifetime).into();
    if let Some(issued) = issued {
        claims["iat"] = issued.into();
    }
    claims
}
