//! The parts of a private JWK, for each kind of key: there, of the right length, and belonging together.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::Algorithm;
use zeroize::Zeroizing;

use super::rsa_numbers::{self, mismatch};
use super::{Family, Material, unfit};
use crate::failure::Failure;
use crate::jwk::Jwk;

/// A key and the JWK members that are public in it; none for a shared secret.
type Parts = (Material, Option<Jwk>);

/// An RSA key from `n`, `e` and `d`, with its primes or without.
pub(super) fn rsa(jwk: &Jwk) -> Result<Parts, Failure> {
    let (n, e) = (bytes("n", jwk.n.as_deref())?, bytes("e", jwk.e.as_deref())?);
    let d = private_bytes("d", jwk.d.as_ref())?;
    let primes = match (&jwk.p, &jwk.q) {
        (None, None) => None,
        (Some(p), Some(q)) => Some([secret_bytes("p", p)?, secret_bytes("q", q)?]),
        (Some(_), None) => return Err(lone_prime("p", "q")),
        (None, Some(_)) => return Err(lone_prime("q", "p")),
    };
    let der = rsa_numbers::to_pkcs1(&n, &e, &d, primes.as_ref())?;
    let pair = RsaKeyPair::from_der(&der).map_err(|_| mismatch("n, e and d"))?;
    let public = Jwk { n: jwk.n.clone(), e: jwk.e.clone(), ..Jwk::default() };
    Ok((Material::Rsa(Box::new(pair)), Some(public)))
}

/// An elliptic curve key from `d`, `x` and `y`.
pub(super) fn ec(jwk: &Jwk, family: Family, algorithm: Algorithm) -> Result<Parts, Failure> {
    let (signing, size) = curve(family).ok_or_else(|| unfit(algorithm))?;
    let [x, y] = [bytes("x", jwk.x.as_deref())?, bytes("y", jwk.y.as_deref())?];
    let d = private_bytes("d", jwk.d.as_ref())?;
    if [x.len(), y.len(), d.len()] != [size; 3] {
        return Err(Failure::new(format!("the key: expected {size} bytes in each of d, x and y")));
    }
    // SEC 1 §2.3.3: 4 marks an uncompressed point.
    let point = [&[4], x.as_slice(), &y].concat();
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(signing, &d, &point).map_err(|_| mismatch("d, x and y"))?;
    let public = Jwk { x: jwk.x.clone(), y: jwk.y.clone(), ..Jwk::default() };
    Ok((Material::Ec(Box::new(pair)), Some(public)))
}

/// An Ed25519 key from `d` and `x`.
pub(super) fn ed25519(jwk: &Jwk) -> Result<Parts, Failure> {
    let (d, x) = (private_bytes("d", jwk.d.as_ref())?, bytes("x", jwk.x.as_deref())?);
    let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x).map_err(|_| mismatch("d and x"))?;
    Ok((Material::Ed25519(Box::new(pair)), Some(Jwk { x: jwk.x.clone(), ..Jwk::default() })))
}

/// A shared secret from `k`.
pub(super) fn secret(jwk: &Jwk, algorithm: Algorithm) -> Result<hmac::Key, Failure> {
    let k = private_bytes("k", jwk.k.as_ref())?;
    let hash = match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::Es512
        | Algorithm::Es256k
        | Algorithm::EdDsa
        | Algorithm::Ed25519 => return Err(unfit(algorithm)),
    };
    let least = hash.digest_algorithm().output_len();
    if k.len() < least {
        return Err(Failure::new(format!("the key: {} needs a k of {least} bytes or more", algorithm.name()))
            .with_remedy("RFC 7518, section 3.2: a secret is at least as long as its hash"));
    }
    Ok(hmac::Key::new(hash, &k))
}

/// How to sign with a curve, and the length in bytes of its coordinates and of `d`.
pub(super) fn curve(family: Family) -> Option<(&'static EcdsaSigningAlgorithm, usize)> {
    match family {
        Family::P256 => Some((&ECDSA_P256_SHA256_FIXED_SIGNING, 32)),
        Family::P384 => Some((&ECDSA_P384_SHA384_FIXED_SIGNING, 48)),
        Family::P521 => Some((&ECDSA_P521_SHA512_FIXED_SIGNING, 66)),
        Family::Secp256k1 => Some((&ECDSA_P256K1_SHA256_FIXED_SIGNING, 32)),
        Family::Rsa | Family::Ed25519 | Family::Oct => None,
    }
}

fn bytes(name: &str, member: Option<&str>) -> Result<Vec<u8>, Failure> {
    let text = member.ok_or_else(|| Failure::new(format!("the key: {name} is missing")))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| not_base64url(name))
}

fn private_bytes(name: &str, member: Option<&Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = member.ok_or_else(|| {
        Failure::new(format!("the key: {name} is missing, without which it can't sign"))
            .with_remedy("give the private JWK, not the public one")
    })?;
    secret_bytes(name, text)
}

fn secret_bytes(name: &str, text: &Zeroizing<String>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| not_base64url(name))
}

fn lone_prime(there: &str, missing: &str) -> Failure {
    Failure::new(format!("the key: {there} is there and {missing} is missing"))
        .with_remedy("give both primes, or none: leave out p, q, dp, dq and qi")
}

fn not_base64url(name: &str) -> Failure {
    Failure::new(format!("the key: {name} is not base64url without padding"))
}
