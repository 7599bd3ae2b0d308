//! A key instead of a configuration.

use std::time::SystemTime;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::pem;

/// The plugin configuration with a public key from PEM, DER, a JWK or a JWK set. A key from PEM or DER verifies tokens
/// with any `kid` and any suitable algorithm.
///
/// # Errors
/// If the file is none of these, or has several keys.
pub(super) fn configuration(content: &[u8]) -> Result<String, Failure> {
    let (field, keys) = if pem::is_pem_or_der(content) {
        ("jwk", public(content)?)
    } else {
        let text = std::str::from_utf8(content).map_err(|_| Failure::new("the key is neither PEM nor a JWK"))?;
        let key: &RawValue = serde_json::from_str(text).map_err(|_| {
            Failure::new("the key is neither PEM nor a JWK").with_remedy("use a public key, a certificate or a JWK")
        })?;
        let is_set = serde_json::from_str::<Value>(text).is_ok_and(|key| key.get("keys").is_some());
        (if is_set { "jwks" } else { "jwk" }, key.get().to_owned())
    };
    Ok(format!(r#"{{"parameter":"Authorization",{}:{keys}}}"#, json!(field)))
}

/// The one key of a file as JSON, without its private part.
fn public(content: &[u8]) -> Result<String, Failure> {
    let keys = pem::read(content, SystemTime::now())?.into_keys()?;
    let [found] = keys.as_slice() else {
        return Err(Failure::new(format!("the file has {} different keys", keys.len()))
            .with_remedy("choose one: jwt-auth jwk FILE --nth NUMBER | jwt-auth check --key - --token TOKEN"));
    };
    if let Some(warning) = found.warning {
        eprintln!("jwt-auth: warning: {warning}");
    }
    Ok(found.jwk.public_numbers().to_json().to_string())
}
