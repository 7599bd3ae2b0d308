//! A JWK as JSON: its members as strings, not yet checked.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The members of a JWK that are used here, in the order in which they are written [RFC 7517 §4, RFC 7518 §6]. Other
/// members are ignored. There is no `Debug`, because the key can be private.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) d: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) q: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dp: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dq: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) qi: Option<Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) k: Option<Zeroizing<String>>,
}

impl Jwk {
    /// Reads one JWK.
    ///
    /// # Errors
    /// If it is not a JWK. The message contains nothing of the key.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Failure> {
        let jwk: Self = serde_json::from_slice(json).map_err(|error| {
            let what =
                if error.is_data() { "a member of the JWK is duplicate or has the wrong type" } else { "not JSON" };
            Failure::new(format!("the key: {what}, at line {}, column {}", error.line(), error.column()))
                .with_remedy("use a private JWK, as `jwt-auth keygen` makes it")
        })?;
        if jwk.kty.is_empty() {
            return Err(Failure::new("the key: kty is missing")
                .with_remedy("use one private JWK, as `jwt-auth keygen` makes it, and not a JWK set"));
        }
        Ok(jwk)
    }

    /// The public key alone: what its thumbprint is made of [RFC 7638 §3.2].
    pub(crate) fn public_numbers(&self) -> Self {
        let Self { kty, crv, e, n, x, y, .. } = self.clone();
        Self { kty, crv, e, n, x, y, ..Self::default() }
    }

    /// Whether both have the same public numbers.
    pub(crate) fn has_public_numbers_of(&self, other: &Self) -> bool {
        let numbers = |jwk: &Self| [&jwk.crv, &jwk.n, &jwk.e, &jwk.x, &jwk.y].map(Clone::clone);
        self.kty == other.kty && numbers(self) == numbers(other)
    }

    /// The JSON, without white space.
    pub(crate) fn to_json(&self) -> Zeroizing<String> {
        Zeroizing::new(serde_json::to_string(self).expect("texts under texts are JSON"))
    }
}
