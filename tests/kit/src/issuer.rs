//! Key pairs, JWKs and compact JWS tokens, valid or malformed as a test needs them.

mod algorithm;
mod secret;

use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

pub use algorithm::{Algorithm, Family};
use secret::Secret;

/// Unpadded base64url, as JOSE writes every binary value (RFC 7515, section 2).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A private or shared key with the algorithm that it signs with.
///
/// A clone is cheap and signs with the same key.
#[derive(Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    secret: Secret,
}

impl SigningKey {
    /// A new key for `algorithm`: RSA with 2048 bits, HS* with 64 random bytes.
    pub fn generate(algorithm: Algorithm) -> Self {
        Self { algorithm, secret: Secret::generate(algorithm.family()) }
    }

    /// A new RS256 key with a modulus of `bits`, which may be too short for the filter.
    pub fn generate_rsa(bits: usize) -> Self {
        Self { algorithm: Algorithm::RS256, secret: Secret::generate_rsa(bits) }
    }

    /// A key for `algorithm` that is generated once per process and family of algorithms.
    pub fn cached(algorithm: Algorithm) -> Self {
        static SECRETS: [OnceLock<Secret>; Family::COUNT] = [const { OnceLock::new() }; Family::COUNT];
        let family = algorithm.family();
        let secret = SECRETS[family as usize].get_or_init(|| Secret::generate(family));
        Self { algorithm, secret: secret.clone() }
    }

    /// An HS* key of exactly these bytes, which may be too short for `algorithm`.
    ///
    /// # Panics
    /// When `algorithm` is not HS256, HS384 or HS512.
    pub fn from_shared_secret(algorithm: Algorithm, secret: &[u8]) -> Self {
        assert_eq!(algorithm.family(), Family::Oct, "{algorithm} has no shared secret");
        Self { algorithm, secret: Secret::Oct(secret.to_vec()) }
    }

    /// The key of ES256 or ES384 with this private scalar, big-endian, or the key of EdDSA with this seed.
    ///
    /// # Panics
    /// When `algorithm` is another one, the scalar is not one of its curve, or the seed has not 32 bytes.
    pub fn from_scalar(algorithm: Algorithm, scalar: &[u8]) -> Self {
        Self { algorithm, secret: Secret::from_scalar(algorithm, scalar) }
    }

    /// The RSA key with these unsigned big-endian integers, signing RS256. Its primes are computed from them.
    ///
    /// # Errors
    /// When the three don't belong together.
    pub fn from_rsa_components(n: &[u8], e: &[u8], d: &[u8]) -> Result<Self, String> {
        Ok(Self { algorithm: Algorithm::RS256, secret: Secret::rsa_from_components(n, e, d)? })
    }

    /// The RSA key of a private JWK, of which `n`, `e` and `d` are read, signing RS256.
    ///
    /// # Errors
    /// When one of them is missing or not base64url, or they don't belong together.
    pub fn from_private_jwk(jwk: &Value) -> Result<Self, String> {
        let integer = |member: &str| {
            let text = jwk[member].as_str().ok_or_else(|| format!("the JWK has no {member}"))?;
            URL_SAFE_NO_PAD.decode(text).map_err(|error| format!("{member} of the JWK: {error}"))
        };
        Self::from_rsa_components(&integer("n")?, &integer("e")?, &integer("d")?)
    }

    /// The sample RS256 key in the documentation of Alibaba Cloud API Gateway, with `kid` [`SAMPLE_KID`]. It has only
    /// `n`, `e` and `d`, without primes.
    pub fn sample_private_key() -> Self {
        Self::from_private_jwk(&sample_private_jwk()).expect("the sample is a valid RSA key")
    }

    /// The same key, signing with another algorithm of its family, such as PS512 instead of RS256.
    ///
    /// # Panics
    /// When `algorithm` is of another family. (For a token with a false `alg`, use [`Self::token_raw`].)
    pub fn with_algorithm(&self, algorithm: Algorithm) -> Self {
        assert_eq!(algorithm.family(), self.algorithm.family(), "{algorithm} cannot use a key of {}", self.algorithm);
        Self { algorithm, secret: self.secret.clone() }
    }

    /// The algorithm of [`Self::sign_raw`] and of the headers that [`Self::token`] writes.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The JWK for a verifier: `kty` and the public members, `kid` if given, and the algorithm if `alg` is set. For HS*
    /// it contains the secret `k`, because there is no public key.
    pub fn public_jwk(&self, kid: Option<&str>, alg: bool) -> Value {
        self.jwk(self.secret.public_members(), kid, alg)
    }

    /// The whole JWK, private members included (for RSA with primes and CRT values).
    pub fn private_jwk(&self, kid: Option<&str>, alg: bool) -> Value {
        let mut members = self.secret.public_members();
        members.extend(self.secret.private_members());
        self.jwk(members, kid, alg)
    }

    /// The signature of `message` in JWS format, before base64url. For ECDSA this is `r || s` (RFC 7518).
    pub fn sign_raw(&self, message: &[u8]) -> Vec<u8> {
        self.secret.sign(self.algorithm, message)
    }

    /// A compact JWS over exactly these bytes, with a valid signature, whatever the bytes are.
    pub fn token_raw(&self, header_json: &[u8], payload_json: &[u8]) -> String {
        let message = format!("{}.{}", base64url(header_json), base64url(payload_json));
        let signature = self.sign_raw(message.as_bytes());
        format!("{message}.{}", base64url(&signature))
    }

    /// A token with these claims, and a header with `alg`, `typ: JWT` and, if given, `kid`.
    pub fn token(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": self.algorithm.name(), "typ": "JWT"});
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        self.token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn jwk(&self, mut members: Map<String, Value>, kid: Option<&str>, alg: bool) -> Value {
        if let Some(kid) = kid {
            members.insert("kid".into(), kid.into());
        }
        if alg {
            members.insert("alg".into(), self.algorithm.name().into());
        }
        Value::Object(members)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm)
    }
}

/// The JWK set (RFC 7517, section 5) of the public JWKs of these keys, each with its `kid`, if any, and its `alg`. The
/// JWK of an HS* key contains its secret.
pub fn jwk_set(keys: &[(Option<&str>, &SigningKey)]) -> Value {
    let jwks: Vec<Value> = keys.iter().map(|(kid, key)| key.public_jwk(*kid, true)).collect();
    json!({"keys": jwks})
}

/// The `kid` of [`SigningKey::sample_private_key`].
pub const SAMPLE_KID: &str = "myJwtKey";

/// The JWK of [`SigningKey::sample_private_key`] as documented: `kty`, `d`, `e`, `kid`, `alg`, `n`.
pub fn sample_private_jwk() -> Value {
    serde_json::from_str(include_str!("issuer/sample.jwk.json")).expect("the sample is JSON")
}
