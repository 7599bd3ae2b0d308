//! Key material, and the verification of signatures with this crate's cryptographic libraries.

use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ECDSAP256kPublicKeyLike as _, ECDSAP384PublicKeyLike as _, ES256PublicKey,
    ES256kPublicKey, ES384PublicKey, HS256Key, HS384Key, HS512Key, MACLike as _, RS256PublicKey,
};
use jwt_simple::reexports::ct_codecs;
use p256::ecdsa::signature::Verifier as _;
use p521::pkcs8::EncodePublicKey as _;
use rsa::pkcs8::AssociatedOid;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::digest::{Digest, FixedOutputReset};
use sha2::{Sha256, Sha384, Sha512};

use super::algorithm::Algorithm;

/// The allowed sizes of an RSA modulus, in bits. [RFC 7518 §3.3](https://www.rfc-editor.org/rfc/rfc7518#section-3.3)
/// sets the minimum; the libraries support no more than the maximum.
const RSA_MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// 65537, the only exponent in use. Forgery attacks have exploited small and even exponents.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

/// Key material that verifies signatures.
pub(crate) struct VerifyingKey {
    material: Material,
    subject_public_key_info: Option<Vec<u8>>,
}

enum Material {
    Rsa(Box<RsaPublicKey>),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Secp256k1(k256::ecdsa::VerifyingKey),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    Secret(Box<Secret>),
}

/// One secret, ready for each of the three hashes.
struct Secret {
    hs256: HS256Key,
    hs384: HS384Key,
    hs512: HS512Key,
}

/// An elliptic curve of a JWK of type EC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

/// Why key material is a configuration error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyError {
    ModulusSize,
    Modulus,
    Exponent,
    Point,
}

impl VerifyingKey {
    /// An RSA key from its modulus and exponent, both big-endian.
    ///
    /// # Errors
    /// When the size of the modulus is not in [`RSA_MODULUS_BITS`], the modulus is even, or the exponent is not 65537.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        if !RSA_MODULUS_BITS.contains(&bit_length(modulus)) {
            return Err(KeyError::ModulusSize);
        }
        if exponent != RSA_EXPONENT {
            return Err(KeyError::Exponent);
        }
        let key = RS256PublicKey::from_components(modulus, exponent).map_err(|_| KeyError::Modulus)?;
        let subject_public_key_info = key.to_der().map_err(|_| KeyError::Modulus)?;
        let [modulus, exponent] = [modulus, exponent].map(BoxedUint::from_be_slice_vartime);
        let key = RsaPublicKey::new(modulus, exponent).map_err(|_| KeyError::Modulus)?;
        Ok(Self { material: Material::Rsa(Box::new(key)), subject_public_key_info: Some(subject_public_key_info) })
    }

    /// An elliptic curve key from its coordinates, both big-endian and exactly [`Curve::coordinate_bytes`] long.
    ///
    /// # Errors
    /// When a coordinate has another length, or the point is not on the curve.
    pub(crate) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
            return Err(KeyError::Point);
        }
        // 4 marks an uncompressed point: SEC 1 §2.3.3.
        let point = [&[4], x, y].concat();
        let (material, subject_public_key_info) = match curve {
            Curve::P256 => {
                let key = ES256PublicKey::from_bytes(&point).map_err(|_| KeyError::Point)?;
                (Material::P256(*key.public_key().as_ref()), key.to_der().ok())
            }
            Curve::P384 => {
                let key = ES384PublicKey::from_bytes(&point).map_err(|_| KeyError::Point)?;
                (Material::P384(*key.public_key().as_ref()), key.to_der().ok())
            }
            Curve::P521 => {
                let key = p521::PublicKey::from_sec1_bytes(&point).map_err(|_| KeyError::Point)?;
                let subject_public_key_info = key.to_public_key_der().ok().map(|der| der.as_bytes().to_vec());
                (Material::P521(Box::new(key.into())), subject_public_key_info)
            }
            Curve::Secp256k1 => {
                let key = ES256kPublicKey::from_bytes(&point).map_err(|_| KeyError::Point)?;
                (Material::Secp256k1(*key.public_key().as_ref()), None)
            }
        };
        Ok(Self { material, subject_public_key_info })
    }

    /// An Ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// When the bytes are not a point of the curve, or the point has small order: anyone can forge signatures for such
    /// a key.
    pub(crate) fn ed25519(x: &[u8]) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::try_from(x).ok().filter(|key| !key.is_weak()).ok_or(KeyError::Point)?;
        Ok(Self { material: Material::Ed25519(Box::new(key)), subject_public_key_info: None })
    }

    /// A secret for HS256, HS384 and HS512.
    pub(crate) fn secret(secret: &[u8]) -> Self {
        let secret = Secret {
            hs256: HS256Key::from_bytes(secret),
            hs384: HS384Key::from_bytes(secret),
            hs512: HS512Key::from_bytes(secret),
        };
        Self { material: Material::Secret(Box::new(secret)), subject_public_key_info: None }
    }

    /// The public key as DER ([RFC 5280 §4.1.2.7](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.7)); `None` for
    /// key types that Envoy can't verify with.
    pub(crate) fn subject_public_key_info(&self) -> Option<&[u8]> {
        self.subject_public_key_info.as_deref()
    }

    /// The modulus of an RSA key, big-endian.
    pub(crate) fn rsa_modulus(&self) -> Option<Vec<u8>> {
        match &self.material {
            Material::Rsa(key) => Some(key.n_bytes().to_vec()),
            _ => None,
        }
    }

    /// Whether both are the same public key. Secrets are not compared: only one place can hold them.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (&self.material, &other.material) {
            (Material::Rsa(key), Material::Rsa(other)) => key == other,
            (Material::P256(key), Material::P256(other)) => key == other,
            (Material::P384(key), Material::P384(other)) => key == other,
            (Material::P521(key), Material::P521(other)) => key == other,
            (Material::Secp256k1(key), Material::Secp256k1(other)) => key == other,
            (Material::Ed25519(key), Material::Ed25519(other)) => key == other,
            _ => false,
        }
    }

    /// Whether `signature`, of any length, is valid for `text`. False for an algorithm that does not fit the key.
    pub(crate) fn verify(&self, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
        match (&self.material, algorithm) {
            (Material::Rsa(key), _) => verify_rsa(key, algorithm, text, signature),
            (Material::P256(key), Algorithm::Es256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            (Material::P384(key), Algorithm::Es384) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            (Material::P521(key), Algorithm::Es512) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(text, &signature).is_ok()),
            (Material::Secp256k1(key), Algorithm::Es256k) => verify_secp256k1(key, text, signature),
            (Material::Ed25519(key), Algorithm::EdDsa | Algorithm::Ed25519) => {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(text, &signature).is_ok())
            }
            (Material::Secret(secret), _) => {
                secret.tag(algorithm, text).is_some_and(|tag| ct_codecs::verify(&tag, signature))
            }
            _ => false,
        }
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyingKey(..)")
    }
}

