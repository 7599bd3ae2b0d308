use std::sync::Arc;

use rsa::pkcs1v15;
use rsa::pss;
use rsa::rand_core::{OsRng, RngCore as _};
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _, Signer as _};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Map, Value, json};

use super::{Algorithm, Family, base64url};

/// The key material of one [`Family`].
#[derive(Clone)]
pub(super) enum Secret {
    Rsa(Arc<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Secp256k1(k256::ecdsa::SigningKey),
    Ed25519(ed25519_compact::KeyPair),
    Oct(Vec<u8>),
}

impl Secret {
    pub(super) fn generate(family: Family) -> Self {
        use p256::elliptic_curve::Generate as _;
        match family {
            Family::Rsa => Self::generate_rsa(2048),
            Family::P256 => Self::P256(p256::ecdsa::SigningKey::generate()),
            Family::P384 => Self::P384(p384::ecdsa::SigningKey::generate()),
            Family::P521 => Self::P521(p521::ecdsa::SigningKey::generate()),
            Family::Secp256k1 => Self::Secp256k1(k256::ecdsa::SigningKey::generate()),
            Family::Ed25519 => Self::Ed25519(ed25519_compact::KeyPair::generate()),
            Family::Oct => {
                // As long as the longest hash, so that it can be used with HS256, HS384 and HS512.
                let mut secret = vec![0; 64];
                OsRng.fill_bytes(&mut secret);
                Self::Oct(secret)
            }
        }
    }

    pub(super) fn generate_rsa(bits: usize) -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, bits).expect("an RSA key of this size can be made");
        Self::Rsa(Arc::new(key))
    }

    pub(super) fn from_scalar(algorithm: Algorithm, scalar: &[u8]) -> Self {
        let fits = "a scalar of the curve";
        match algorithm {
            Algorithm::ES256 => Self::P256(p256::ecdsa::SigningKey::from_slice(scalar).expect(fits)),
            Algorithm::ES384 => Self::P384(p384::ecdsa::SigningKey::from_slice(scalar).expect(fits)),
            Algorithm::EdDSA => {
                let seed = ed25519_compact::Seed::from_slice(scalar).expect("a seed of 32 bytes");
                Self::Ed25519(ed25519_compact::KeyPair::from_seed(seed))
            }
            other => panic!("a key for {other} can't be made from a scalar here"),
        }
    }

    pub(super) fn rsa_from_components(n: &[u8], e: &[u8], d: &[u8]) -> Result<Self, String> {
        let [n, e, d] = [n, e, d].map(BigUint::from_bytes_be);
        match RsaPrivateKey::from_components(n, e, d, Vec::new()) {
            Ok(key) => Ok(Self::Rsa(Arc::new(key))),
            Err(error) => Err(format!("n, e and d are not an RSA key: {error}")),
        }
    }

    /// # Panics
    /// When `algorithm` is of another family. `SigningKey` prevents this.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::Signer;
        match (self, algorithm) {
            (Self::Rsa(key), algorithm) => sign_rsa(key, algorithm, message),
            (Self::P256(key), Algorithm::ES256) => {
                let signature: p256::ecdsa::Signature = Signer::sign(key, message);
                signature.to_vec()
            }
            (Self::P384(key), Algorithm::ES384) => {
                let signature: p384::ecdsa::Signature = Signer::sign(key, message);
                signature.to_vec()
            }
            (Self::P521(key), Algorithm::ES512) => {
                let signature: p521::ecdsa::Signature = Signer::sign(key, message);
                signature.to_vec()
            }
            (Self::Secp256k1(key), Algorithm::ES256K) => {
                let signature: k256::ecdsa::Signature = Signer::sign(key, message);
                signature.to_vec()
            }
            (Self::Ed25519(pair), Algorithm::EdDSA | Algorithm::Ed25519) => pair.sk.sign(message, None).to_vec(),
            (Self::Oct(secret), Algorithm::HS256) => hmac_sha256::HMAC::mac(message, secret).to_vec(),
            (Self::Oct(secret), Algorithm::HS384) => hmac_sha512::sha384::HMAC::mac(message, secret).to_vec(),
            (Self::Oct(secret), Algorithm::HS512) => hmac_sha512::HMAC::mac(message, secret).to_vec(),
            (_, algorithm) => panic!("{algorithm} cannot use this key"),
        }
    }

    pub(super) fn public_members(&self) -> Map<String, Value> {
        match self {
            Self::Rsa(key) => {
                members(json!({"kty": "RSA"}), [("n", key.n().to_bytes_be()), ("e", key.e().to_bytes_be())])
            }
            Self::P256(key) => ec_members("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P384(key) => ec_members("P-384", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P521(key) => ec_members("P-521", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Secp256k1(key) => ec_members("secp256k1", key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::Ed25519(pair) => members(json!({"kty": "OKP", "crv": "Ed25519"}), [("x", pair.pk.to_vec())]),
            Self::Oct(secret) => members(json!({"kty": "oct"}), [("k", secret.clone())]),
        }
    }

    pub(super) fn private_members(&self) -> Map<String, Value> {
        let d = match self {
            Self::Rsa(key) => return rsa_private_members(key),
            Self::P256(key) => key.to_bytes().to_vec(),
            Self::P384(key) => key.to_bytes().to_vec(),
            Self::P521(key) => key.to_bytes().to_vec(),
            Self::Secp256k1(key) => key.to_bytes().to_vec(),
            Self::Ed25519(pair) => pair.sk.seed().to_vec(),
            Self::Oct(_) => return Map::new(),
        };
        members(json!({}), [("d", d)])
    }
}

