//! What the filter says to a token.

use jwt_auth::{Conflict, Edits, Host, NumericDate, Plugin, Request, SharedData};
use serde_json::{Value, json};

/// Keeps nothing.
struct Nowhere;

impl SharedData for Nowhere {
    fn get(&self, _: &str) -> Option<(Vec<u8>, u32)> {
        None
    }

    fn set(&self, _: &str, _: &[u8], _: u32) -> Result<(), Conflict> {
        Ok(())
    }
}

/// The filter under a plugin configuration without faults, at a time in seconds since the epoch.
pub(crate) fn decide(configuration: &str, token: &str, now: u64) -> Result<Edits, String> {
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{configuration}\n{:?}", plugin.faults());
    let headers = [(":path", "/"), ("x-token", token)].map(|(name, value)| (name, value.as_bytes()));
    let host = Host { shared_data: &Nowhere, signatures: None };
    let decision = plugin.decide(Request::new(&headers), NumericDate::from_unix_seconds(now as f64), host);
    decision.map_err(|rejection| format!("{}: {}", rejection.code(), rejection.message()))
}

/// A plugin configuration with this key alone.
pub(crate) fn configuration(jwk: &Value) -> String {
    json!({"parameter": "X-Token", "jwk": jwk}).to_string()
}
