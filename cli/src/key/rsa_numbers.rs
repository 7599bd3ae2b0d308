//! RSA keys as the numbers of a JWK and as PKCS #1, by the crate `rsa`. It signs nothing: its signatures take a time that
//! tells about the key (RUSTSEC-2023-0071).

use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, RsaPrivateKey};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What the filter takes: [RFC 7518 §3.3] has the least.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// 65537, the one exponent that the filter takes.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The numbers of a private key [RFC 7518 §6.3], big-endian.
pub(super) struct Numbers {
    pub(super) n: Vec<u8>,
    pub(super) e: Vec<u8>,
    pub(super) d: Zeroizing<Vec<u8>>,
    pub(super) p: Zeroizing<Vec<u8>>,
    pub(super) q: Zeroizing<Vec<u8>>,
    pub(super) dp: Zeroizing<Vec<u8>>,
    pub(super) dq: Zeroizing<Vec<u8>>,
    pub(super) qi: Zeroizing<Vec<u8>>,
}

/// The PKCS #1 of a key from big-endian numbers. The primes are computed when they are not given, and what follows from
/// them always is: `dp`, `dq` and `qi` of a JWK are not looked at.
pub(super) fn to_pkcs1(
    n: &[u8],
    e: &[u8],
    d: &[u8],
    primes: Option<&[Zeroizing<Vec<u8>>; 2]>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let modulus = BigUint::from_bytes_be(n);
    if !MODULUS_BITS.contains(&modulus.bits()) {
        return Err(Failure::new("the key: expected an n of 2048 to 4096 bits"));
    }
    if e != EXPONENT {
        return Err(Failure::new("the key: expected AQAB (65537) as e"));
    }
    let exponent = BigUint::from_bytes_be(d);
    let primes: Vec<_> = primes.into_iter().flatten().map(|prime| BigUint::from_bytes_be(prime)).collect();
    let one = BigUint::from(1_u8);
    // The library divides by what follows from these.
    let is_plausible = n.last().is_some_and(|low| low % 2 == 1) && exponent > one && exponent < modulus;
    if !is_plausible || primes.iter().any(|prime| prime <= &one) {
        return Err(mismatch("n, e and d"));
    }
    let key = RsaPrivateKey::from_components(modulus, BigUint::from_bytes_be(e), exponent, primes)
        .map_err(|_| mismatch("n, e and d"))?;
    let der = key.to_pkcs1_der().map_err(|_| mismatch("n, e and d"))?;
    Ok(Zeroizing::new(der.as_bytes().to_vec()))
}

pub(super) fn mismatch(parts: &str) -> Failure {
    Failure::new(format!("the key: {parts} don't belong together"))
}

/// The numbers of a key in PKCS #8.
pub(super) fn from_pkcs8(der: &[u8]) -> Option<Numbers> {
    let key = RsaPrivateKey::from_pkcs8_der(der).ok()?;
    let [p, q] = key.primes() else { return None };
    let secret = |number: &BigUint| Zeroizing::new(number.to_bytes_be());
    Some(Numbers {
        n: key.n().to_bytes_be(),
        e: key.e().to_bytes_be(),
        d: secret(key.d()),
        p: secret(p),
        q: secret(q),
        dp: secret(key.dp()?),
        dq: secret(key.dq()?),
        qi: secret(&key.crt_coefficient()?),
    })
}
