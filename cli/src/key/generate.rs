//! New keys.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use jwt_auth::Algorithm;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::family::Family;
use crate::jwk::Jwk;
use crate::pem;

/// The length of an RSA modulus, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RsaBits {
    #[value(name = "2048")]
    Bits2048,
    #[value(name = "3072")]
    Bits3072,
    #[value(name = "4096")]
    Bits4096,
}

impl RsaBits {
    /// The shortest length that is not shorter than a modulus of so many bytes, or the longest.
    pub(crate) fn for_modulus(bytes: usize) -> Self {
        match bytes {
            0..=256 => Self::Bits2048,
            257..=384 => Self::Bits3072,
            _ => Self::Bits4096,
        }
    }
}

/// A new private JWK for `algorithm`, without `kid`. A secret is as long as the hash of its algorithm.
///
/// # Errors
/// If the cryptographic library fails.
pub(crate) fn generate(algorithm: Algorithm, bits: RsaBits) -> Result<Jwk, Failure> {
    let failed = |Unspecified| Failure::new("the cryptographic library could not make a key");
    let family = Family::for_algorithm(algorithm);
    let numbers = match family {
        Family::Rsa => {
            let pair = RsaKeyPair::generate(match bits {
                RsaBits::Bits2048 => KeySize::Rsa2048,
                RsaBits::Bits3072 => KeySize::Rsa3072,
                RsaBits::Bits4096 => KeySize::Rsa4096,
            });
            let der: Pkcs8V1Der = pair.and_then(|pair| pair.as_der()).map_err(failed)?;
            pem::private_key(der.as_ref())?
        }
        Family::Ec(curve) => {
            let pair = EcdsaKeyPair::generate(curve.signing);
            pem::private_key(pair.and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?.as_ref())?
        }
        Family::Ed25519 => {
            let pair = Ed25519KeyPair::generate();
            pem::private_key(pair.and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?.as_ref())?
        }
        Family::Oct => {
            let mut secret = Zeroizing::new(vec![0; algorithm.min_secret_bytes().unwrap_or_default()]);
            rand::fill(&mut secret).map_err(failed)?;
            Jwk { kty: "oct".to_owned(), k: Some(Zeroizing::new(URL_SAFE_NO_PAD.encode(&secret))), ..Jwk::default() }
        }
    };
    Ok(Jwk { usage: Some("sig".to_owned()), alg: Some(algorithm.name().to_owned()), ..numbers })
}
