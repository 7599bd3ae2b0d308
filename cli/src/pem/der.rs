//! One key from DER: crates of RustCrypto read the ASN.1, AWS-LC checks private keys.

use std::time::SystemTime;

use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin, EcPrivateKeyBin};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use zeroize::Zeroizing;

use super::Found;
use crate::failure::Failure;
use crate::family::{CURVES, Curve};
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

/// Tries all formats on DER without a label; `None` if none matches.
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

/// The key of an X.509 certificate [RFC 5280 §4.1]. Its signature and its names are not checked.
pub(super) fn certificate(der: &[u8], now: SystemTime) -> Result<Found, Failure> {
    let certificate = Certificate::from_der(der).map_err(|_| damaged("certificate"))?.tbs_certificate;
    let key = certificate.subject_public_key_info.to_der().map_err(|_| damaged("certificate"))?;
    let validity = certificate.validity;
    let is_valid = validity.not_before.to_system_time() <= now && now <= validity.not_after.to_system_time();
    Ok(Found {
        what: format!("certificate of {}", safe(&certificate.subject.to_string())),
        jwk: public(&key)?.jwk,
        warning: (!is_valid)
            .then_some("the certificate has expired or is not valid yet; the filter does not check its dates"),
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

/// A PKCS #1 RSAPrivateKey [RFC 8017 A.1.2]. Its numbers are checked when it is used.
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

/// An ECPrivateKey [RFC 5915 §3], bare or in PKCS #8. A missing public point is computed.
pub(super) fn ec_private(der: &[u8]) -> Result<Found, Failure> {
    let read = |curve: &'static Curve| Some((curve, EcdsaKeyPair::from_private_key_der(curve.signing, der).ok()?));
    let (curve, pair) = CURVES.iter().find_map(read).ok_or_else(unknown)?;
    let scalar: EcPrivateKeyBin = pair.private_key().as_be_bytes().map_err(|_| damaged("private key"))?;
    Ok(found("private key", Jwk { d: secret(scalar.as_ref()), ..point(curve, pair.public_key().as_ref())? }))
}

fn found(what: &str, jwk: Jwk) -> Found {
    Found { what: what.to_owned(), jwk, warning: None }
}

/// A key that can only be used for RSASSA-PSS.
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

/// The members of an uncompressed point: a mark, then both coordinates [SEC 1 §2.3.3].
fn point(curve: &Curve, bytes: &[u8]) -> Result<Jwk, Failure> {
    const UNCOMPRESSED: u8 = 4;
    let Some((&UNCOMPRESSED, coordinates)) = bytes.split_first() else {
        return Err(Failure::new("the point of the key is compressed, which is not supported")
            .with_remedy("convert it: openssl ec -pubin -in FILE -conv_form uncompressed"));
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
    Failure::new(format!("the {what} is damaged: can't read its DER")).with_remedy("copy the whole file again")
}

fn unknown() -> Failure {
    Failure::new("the key is damaged or of an unsupported kind")
        .with_remedy("supported: RSA, EC on P-256, P-384, P-521 or secp256k1, and Ed25519")
}
