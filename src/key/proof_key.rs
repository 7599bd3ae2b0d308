//! The key in the header of a proof of possession.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::algorithm::Algorithm;
use super::candidates::Candidate;
use super::jwk::Key;
use crate::document::{Faults, Field};
use crate::json::{Object, Value};

/// The curves that a proof key may have. The others are not in use for proofs.
const CURVES: [&str; 3] = ["P-256", "P-384", "Ed25519"];

/// A public key that a client sent. It proves nothing but that the client has its private part.
#[derive(Debug)]
pub(crate) struct ProofKey {
    key: Key,
    thumbprint: String,
}

impl ProofKey {
    /// Reads the `jwk` of a header: RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519. `None` for any other, for a private
    /// key, and for one that is malformed or not for verifying signatures.
    pub(crate) fn read(jwk: &Object) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let members: &[&str] = match text("kty")? {
            "RSA" => &["e", "kty", "n"],
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            _ => return None,
        };
        if text("crv").is_some_and(|curve| !CURVES.contains(&curve)) {
            return None;
        }
        let value = serde_json::from_str(&Value::Object(jwk.clone()).to_string()).ok()?;
        let key = Key::parse(&Field::named("jwk", &value), &mut Faults::default())?;
        let required: Option<Vec<_>> =
            members.iter().map(|name| Some(format!("\"{name}\":{}", Value::String(text(name)?.into())))).collect();
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", required?.join(","))));
        Some(Self { key, thumbprint })
    }

    /// The JWK thumbprint ([RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3)) with SHA-256, in base64url.
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key for a signature with the algorithm of this name. `None` if the key or `allowed` does not have it.
    pub(crate) fn candidate(&self, name: &str, allowed: &[Algorithm]) -> Option<Candidate<'_>> {
        let algorithm = self.key.algorithm_named(name).filter(|algorithm| allowed.contains(algorithm))?;
        Some(Candidate::alone(&self.key, algorithm))
    }
}
