//! The filter's behaviour as a table. A row is a plugin configuration, requests in order, and the whole result of each.
//!
//! `tests/conformance` runs the rows natively against the core, and against the module in every Envoy. The tests of the
//! command compare `jwt-auth check` and `jwt-auth inspect` with them. [`crate::proxy::judge`] compares a response of a
//! live Envoy with a [`Step`].

mod algorithms;
mod claims;
mod configuration;
pub mod dpop;
mod finding;
mod forms;
mod keys;
mod mapping;
mod paths;
mod replay;
mod resource_server;
mod tokens;
mod values;

use std::time::{Duration, UNIX_EPOCH};

use crate::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// A configuration, and requests in order with their results.
pub struct Row {
    /// The behaviour that the row tests.
    pub name: String,
    /// The plugin configuration, as YAML.
    pub config: String,
    /// The requests, in order.
    pub steps: Vec<Step>,
}

/// A request and its whole result.
pub struct Step {
    /// The client's request.
    pub request: Request,
    /// The expected result.
    pub expected: Expected,
}

/// A request without `host` and without the headers that frame the body.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query, as sent.
    pub target: Vec<u8>,
    /// The other headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, if any.
    pub body: Option<Vec<u8>>,
}

/// The whole result of a request.
pub enum Expected {
    /// The backend gets the request with these changes.
    Passes {
        /// Path and query that the backend gets.
        target: Vec<u8>,
        /// The headers that are removed, in lower case.
        without: Vec<&'static str>,
        /// The headers that are added, names in lower case.
        with: Vec<(&'static str, Vec<u8>)>,
        /// The body that the backend gets.
        body: Vec<u8>,
    },
    /// The client gets this rejection, and the backend gets nothing.
    Rejected {
        /// `x-ca-error-code`.
        code: &'static str,
        /// `x-ca-error-message`.
        message: String,
    },
    /// The client gets this rejection in the manner of an OAuth 2.0 resource server, and the backend gets nothing.
    Challenged {
        /// The HTTP status.
        status: u16,
        /// `x-ca-error-code`.
        code: &'static str,
        /// `x-ca-error-message`.
        message: String,
        /// The values of `www-authenticate`.
        challenges: Vec<String>,
    },
    /// The client gets this response, and the backend gets nothing.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The headers that the filter sets, sorted.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
}

/// Status, headers and body of a response.
pub type Answer = (u16, Vec<(String, String)>, String);

/// The HTTP status of a code.
pub fn status_of(code: &str) -> u16 {
    match code {
        "I400JR" | "I400JD" | "I400JP" => 400,
        "I413FD" => 413,
        "I415FD" => 415,
        "S503JF" | "S503JS" => 503,
        _ => 403,
    }
}

/// All rows, with tokens for the time `now` in seconds since the epoch.
pub fn all(now: u64) -> Vec<Row> {
    let world = World { now };
    [
        finding::rows(&world),
        tokens::rows(&world),
        keys::rows(&world),
        algorithms::rows(&world),
        claims::rows(&world),
        mapping::rows(&world),
        values::rows(&world),
        paths::rows(&world),
        forms::rows(&world),
        replay::rows(&world),
        resource_server::rows(&world),
        dpop::rows(&world),
        configuration::rows(&world),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A time, and tokens made for it.
pub struct World {
    /// Seconds since the epoch.
    pub now: u64,
}

impl World {
    /// Claims that are valid for an hour, with these members set. A member with the string "absent" is removed.
    ///
    /// # Panics
    /// When `members` is not an object.
    pub fn claims(&self, members: &Value) -> Value {
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

    /// A token signed with [`key`] and with the claims of [`Self::claims`].
    pub fn token(&self, members: &Value) -> String {
        key().token(Some("k1"), &self.claims(members))
    }
}

/// The key of most rows. It is an ES256 key, because that signs fast.
pub fn key() -> SigningKey {
    SigningKey::cached(Algorithm::ES256)
}

/// A configuration with [`key`] and these lines.
pub fn config(lines: &str) -> String {
    format!("jwk: {}\n{lines}\n", key().public_jwk(Some("k1"), true))
}

/// Like [`config`], with the token in the header X-Token.
pub fn header_config(lines: &str) -> String {
    config(&format!("parameter: X-Token\nparameterLocation: header\n{lines}"))
}

/// Makes a row.
pub fn row(name: impl Into<String>, config: impl Into<String>, steps: Vec<Step>) -> Row {
    Row { name: name.into(), config: config.into(), steps }
}

/// A `GET /p`.
pub fn get() -> Request {
    Request { method: "GET", target: b"/p".to_vec(), headers: Vec::new(), body: None }
}

/// A `POST /p` with this content type and body.
pub fn post(content_type: &str, body: impl AsRef<[u8]>) -> Request {
    let body = Some(body.as_ref().to_vec());
    Request { method: "POST", body, ..get() }.header("content-type", content_type)
}

impl Request {
    /// Sets path and query.
    pub fn target(mut self, target: impl AsRef<[u8]>) -> Self {
        self.target = target.as_ref().to_vec();
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds the token in the header X-Token.
    pub fn token(self, token: impl AsRef<[u8]>) -> Self {
        self.header("X-Token", token)
    }

    /// Expects that the backend gets the request unchanged.
    pub fn passes(self) -> Step {
        let target = self.target.clone();
        self.passes_to(target, &[], &[])
    }

    /// Expects that the backend gets the request with this target, without some headers, and with others added.
    pub fn passes_to(self, target: impl AsRef<[u8]>, without: &[&'static str], with: &[(&'static str, &str)]) -> Step {
        let with = with.iter().map(|&(name, value)| (name, value.as_bytes().to_vec())).collect();
        let target = target.as_ref().to_vec();
        let body = self.body.clone().unwrap_or_default();
        Step { request: self, expected: Expected::Passes { target, without: without.to_vec(), with, body } }
    }

    /// Expects that the backend gets the request with this body.
    pub fn passes_with_body(self, body: &str) -> Step {
        let expected = Expected::Passes {
            target: self.target.clone(),
            without: Vec::new(),
            with: Vec::new(),
            body: body.as_bytes().to_vec(),
        };
        Step { request: self, expected }
    }

    /// Expects that the client gets this code and message.
    pub fn rejected(self, code: &'static str, message: impl Into<String>) -> Step {
        Step { request: self, expected: Expected::Rejected { code, message: message.into() } }
    }

    /// Expects that the client gets this answer of an OAuth 2.0 resource server.
    pub fn challenged(self, status: u16, code: &'static str, message: impl Into<String>, challenges: &[&str]) -> Step {
        let challenges = challenges.iter().map(|challenge| (*challenge).to_owned()).collect();
        Step { request: self, expected: Expected::Challenged { status, code, message: message.into(), challenges } }
    }

    /// Expects that the client gets this response of the filter.
    pub fn answered(self, status: u16, headers: &[(&'static str, &str)], body: impl Into<String>) -> Step {
        let headers = headers.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        Step { request: self, expected: Expected::Answered { status, headers, body: body.into() } }
    }

    /// Expects that the client gets A403JT with this reason.
    pub fn invalid(self, reason: &str) -> Step {
        self.rejected("A403JT", format!("Invalid JWT: {reason}"))
    }
}

impl Expected {
    /// Status, headers (sorted) and body of the response that the filter makes. `None` if the request passes.
    pub fn response(&self) -> Option<Answer> {
        let rejection = |status, code: &str, message: &String, challenges: &[String]| {
            let mut headers: Vec<_> =
                challenges.iter().map(|value| ("www-authenticate".to_owned(), value.clone())).collect();
            for (name, value) in
                [("content-type", "application/json"), ("x-ca-error-code", code), ("x-ca-error-message", message)]
            {
                headers.push((name.to_owned(), value.to_owned()));
            }
            headers.sort();
            Some((status, headers, format!("{}\n", json!({"code": code, "message": message}))))
        };
        match self {
            Self::Passes { .. } => None,
            Self::Rejected { code, message } => rejection(status_of(code), code, message, &[]),
            Self::Challenged { status, code, message, challenges } => rejection(*status, code, message, challenges),
            Self::Answered { status, headers, body } => {
                let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                Some((*status, headers, body.clone()))
            }
        }
    }

    /// The headers that the backend must get if the client sent these, sorted.
    pub fn backend_headers(&self, sent: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
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

/// A date in the format of the messages, made by a library that the filter does not use.
pub fn date(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
