//! Private keys: made, read from a JWK, checked, and used to sign.
//!
//! The cryptography is AWS-LC's, which is constant-time.

mod file;
mod generate;
mod parts;
mod proof;
mod thumbprint;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use aws_lc_rs::{hmac, signature};
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::family::Family;
use crate::jwk::Jwk;

pub(crate) use file::{complete, private_jwk, public_jwk};
pub(crate) use generate::{RsaBits, generate};
pub(crate) use proof::proof_key_thumbprint;
pub(crate) use thumbprint::{check_key_id, default_key_id, key_id};

/// A private key that signs with one algorithm.
pub(crate) struct SigningKey {
    algorithm: Algorithm,
    material: Material,
    /// Without private members; `None` for a shared secret, which has no public part.
    public: Option<Jwk>,
    id: Option<String>,
}

enum Material {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Secret(Box<hmac::Key>),
}

impl SigningKey {
    /// The key of a private JWK. `requested` is the algorithm to sign with instead of the key's `alg`.
    ///
    /// # Errors
    /// If members are missing, do not belong together, are too short or not for signing, or if the algorithm does not suit
    /// the key.
    pub(crate) fn from_jwk(jwk: &Jwk, requested: Option<Algorithm>) -> Result<Self, Failure> {
        check_use(jwk)?;
        if let Some(id) = &jwk.kid {
            check_key_id(id).map_err(|expected| {
                Failure::new(format!("the key: kid: {expected}"))
                    .with_remedy("change kid, or leave it out; the filter accepts no other")
            })?;
        }
        let family = Family::of(jwk)?;
        let algorithm = choose(jwk, family, requested)?;
        let (material, public) = match family {
            Family::Rsa => parts::rsa(jwk)?,
            Family::Ec(curve) => parts::ec(jwk, curve)?,
            Family::Ed25519 => parts::ed25519(jwk)?,
            Family::Oct => parts::secret(jwk, algorithm)?,
        };
        let public = public.map(|numbers| Jwk {
            kty: jwk.kty.clone(),
            usage: Some("sig".to_owned()),
            kid: jwk.kid.clone(),
            alg: Some(algorithm.name().to_owned()),
            crv: jwk.crv.clone(),
            ..numbers
        });
        Ok(Self { algorithm, material, public, id: jwk.kid.clone() })
    }

    /// The `alg` of its tokens.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of its tokens.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key that verifies its signatures; `None` for HS*, where that is the secret itself.
    pub(crate) fn public_jwk(&self) -> Option<&Jwk> {
        self.public.as_ref()
    }

    /// A new key for the same algorithm, as strong as this one. Its `kid` is its thumbprint.
    ///
    /// # Errors
    /// If the cryptographic library fails.
    pub(crate) fn successor(&self) -> Result<Self, Failure> {
        let bits = match &self.material {
            Material::Rsa(pair) => RsaBits::for_modulus(pair.public_modulus_len()),
            // Only RSA keys differ in length.
            Material::Ec(_) | Material::Ed25519(_) | Material::Secret(_) => RsaBits::Bits2048,
        };
        let mut jwk = generate(self.algorithm, bits)?;
        jwk.kid = Some(default_key_id(&jwk)?);
        Self::from_jwk(&jwk, None)
    }

    /// The signature of `message`, as in a JWS [RFC 7518 §3, RFC 8037 §3.1, RFC 8812 §3.2].
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |_| Failure::new("the cryptographic library could not sign");
        match &self.material {
            Material::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = rsa_padding(self.algorithm).ok_or_else(|| unsuitable(self.algorithm))?;
                pair.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Material::Ec(pair) => {
                pair.sign(&SystemRandom::new(), message).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }
            Material::Ed25519(pair) => {
                pair.try_sign(message).map(|signature| signature.as_ref().to_vec()).map_err(failed)
            }
            Material::Secret(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

fn check_use(jwk: &Jwk) -> Result<(), Failure> {
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err(Failure::new("the key: use is not sig, so the key is not for signatures"));
    }
    if jwk.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "sign")) {
        return Err(Failure::new("the key: key_ops does not include sign"));
    }
    Ok(())
}

/// The requested algorithm, else the key's own, else the only one of its kind. For Ed25519 that is EdDSA, which more
/// verifiers know than the new name of RFC 9864.
fn choose(jwk: &Jwk, family: Family, requested: Option<Algorithm>) -> Result<Algorithm, Failure> {
    let fitting = family.algorithms();
    let names = || fitting.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ");
    let named = match &jwk.alg {
        Some(name) => {
            let found = fitting.iter().copied().find(|algorithm| algorithm.name() == name);
            Some(found.ok_or_else(|| {
                Failure::new(format!("the key: alg does not suit the key; expected one of {}", names()))
            })?)
        }
        None => None,
    };
    match (requested, named, fitting) {
        (Some(requested), _, _) if fitting.contains(&requested) => Ok(requested),
        (Some(requested), _, _) => {
            Err(Failure::new(format!("{} does not suit the key; expected one of {}", requested.name(), names())))
        }
        (None, Some(named), _) => Ok(named),
        (None, None, [only]) => Ok(*only),
        (None, None, _) if matches!(family, Family::Ed25519) => Ok(Algorithm::EdDsa),
        (None, None, _) => Err(Failure::new("the key has no alg, and several algorithms suit it")
            .with_remedy(format!("choose one with --alg: {}", names()))),
    }
}

fn rsa_padding(algorithm: Algorithm) -> Option<&'static dyn signature::RsaEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&signature::RSA_PKCS1_SHA512),
        // The salt is as long as the hash [RFC 7518 §3.5].
        Algorithm::Ps256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&signature::RSA_PSS_SHA512),
        _ => None,
    }
}

fn unsuitable(algorithm: Algorithm) -> Failure {
    Failure::new(format!("{} does not suit the key", algorithm.name()))
}

#[cfg(test)]
mod tests;
