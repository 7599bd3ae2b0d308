//! An in-memory host for the core: shared data, signature verification, and requests to decide on.

mod signatures;

use std::cell::RefCell;
use std::collections::HashMap;

use jwt_auth::{Conflict, Decision, Edits, Host, NumericDate, Plugin, Rejection, Request, Response, SharedData};

pub use signatures::RingSignatures;

/// Headers as Envoy has them: pseudo-headers first, names in lower case.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The plugin's decision on a request at a time in seconds since the epoch. The filter verifies signatures itself.
///
/// # Errors
/// The rejection, if the request is rejected.
pub fn decide(
    plugin: &Plugin,
    headers: &Headers,
    has_body: bool,
    now: f64,
    memory: &Memory,
) -> Result<Edits, Rejection> {
    decide_with(plugin, headers, has_body, now, Host { shared_data: memory, signatures: None, random: || None })
}

/// Like [`decide`], with any host.
///
/// # Errors
/// The rejection, if the request is rejected.
pub fn decide_with(
    plugin: &Plugin,
    headers: &Headers,
    has_body: bool,
    now: f64,
    host: Host,
) -> Result<Edits, Rejection> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let request = Request::new(&headers);
    let request = if has_body { request.with_body() } else { request };
    plugin.decide(request, NumericDate::from_unix_seconds(now), host).without_waiting()
}

/// Like [`decide`], with the response that a client gets instead of the rejection.
///
/// # Errors
/// The response, if the request is not forwarded.
pub fn respond(
    plugin: &Plugin,
    headers: &Headers,
    has_body: bool,
    now: f64,
    memory: &Memory,
) -> Result<Edits, Response> {
    respond_with(plugin, headers, has_body, now, Host { shared_data: memory, signatures: None, random: || None })
}

/// Like [`respond`], with any host.
///
/// # Errors
/// The response, if the request is not forwarded.
pub fn respond_with(
    plugin: &Plugin,
    headers: &Headers,
    has_body: bool,
    now: f64,
    host: Host,
) -> Result<Edits, Response> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let request = Request::new(&headers);
    let request = if has_body { request.with_body() } else { request };
    match plugin.decide(request, NumericDate::from_unix_seconds(now), host) {
        Decision::Respond(response) => Err(response),
        other => other.without_waiting().map_err(|rejection| plugin.response(request, &rejection)),
    }
}

/// Envoy's shared data: each value has a version, and a write names the version that it replaces.
#[derive(Debug, Default)]
pub struct Memory {
    values: RefCell<HashMap<String, (Vec<u8>, u32)>>,
    /// The value of every key that was not written.
    initial: Option<Vec<u8>>,
}

impl Memory {
    /// Shared data in which every key already has these bytes.
    pub fn filled_with(value: &[u8]) -> Self {
        Self { initial: Some(value.to_vec()), ..Self::default() }
    }

    fn read(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        let written = self.values.borrow().get(key).cloned();
        written.or_else(|| Some((self.initial.clone()?, 1)))
    }
}

impl SharedData for Memory {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        self.read(key)
    }

    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict> {
        assert_ne!(expected, 0, "for Envoy, 0 means any version: the write would replace any value");
        let next = match self.read(key) {
            Some((_, version)) if version == expected => version + 1,
            Some(_) => return Err(Conflict),
            None => 1,
        };
        self.values.borrow_mut().insert(key.to_owned(), (value.to_vec(), next));
        Ok(())
    }
}
