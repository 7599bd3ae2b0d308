//! One key from DER: the ASN.1 is read by the crates of RustCrypto, private keys are checked by AWS-LC.

use std::time::SystemTime;

use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use zeroize::Zeroizing;

use super::Found;
use crate::failure::Failure;
use crate::jwk::Jwk;
use crate::terminal::safe;

/// The first byte of every certificate and key in DER.
pub(super) const SEQUENCE: u8 = 0x30;

/// rsaEncryption and id-RSASSA-PSS [RFC 8017 A].
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// id-ecPublicKey [RFC 5480 §2.1.1].
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// id-Ed25519 [RFC 8410 §3].
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A curve of a JWK.
struct Curve {
    /// [RFC 5480 §2.1.1.1], for secp256k1 [SEC 2 A.2.1].
    oid: ObjectIdentifier,
    /// [RFC 7518 §6.2.1.1, RFC 8812 §3.1].
    crv: &'static str,
    /// Bytes in a coordinate.
    size: usize,
    signing: &'static EcdsaSigningAlgorithm,
}

static CURVES: [Curve; 4] = [
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        crv: "P-256",
        size: 32,
        signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
    },
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        crv: "P-384",
        size: 48,
        signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
    },
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        crv: "P-521",
        size: 66,
        signing: &ECDSA_P521_SHA512_FIXED_SIGNING,
    },
    Curve {
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        crv: "secp256k1",
        size: 32,
        signing: &ECDSA_P256K1_SHA256_FIXED_SIGNING,
    },
];

/// What DER holds that does not say what it is; `None` for none of these.
pub(super) fn any(der: &[u8], now: SystemTime) -> Option<Result<Found, Failure>> {
    if Certificate::from_der(der).is_ok() {
        Some(certificate(der, now))
    } else if x509_cert::spki::SubjectPublicKeyInfoRef::from_der(der).is_ok() {
        Some(public(der))
    } else if rsa::pkcs8::PrivateKeyInfo::from_der(der).is_ok() {
        Some(private(der))
    } else if rsa::pkcs1::RsaPrivateKey::from_der(der).is_ok() {
        Some(rsa_private(der))
    } else if rsa::pkcs1::RsaPublicKey::from_der(der).is_ok() {
        Some(rsa_public(der))
    } else {
        Some(ec_private(der)).filter(Result::is_ok)
    }
}

/// The key of an X.509 certificate [RFC 5280 §4.1]. Its signature and its names are not looked at.
pub(super) fn certificate(der: &[u8], now: SystemTime) -> Result<Found, Failure> {
    let certificate = Certificate::from_der(der).map_err(|_| damaged("certificate"))?.tbs_certificate;
    let key = certificate.subject_public_key_info.to_der().map_err(|_| damaged("certificate"))?;
    let validity = certificate.validity;
    let is_valid = validity.not_before.to_system_time() <= now && now <= validity.not_after.to_system_time();
    Ok(Found {
        what: format!("certificate of {}", safe(&certificate.subject.to_string())),
        jwk: public(&key)?.jwk,
        warning: (!is_valid).then_some("the certificate is not valid now; the filter does not look at its dates"),
    })
}

/// A SubjectPublicKeyInfo [RFC 5280 §4.1.2.7].
pub(super) fn public(der: &[u8]) -> Result<Found, Failure> {
    let key = x509_cert::spki::SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged("public key"))?;
    let bytes = key.subject_public_key.as_bytes().ok_or_else(|| damaged("public key"))?;
    match key.algorithm.oid {
        RSA => rsa_public(bytes),
        RSA_PSS => Ok(for_pss(rsa_public(bytes)?)),
        EC => {
            let oid = key.algorithm.parameters_oid().map_err(|_| unknown())?;
            let curve = CURVES.iter().find(|curve| curve.oid == oid).ok_or_else(unknown)?;
            Ok(found("public key", point(curve, bytes)?))
        }
        ED25519 => Ok(found("public key", okp(bytes))),
        _ => Err(unknown()),
    }
}

/// A PKCS #1 RSAPublicKey [RFC 8017 A.1.1].
pub(super) fn rsa_public(der: &[u8]) -> Result<Found, Failure> {
    let key = rsa::pkcs1::RsaPublicKey::from_der(der).map_err(|_| damaged("RSA public key"))?;
    Ok(found("public key", rsa_numbers(&key)))
}