impl Curve {
    /// The length of a coordinate in bytes.
    pub(crate) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The only algorithm of the curve.
    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
            Self::Secp256k1 => Algorithm::Es256k,
        }
    }
}

impl Secret {
    fn tag(&self, algorithm: Algorithm, text: &[u8]) -> Option<Vec<u8>> {
        match algorithm {
            Algorithm::Hs256 => Some(self.hs256.authentication_tag(text)),
            Algorithm::Hs384 => Some(self.hs384.authentication_tag(text)),
            Algorithm::Hs512 => Some(self.hs512.authentication_tag(text)),
            _ => None,
        }
    }
}

/// Whether the RSA signature is valid. False for an algorithm of another key type. A PSS salt must be as long as the
/// hash ([RFC 7518 §3.5](https://www.rfc-editor.org/rfc/rfc7518#section-3.5)).
fn verify_rsa(key: &RsaPublicKey, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> bool {
    fn pkcs1<D: Digest + AssociatedOid>(key: &RsaPublicKey, text: &[u8], signature: &[u8]) -> bool {
        key.verify(Pkcs1v15Sign::new::<D>(), &D::digest(text), signature).is_ok()
    }
    fn pss<D>(key: &RsaPublicKey, text: &[u8], signature: &[u8]) -> bool
    where
        D: Digest + FixedOutputReset + Send + Sync + 'static,
    {
        key.verify(Pss::<D>::new_with_salt(<D as Digest>::output_size()), &D::digest(text), signature).is_ok()
    }
    match algorithm {
        Algorithm::Rs256 => pkcs1::<Sha256>(key, text, signature),
        Algorithm::Rs384 => pkcs1::<Sha384>(key, text, signature),
        Algorithm::Rs512 => pkcs1::<Sha512>(key, text, signature),
        Algorithm::Ps256 => pss::<Sha256>(key, text, signature),
        Algorithm::Ps384 => pss::<Sha384>(key, text, signature),
        Algorithm::Ps512 => pss::<Sha512>(key, text, signature),
        Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::Es256k
        | Algorithm::EdDsa
        | Algorithm::Ed25519
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512 => false,
    }
}

/// Whether the ES256K signature is valid. Two values of `s` are valid for each signature. The library accepts only the
/// lower one, a rule of Bitcoin. JWS has no such rule
/// ([RFC 8812 §3.2](https://www.rfc-editor.org/rfc/rfc8812#section-3.2)), and issuers send both, so `s` is normalized
/// first.
fn verify_secp256k1(key: &k256::ecdsa::VerifyingKey, text: &[u8], signature: &[u8]) -> bool {
    k256::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify(text, &signature.normalize_s()).is_ok())
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length of a number in bits; `number` has no leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(unused)
}
