//! New keys.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, EcPrivateKeyBin, Pkcs8V1Der};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use jwt_auth::Algorithm;
use zeroize::Zeroizing;

use super::{Family, parts, rsa_numbers};
use crate::failure::Failure;
use crate::jwk::Jwk;

/// How long an RSA modulus is, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RsaBits {
    #[value(name = "2048")]
    Bits2048,
    #[value(name = "3072")]
    Bits3072,
    #[value(name = "4096")]
    Bits4096,
}

/// A new private JWK for `algorithm`, without a `kid`. A secret is as long as the hash of its algorithm.
pub(crate) fn generate(algorithm: Algorithm, bits: RsaBits) -> Result<Jwk, Failure> {
    let family = Family::for_algorithm(algorithm);
    let members = match family {
        Family::Rsa => rsa(bits),
        Family::P256 | Family::P384 | Family::P521 | Family::Secp256k1 => ec(family),
        Family::Ed25519 => ed25519(),
        Family::Oct => secret(algorithm),
    };
    let members = members.ok_or_else(|| Failure::new("the cryptographic library could not make a key"))?;
    Ok(Jwk {
        kty: family.kty().to_owned(),
        usage: Some("sig".to_owned()),
        alg: Some(algorithm.name().to_owned()),
        crv: family.crv().map(str::to_owned),
        ..members
    })
}

fn rsa(bits: RsaBits) -> Option<Jwk> {
    let size = match bits {
        RsaBits::Bits2048 => KeySize::Rsa2048,
        RsaBits::Bits3072 => KeySize::Rsa3072,
        RsaBits::Bits4096 => KeySize::Rsa4096,
    };
    let pair = RsaKeyPair::generate(size).ok()?;
    let der: Pkcs8V1Der = pair.as_der().ok()?;
    let numbers = rsa_numbers::from_pkcs8(der.as_ref())?;
    Some(Jwk {
        n: Some(encode(&numbers.n)),
        e: Some(encode(&numbers.e)),
        d: private(&numbers.d),
        p: private(&numbers.p),
        q: private(&numbers.q),
        dp: private(&numbers.dp),
        dq: private(&numbers.dq),
        qi: private(&numbers.qi),
        ..Jwk::default()
    })
}

fn ec(family: Family) -> Option<Jwk> {
    let (signing, size) = parts::curve(family)?;
    let pair = EcdsaKeyPair::generate(signing).ok()?;
    let scalar: EcPrivateKeyBin = pair.private_key().as_be_bytes().ok()?;
    // SEC 1 §2.3.3: a mark, then both coordinates.
    let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(size)?;
    Some(Jwk { x: Some(encode(x)), y: Some(encode(y)), d: private(scalar.as_ref()), ..Jwk::default() })
}

fn ed25519() -> Option<Jwk> {
    let pair = Ed25519KeyPair::generate().ok()?;
    let seed: Curve25519SeedBin = pair.seed().ok()?.as_be_bytes().ok()?;
    Some(Jwk { x: Some(encode(pair.public_key().as_ref())), d: private(seed.as_ref()), ..Jwk::default() })
}

fn secret(algorithm: Algorithm) -> Option<Jwk> {
    let mut secret = Zeroizing::new(vec![0; algorithm.min_secret_bytes()?]);
    rand::fill(&mut secret).ok()?;
    Some(Jwk { k: private(&secret), ..Jwk::default() })
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn private(bytes: &[u8]) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(encode(bytes)))
}