/// A PKCS #8 PrivateKeyInfo [RFC 5208 §5, RFC 5958 §2].
pub(super) fn private(der: &[u8]) -> Result<Found, Failure> {
    let key = rsa::pkcs8::PrivateKeyInfo::from_der(der).map_err(|_| damaged("private key"))?;
    match key.algorithm.oid {
        RSA => rsa_private(key.private_key),
        RSA_PSS => Ok(for_pss(rsa_private(key.private_key)?)),
        EC => ec_private(der),
        ED25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| damaged("private key"))?;
            let seed = pair.seed().and_then(|seed| seed.as_be_bytes());
            let seed: Curve25519SeedBin = seed.map_err(|_| damaged("private key"))?;
            Ok(found("private key", Jwk { d: secret(seed.as_ref()), ..okp(pair.public_key().as_ref()) }))
        }
        _ => Err(unknown()),
    }
}

/// A PKCS #1 RSAPrivateKey [RFC 8017 A.1.2]. Whether its numbers belong together is seen when it is used.
pub(super) fn rsa_private(der: &[u8]) -> Result<Found, Failure> {
    let key = rsa::pkcs1::RsaPrivateKey::from_der(der).map_err(|_| damaged("RSA private key"))?;
    let jwk = Jwk {
        d: secret(key.private_exponent.as_bytes()),
        p: secret(key.prime1.as_bytes()),
        q: secret(key.prime2.as_bytes()),
        dp: secret(key.exponent1.as_bytes()),
        dq: secret(key.exponent2.as_bytes()),
        qi: secret(key.coefficient.as_bytes()),
        ..rsa_numbers(&key.public_key())
    };
    Ok(found("private key", jwk))
}

/// An ECPrivateKey [RFC 5915 §3], or a PKCS #8 with one in it. The public point is computed where it is left out.
pub(super) fn ec_private(der: &[u8]) -> Result<Found, Failure> {
    let read = |curve: &'static Curve| Some((curve, EcdsaKeyPair::from_private_key_der(curve.signing, der).ok()?));
    let (curve, pair) = CURVES.iter().find_map(read).ok_or_else(unknown)?;
    let scalar: EcPrivateKeyBin = pair.private_key().as_be_bytes().map_err(|_| damaged("private key"))?;
    Ok(found("private key", Jwk { d: secret(scalar.as_ref()), ..point(curve, pair.public_key().as_ref())? }))
}

fn found(what: &str, jwk: Jwk) -> Found {
    Found { what: what.to_owned(), jwk, warning: None }
}

/// A key that is for RSASSA-PSS only.
fn for_pss(mut found: Found) -> Found {
    found.jwk.alg = Some("PS256".to_owned());
    found
}

fn rsa_numbers(key: &rsa::pkcs1::RsaPublicKey<'_>) -> Jwk {
    Jwk {
        kty: "RSA".to_owned(),
        n: Some(encode(key.modulus.as_bytes())),
        e: Some(encode(key.public_exponent.as_bytes())),
        ..Jwk::default()
    }
}

/// The members of a point, which SEC 1 §2.3.3 writes as a mark and both coordinates.
fn point(curve: &Curve, bytes: &[u8]) -> Result<Jwk, Failure> {
    const UNCOMPRESSED: u8 = 4;
    let Some((&UNCOMPRESSED, coordinates)) = bytes.split_first() else {
        return Err(Failure::new("the point of the key is compressed, which is not supported")
            .with_remedy("write it out: openssl ec -pubin -in FILE -conv_form uncompressed"));
    };
    if coordinates.len() != curve.size * 2 {
        return Err(damaged("public key"));
    }
    let (x, y) = coordinates.split_at(curve.size);
    Ok(Jwk {
        kty: "EC".to_owned(),
        crv: Some(curve.crv.to_owned()),
        x: Some(encode(x)),
        y: Some(encode(y)),
        ..Jwk::default()
    })
}

fn okp(x: &[u8]) -> Jwk {
    Jwk { kty: "OKP".to_owned(), crv: Some("Ed25519".to_owned()), x: Some(encode(x)), ..Jwk::default() }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn secret(bytes: &[u8]) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(encode(bytes)))
}

fn damaged(what: &str) -> Failure {
    Failure::new(format!("the {what} is damaged: its DER can't be read")).with_remedy("copy it again, as a whole")
}

fn unknown() -> Failure {
    Failure::new("the key is of a kind that the filter does not know, or damaged")
        .with_remedy("it knows RSA, EC on P-256, P-384, P-521 or secp256k1, and Ed25519")
}
