//! The filter's decision on a token.

use jwt_auth::{Edits, Plugin};
use kit::host::{self, Memory};
use serde_json::{Value, json};

/// Decides with a valid plugin configuration, at a time in seconds since the epoch.
pub(crate) fn decide(configuration: &str, token: &str, now: u64) -> Result<Edits, String> {
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{configuration}\n{:?}", plugin.faults());
    let headers =
        [(":path", "/"), ("x-token", token)].map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let decision = host::decide(&plugin, &headers.to_vec(), false, now as f64, &Memory::default());
    decision.map_err(|rejection| format!("{}: {}", rejection.code(), rejection.message()))
}

/// A plugin configuration with only this key.
pub(crate) fn configuration(jwk: &Value) -> String {
    json!({"parameter": "X-Token", "jwk": jwk}).to_string()
}
