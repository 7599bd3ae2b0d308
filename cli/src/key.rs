//! Private keys: read from a JWK, checked, and signed with.
//!
//! The cryptography is AWS-LC's, which takes care that time tells nothing about a private key.

mod algorithm;
mod file;
mod generate;
mod parts;
mod rsa_numbers;
mod thumbprint;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use aws_lc_rs::{hmac, signature};
use jwt_auth::Algorithm;

use crate::failure::Failure;
use crate::jwk::Jwk;

pub(crate) use algorithm::{Family, algorithm_parser, public_key_algorithm_parser};
pub(crate) use file::{complete, private_jwk, public_jwk};
pub(crate) use generate::{RsaBits, generate};
pub(crate) use thumbprint::{check_key_id, default_key_id, key_id};

/// A key that signs with one algorithm.
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
    /// A private JWK, of which every part is looked at: that the members are there, fit together, are long enough and for
    /// signing. `requested` is what to sign with instead of the key's `alg`, in its family.
    pub(crate) fn from_jwk(jwk: &Jwk, requested: Option<Algorithm>) -> Result<Self, Failure> {
        check_use(jwk)?;
        if let Some(id) = &jwk.kid {
            check_key_id(id).map_err(|expected| {
                Failure::new(format!("the key: kid: {expected}"))
                    .with_remedy("name the key, or leave kid out; the filter takes no other")
            })?;
        }
        let family = Family::of(jwk)?;
        let algorithm = choose(jwk, family, requested)?;
        let (material, public) = match family {
            Family::Rsa => parts::rsa(jwk)?,
            Family::P256 | Family::P384 | Family::P521 | Family::Secp256k1 => parts::ec(jwk, family, algorithm)?,
            Family::Ed25519 => parts::ed25519(jwk)?,
            Family::Oct => (Material::Secret(Box::new(parts::secret(jwk, algorithm)?)), None),
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

    /// What a token's header says of the key: `alg`.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What a token's header says of the key: `kid`.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key to check its signatures with; `None` for HS*, where that is the secret itself.
    pub(crate) fn public_jwk(&self) -> Option<&Jwk> {
        self.public.as_ref()
    }

    /// The signature of `message` as a JWS has it [RFC 7518 §3, RFC 8037 §3.1, RFC 8812 §3.2].
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let failed = |_| Failure::new("the cryptographic library could not sign");
        match &self.material {
            Material::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = rsa_padding(self.algorithm).ok_or_else(|| unfit(self.algorithm))?;
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
        return Err(Failure::new("the key: use is not sig, so it is not for signatures"));
    }
    if jwk.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "sign")) {
        return Err(Failure::new("the key: key_ops does not hold sign"));
    }
    Ok(())
}

/// What is asked for, else what the key names, else the one algorithm of the family. For Ed25519 that is EdDSA: more
/// verifiers know it than the name of RFC 9864.
fn choose(jwk: &Jwk, family: Family, requested: Option<Algorithm>) -> Result<Algorithm, Failure> {
    let fitting = family.algorithms();
    let names = || fitting.iter().map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ");
    let named = match &jwk.alg {
        Some(name) => {
            let found = fitting.iter().copied().find(|algorithm| algorithm.name() == name);
            Some(found.ok_or_else(|| Failure::new(format!("the key: alg is none of what fits it: {}", names())))?)
        }
        None => None,
    };
    match (requested, named, fitting) {
        (Some(requested), _, _) if fitting.contains(&requested) => Ok(requested),
        (Some(requested), _, _) => {
            Err(Failure::new(format!("{} can't be signed with this key: it fits {}", requested.name(), names())))
        }
        (None, Some(named), _) => Ok(named),
        (None, None, [only]) => Ok(*only),
        (None, None, _) if family == Family::Ed25519 => Ok(Algorithm::EdDsa),
        (None, None, _) => Err(Failure::new("the key names no alg, and it fits several")
            .with_remedy(format!("say which with --alg: {}", names()))),
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
        Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::Es256k
        | Algorithm::EdDsa
        | Algorithm::Ed25519
        | Algorithm::Hs256
        | Algorithm::Hs384
        | Algorithm::Hs512 => None,
    }
}

fn unfit(algorithm: Algorithm) -> Failure {
    Failure::new(format!("the key does not fit {}", algorithm.name()))
}

#[cfg(test)]
mod tests;