fn sign_rsa(key: &RsaPrivateKey, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
    let key = key.clone();
    match algorithm {
        Algorithm::RS256 => pkcs1v15::SigningKey::<Sha256>::new(key).sign(message).to_vec(),
        Algorithm::RS384 => pkcs1v15::SigningKey::<Sha384>::new(key).sign(message).to_vec(),
        Algorithm::RS512 => pkcs1v15::SigningKey::<Sha512>::new(key).sign(message).to_vec(),
        // RFC 7518, section 3.5: the salt is as long as the hash. This is the default of these constructors.
        Algorithm::PS256 => pss::SigningKey::<Sha256>::new(key).sign_with_rng(&mut OsRng, message).to_vec(),
        Algorithm::PS384 => pss::SigningKey::<Sha384>::new(key).sign_with_rng(&mut OsRng, message).to_vec(),
        Algorithm::PS512 => pss::SigningKey::<Sha512>::new(key).sign_with_rng(&mut OsRng, message).to_vec(),
        other => panic!("{other} cannot use an RSA key"),
    }
}

/// RFC 7518, section 6.3.2.
fn rsa_private_members(key: &RsaPrivateKey) -> Map<String, Value> {
    let [p, q] = key.primes() else {
        panic!("an RSA key of this crate has two primes");
    };
    let one = BigUint::from(1_u8);
    let crt = key.crt_coefficient().expect("q has an inverse modulo p");
    members(
        json!({}),
        [
            ("d", key.d().to_bytes_be()),
            ("p", p.to_bytes_be()),
            ("q", q.to_bytes_be()),
            ("dp", (key.d() % (p - &one)).to_bytes_be()),
            ("dq", (key.d() % (q - &one)).to_bytes_be()),
            ("qi", crt.to_bytes_be()),
        ],
    )
}

/// `point` is uncompressed SEC1: 4, x, y.
fn ec_members(curve: &str, point: &[u8]) -> Map<String, Value> {
    let (x, y) = point[1..].split_at(point.len() / 2);
    members(json!({"kty": "EC", "crv": curve}), [("x", x.to_vec()), ("y", y.to_vec())])
}

fn members<const N: usize>(fixed: Value, binary: [(&str, Vec<u8>); N]) -> Map<String, Value> {
    let Value::Object(mut members) = fixed else {
        panic!("the fixed members are an object");
    };
    members.extend(binary.map(|(name, bytes)| (name.to_owned(), base64url(&bytes).into())));
    members
}
