//! Makes tokens: standard claims, and the compact form.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::MAX_TOKEN_BYTES;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::claims::Claims;
use crate::failure::Failure;
use crate::key::SigningKey;
use crate::lifetime::Lifetime;
use crate::random::random_id;

/// Adds `iat` and `exp`, and `jti` and `nbf` if they are missing.
pub(crate) fn complete(claims: &mut Claims, issued_at: u64, lifetime: Lifetime) -> Result<(), Failure> {
    if !claims.contains("jti") {
        claims.push("jti", value(&random_id()?)?);
    }
    claims.push("iat", value(&issued_at)?);
    if !claims.contains("nbf") {
        claims.push("nbf", value(&issued_at)?);
    }
    claims.push("exp", value(&(issued_at + lifetime.as_secs()))?);
    Ok(())
}

/// Adds `aud`: a string for one audience, a list for several [RFC 7519 §4.1.3].
pub(crate) fn push_audiences(claims: &mut Claims, audiences: &[String]) -> Result<(), Failure> {
    match audiences {
        [] => {}
        [only] => claims.push("aud", value(only)?),
        several => claims.push("aud", value(several)?),
    }
    Ok(())
}

/// Binds the token to the key with this thumbprint: adds `cnf` with `jkt` [RFC 9449 §6.1].
pub(crate) fn push_binding(claims: &mut Claims, thumbprint: &str) -> Result<(), Failure> {
    claims.push("cnf", value(&json!({"jkt": thumbprint}))?);
    Ok(())
}

/// The token with these claims.
///
/// # Errors
/// If it is longer than the 16 KiB that the filter reads.
pub(crate) fn sign(key: &SigningKey, claims: &Claims) -> Result<String, Failure> {
    let mut header = json!({"alg": key.algorithm().name(), "typ": "JWT"});
    if let Some(id) = key.id() {
        header["kid"] = id.into();
    }
    let token = jws(key, &header, value(claims)?.get())?;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Failure::new(format!("the token would have {} bytes; the filter reads 16 KiB", token.len()))
            .with_remedy("use fewer or shorter claims"));
    }
    Ok(token)
}

/// The compact JWS of a payload [RFC 7515 §7.1].
pub(crate) fn jws(key: &SigningKey, header: &Value, payload: &str) -> Result<String, Failure> {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(message.as_bytes())?;
    Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The JSON of a value.
pub(crate) fn value(value: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, Failure> {
    serde_json::value::to_raw_value(value).map_err(|error| Failure::new(format!("can't write JSON: {error}")))
}

/// Seconds since the epoch, `ago` before now.
pub(crate) fn unix_time(ago: Duration) -> Result<u64, Failure> {
    let time = SystemTime::now().checked_sub(ago).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    time.map(|since| since.as_secs()).ok_or_else(|| Failure::new("the time is before 1970"))
}
