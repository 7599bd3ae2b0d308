//! A client that proves its key, and proofs that are valid or malformed as a test needs them (RFC 9449).

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::issuer::{SigningKey, base64url};
use crate::rows::{Request, get};

/// A client with a key of its own.
pub struct Client {
    key: SigningKey,
    now: u64,
}

/// A proof that is not signed yet.
#[derive(Clone)]
pub struct Proof<'c> {
    key: &'c SigningKey,
    header: Value,
    claims: Value,
}

impl Client {
    /// A client whose clock shows `now`, in seconds since the epoch.
    pub fn new(key: SigningKey, now: u64) -> Self {
        Self { key, now }
    }

    /// Its key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The SHA-256 thumbprint of its key (RFC 7638).
    ///
    /// # Panics
    /// When the key is symmetric.
    pub fn thumbprint(&self) -> String {
        let jwk = self.key.public_jwk(None, false);
        let names: &[&str] = match jwk["kty"].as_str() {
            Some("EC") => &["crv", "kty", "x", "y"],
            Some("OKP") => &["crv", "kty", "x"],
            Some("RSA") => &["e", "kty", "n"],
            other => panic!("{other:?} has no public key"),
        };
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":{}", jwk[*name])).collect();
        base64url(&hmac_sha256::Hash::hash(format!("{{{}}}", members.join(",")).as_bytes()))
    }

    /// A valid proof for `GET https://api.example/p` with this access token, and a `jti` that no other proof has.
    pub fn proof(&self, token: &str) -> Proof<'_> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let header = json!({
            "typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": self.key.public_jwk(None, false),
        });
        let claims = json!({
            "jti": format!("proof-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)),
            "htm": "GET",
            "htu": "https://api.example/p",
            "iat": self.now,
            "ath": base64url(&hmac_sha256::Hash::hash(token.as_bytes())),
        });
        Proof { key: &self.key, header, claims }
    }
}

impl Proof<'_> {
    /// Sets a member of the header. `null` removes it.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Sets a claim. `null` removes it.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// The compact JWS.
    pub fn sign(&self) -> String {
        self.key.token_raw(self.header.to_string().as_bytes(), self.claims.to_string().as_bytes())
    }
}

/// A `GET /p` with the token, which is bound to a key, and a proof.
pub fn get_with_proof(token: &str, proof: impl AsRef<[u8]>) -> Request {
    get().header("authorization", format!("DPoP {token}")).header("dpop", proof)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if value.is_null() {
        object.as_object_mut().expect("header and claims are objects").remove(name);
    } else {
        object[name] = value;
    }
}
