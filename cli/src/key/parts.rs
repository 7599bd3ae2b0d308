//! The members of a private JWK: present, of the right length, and from one key pair.

use std::ops::RangeInclusive;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::Algorithm;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::{BigUint, RsaPrivateKey};
use zeroize::Zeroizing;

use super::{Material, unsuitable};
use crate::failure::Failure;
use crate::family::Curve;
use crate::jwk::Jwk;

/// The bits of an RSA modulus that the filter accepts; RFC 7518 §3.3 sets the minimum.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=4096;

/// 65537, the only public exponent that the filter accepts.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A key and its public JWK members; a shared secret has none.
type Parts = (Material, Option<Jwk>);

/// An RSA key from `n`, `e` and `d`, with or without its primes [RFC 7518 §6.3].
///
/// The crate `rsa` computes missing primes, and what follows from them: `dp`, `dq` and `qi` of the JWK are not used. It
/// does not sign: the time of its signatures reveals the key (RUSTSEC-2023-0071).
pub(super) fn rsa(jwk: &Jwk) -> Result<Parts, Failure> {
    let mismatch = || mismatch("n, e and d");
    let (n, e) = (bytes("n", jwk.n.as_deref())?, bytes("e", jwk.e.as_deref())?);
    let d = private_bytes("d", jwk.d.as_ref())?;
    let primes = match (&jwk.p, &jwk.q) {
        (None, None) => Vec::new(),
        (Some(p), Some(q)) => vec![secret_bytes("p", p)?, secret_bytes("q", q)?],
        (Some(_), None) => return Err(lone_prime("p", "q")),
        (None, Some(_)) => return Err(lone_prime("q", "p")),
    };
    let (modulus, exponent) = (BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&d));
    if !MODULUS_BITS.contains(&modulus.bits()) {
        return Err(Failure::new("the key: expected an n of 2048 to 4096 bits"));
    }
    if e != EXPONENT {
        return Err(Failure::new("the key: expected AQAB (65537) as e"));
    }
    let primes: Vec<_> = primes.iter().map(|prime| BigUint::from_bytes_be(prime)).collect();
    let one = BigUint::from(1_u8);
    // The crate panics on other numbers, because it divides by what follows from these.
    let is_plausible = n.last().is_some_and(|low| low % 2 == 1) && exponent > one && exponent < modulus;
    if !is_plausible || primes.iter().any(|prime| prime <= &one) {
        return Err(mismatch());
    }
    let key = RsaPrivateKey::from_components(modulus, BigUint::from_bytes_be(&e), exponent, primes);
    let der = key.map_err(|_| mismatch())?.to_pkcs1_der().map_err(|_| mismatch())?;
    let pair = RsaKeyPair::from_der(der.as_bytes()).map_err(|_| mismatch())?;
    let public = Jwk { n: jwk.n.clone(), e: jwk.e.clone(), ..Jwk::default() };
    Ok((Material::Rsa(Box::new(pair)), Some(public)))
}

/// An elliptic curve key from `d`, `x` and `y` [RFC 7518 §6.2].
pub(super) fn ec(jwk: &Jwk, curve: &'static Curve) -> Result<Parts, Failure> {
    let [x, y] = [bytes("x", jwk.x.as_deref())?, bytes("y", jwk.y.as_deref())?];
    let d = private_bytes("d", jwk.d.as_ref())?;
    if [x.len(), y.len(), d.len()] != [curve.size; 3] {
        return Err(Failure::new(format!("the key: expected {} bytes in each of d, x and y", curve.size)));
    }
    // 4 marks an uncompressed point [SEC 1 §2.3.3].
    let point = [&[4], x.as_slice(), &y].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.signing, &d, &point);
    let pair = pair.map_err(|_| mismatch("d, x and y"))?;
    let public = Jwk { x: jwk.x.clone(), y: jwk.y.clone(), ..Jwk::default() };
    Ok((Material::Ec(Box::new(pair)), Some(public)))
}

/// An Ed25519 key from `d` and `x` [RFC 8037 §2].
pub(super) fn ed25519(jwk: &Jwk) -> Result<Parts, Failure> {
    let (d, x) = (private_bytes("d", jwk.d.as_ref())?, bytes("x", jwk.x.as_deref())?);
    let pair = Ed25519KeyPair::from_seed_and_public_key(&d, &x).map_err(|_| mismatch("d and x"))?;
    Ok((Material::Ed25519(Box::new(pair)), Some(Jwk { x: jwk.x.clone(), ..Jwk::default() })))
}

/// A shared secret from `k` [RFC 7518 §6.4].
pub(super) fn secret(jwk: &Jwk, algorithm: Algorithm) -> Result<Parts, Failure> {
    let k = private_bytes("k", jwk.k.as_ref())?;
    let hash = match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        other => return Err(unsuitable(other)),
    };
    let least = hash.digest_algorithm().output_len();
    if k.len() < least {
        return Err(Failure::new(format!("the key: {} needs a k of {least} bytes or more", algorithm.name()))
            .with_remedy("RFC 7518, section 3.2: a secret must be at least as long as its hash"));
    }
    Ok((Material::Secret(Box::new(hmac::Key::new(hash, &k))), None))
}

fn bytes(name: &str, member: Option<&str>) -> Result<Vec<u8>, Failure> {
    let text = member.ok_or_else(|| Failure::new(format!("the key: {name} is missing")))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| not_base64url(name))
}

fn private_bytes(name: &str, member: Option<&Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = member.ok_or_else(|| {
        Failure::new(format!("the key: {name} is missing, so the key can't sign"))
            .with_remedy("use the private JWK instead of the public one")
    })?;
    secret_bytes(name, text)
}

fn secret_bytes(name: &str, text: &Zeroizing<String>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| not_base64url(name))
}

fn lone_prime(present: &str, missing: &str) -> Failure {
    Failure::new(format!("the key: {present} without {missing}"))
        .with_remedy("include both primes, or leave out p, q, dp, dq and qi")
}

fn not_base64url(name: &str) -> Failure {
    Failure::new(format!("the key: {name} is not unpadded base64url"))
}

fn mismatch(members: &str) -> Failure {
    Failure::new(format!("the key: {members} are not from the same key"))
}
