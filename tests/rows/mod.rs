//! What the filter does, row by row: a plugin configuration, requests one after the other, and the whole of what must
//! come of each. `tests/native.rs` runs them against the core, `tests/live.rs` against the module in a real Envoy.

mod algorithms;
mod claims;
mod configuration;
mod finding;
mod forms;
mod keys;
mod mapping;
mod paths;
mod replay;
mod tokens;

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// One configuration and what happens to requests under it, in order.
pub(crate) struct Row {
    /// What the row protects.
    pub(crate) name: String,
    /// The plugin configuration: YAML text.
    pub(crate) config: String,
    pub(crate) steps: Vec<Step>,
}

/// One request and what must come of it.
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) expected: Expected,
}

/// A request; `host` and what frames the body are added by the runner.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// The whole result of one request.
pub(crate) enum Expected {
    /// The backend gets the request with this target and body, without the headers named and with those added.
    Passes { target: Vec<u8>, without: Vec<&'static str>, with: Vec<(&'static str, Vec<u8>)>, body: Vec<u8> },
    /// The client gets this answer, and the backend nothing.
    Refused { code: &'static str, message: String },
}

/// The status that goes with a code: the table of the specification.
pub(crate) fn status_of(code: &str) -> u16 {
    match code {
        "I400JR" | "I400JD" | "I400JP" => 400,
        "I413FD" => 413,
        "I415FD" => 415,
        "S503JF" => 503,
        _ => 403,
    }
}

/// Every row, for a clock that says `now` in seconds since the epoch.
pub(crate) fn all(now: u64) -> Vec<Row> {
    let world = World { now };
    [
        finding::rows(&world),
        tokens::rows(&world),
        keys::rows(&world),
        algorithms::rows(&world),
        claims::rows(&world),
        mapping::rows(&world),
        paths::rows(&world),
        forms::rows(&world),
        replay::rows(&world),
        configuration::rows(&world),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The clock, and tokens made by it.
pub(crate) struct World {
    pub(crate) now: u64,
}

impl World {
    /// Claims that are good for an hour, with these members put in or, where null is given as the string "absent", taken
    /// out.
    pub(crate) fn claims(&self, members: &Value) -> Value {
        let mut claims = json!({"iat": self.now, "exp": self.now + 3600, "sub": "alice"});
        for (name, value) in members.as_object().unwrap() {
            if value == "absent" {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    /// A good ES256 token for [`KEY`]'s key, with these members in its claims.
    pub(crate) fn token(&self, members: &Value) -> String {
        key().token(Some("k1"), &self.claims(members))
    }
}

/// The key of most rows: ES256, whose tokens are quickly made.
pub(crate) fn key() -> SigningKey {
    SigningKey::cached(Algorithm::ES256)
}

/// A configuration with the key of most rows and these lines.
pub(crate) fn config(lines: &str) -> String {
    format!("jwk: {}\n{lines}\n", key().public_jwk(Some("k1"), true))
}

/// A configuration that takes the token from the header X-Token, and these lines.
pub(crate) fn header_config(lines: &str) -> String {
    config(&format!("parameter: X-Token\nparameterLocation: header\n{lines}"))
}

pub(crate) fn row(name: impl Into<String>, config: impl Into<String>, steps: Vec<Step>) -> Row {
    Row { name: name.into(), config: config.into(), steps }
}

/// A `GET /p`.
pub(crate) fn get() -> Request {
    Request { method: "GET", target: b"/p".to_vec(), headers: Vec::new(), body: None }
}

/// A `POST /p` of this type and body.
pub(crate) fn post(content_type: &str, body: impl AsRef<[u8]>) -> Request {
    let body = Some(body.as_ref().to_vec());
    Request { method: "POST", body, ..get() }.header("content-type", content_type)
}

impl Request {
    pub(crate) fn target(mut self, target: impl AsRef<[u8]>) -> Self {
        self.target = target.as_ref().to_vec();
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The token in the header X-Token.
    pub(crate) fn token(self, token: impl AsRef<[u8]>) -> Self {
        self.header("X-Token", token)
    }

    /// The backend gets the request as it was sent.
    pub(crate) fn passes(self) -> Step {
        let target = self.target.clone();
        self.passes_to(target, &[], &[])
    }

    /// The backend gets the request with another target, without some headers, and with others.
    pub(crate) fn passes_to(
        self,
        target: impl AsRef<[u8]>,
        without: &[&'static str],
        with: &[(&'static str, &str)],
    ) -> Step {
        let with = with.iter().map(|&(name, value)| (name, value.as_bytes().to_vec())).collect();
        let target = target.as_ref().to_vec();
        let body = self.body.clone().unwrap_or_default();
        Step { request: self, expected: Expected::Passes { target, without: without.to_vec(), with, body } }
    }

    /// The backend gets the request with another body.
    pub(crate) fn passes_with_body(self, body: &str) -> Step {
        let expected = Expected::Passes {
            target: self.target.clone(),
            without: Vec::new(),
            with: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        Step { request: self, expected }
    }

    pub(crate) fn refused(self, code: &'static str, message: impl Into<String>) -> Step {
        Step { request: self, expected: Expected::Refused { code, message: message.into() } }
    }

    /// A403JT for this reason.
    pub(crate) fn invalid(self, reason: &str) -> Step {
        self.refused("A403JT", format!("Invalid JWT: {reason}"))
    }
}

impl Expected {
    /// The headers that the backend must get for what the client sent, sorted.
    pub(crate) fn backend_headers(&self, sent: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
        let Self::Passes { without, with, .. } = self else { return Vec::new() };
        let mut headers: Vec<_> = sent
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .filter(|(name, _)| !without.contains(&name.as_str()))
            .chain(with.iter().map(|(name, value)| ((*name).to_owned(), value.clone())))
            .collect();
        headers.sort();
        headers
    }
}

/// A date as the messages write it.
pub(crate) fn date(seconds: u64) -> String {
    let text = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .expect("the command date");
    String::from_utf8(text.stdout).unwrap().trim().to_owned()
}
