//! Shared by the properties: clock, key, tokens and decisions.

use std::sync::OnceLock;

use jwt_auth::{Edits, Host, Plugin, Rejection};
use kit::host::{self, Headers, Memory};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// The time of every decision.
pub const NOW: u32 = 1_700_000_000;

/// An input that is read from the front.
#[derive(Clone, Copy)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// An input of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte as a number below `end`. The digit `0` is zero; so is the end of the input.
    pub fn choice(&mut self, end: usize) -> usize {
        self.byte().map_or(0, |byte| usize::from(byte.wrapping_sub(b'0')) % end)
    }

    /// The next byte. `None` at the end of the input.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// The bytes up to the next line end, or the rest.
    pub fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.split_first().map_or(rest, |(_, rest)| rest);
        line
    }

    /// The rest of the input.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// The key that signs the tokens. It is the same in every run, so that an input always means the same.
pub fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::from_shared_secret(Algorithm::HS256, &[0x5a; 64]))
}

/// Claims that are valid for an hour, with these members.
pub fn claims(members: &Value) -> Value {
    let mut claims = json!({"iat": NOW, "exp": NOW + 3600, "jti": "j1", "sub": "alice"});
    let members = members.as_object().expect("members of a claims set").clone();
    claims.as_object_mut().expect("a claims set").extend(members);
    claims
}

/// The longest token that the filter accepts.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A valid token with these members among its claims. `None` if it is longer than the filter accepts.
pub fn token(members: &Value) -> Option<String> {
    let token = key().token(None, &claims(members));
    (token.len() <= MAX_TOKEN_BYTES).then_some(token)
}

/// A plugin with this configuration and [`key`]. There must be no configuration errors.
pub fn plugin(mut configuration: Value) -> Plugin {
    configuration["jwk"] = key().public_jwk(None, false);
    let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
    assert_eq!(plugin.faults(), None, "{configuration}");
    plugin
}

/// Decides on a request with new shared data.
pub fn decide(plugin: &Plugin, headers: &Headers, has_body: bool) -> Result<Edits, Rejection> {
    decide_at(NOW, plugin, headers, has_body)
}

/// Like [`decide`], at another time.
pub fn decide_at(now: u32, plugin: &Plugin, headers: &Headers, has_body: bool) -> Result<Edits, Rejection> {
    let host = Host { shared_data: &Memory::default(), signatures: None, random: || None };
    decide_on(now, plugin, headers, has_body, host)
}

/// Like [`decide_at`], with any host. Also checks that a rejection is well-formed.
pub fn decide_on(now: u32, plugin: &Plugin, headers: &Headers, has_body: bool, host: Host) -> Result<Edits, Rejection> {
    host::decide_with(plugin, headers, has_body, f64::from(now), host).inspect_err(check_rejection)
}

/// Checks a rejection. Its message is one line of visible ASCII and spaces, at most 1 KiB. Code and status are in the
/// table. The body is JSON with the same code and message.
fn check_rejection(rejection: &Rejection) {
    let message = rejection.message();
    assert!(message.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "{message:?}");
    assert!(message.len() <= 1024, "{message}");
    assert!(Rejection::CODES.contains(&rejection.code()), "{rejection:?}");
    assert!([400, 403, 415, 503].contains(&rejection.status()), "{rejection:?}");
    let body: Value = serde_json::from_str(&rejection.body()).expect("a body of JSON");
    assert_eq!(body, json!({"code": rejection.code(), "message": message}));
}

/// The request's target.
pub fn target(headers: &Headers) -> Option<&[u8]> {
    headers.iter().find(|(name, _)| name == ":path").map(|(_, value)| value.as_slice())
}

/// Path and query of a target.
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
        None => (target, None),
    }
}
