//! Keys from files: a JWK as JSON, or PEM or DER, of which a JWK is made.

use std::time::SystemTime;

use super::{Family, SigningKey, choose, default_key_id};
use crate::failure::Failure;
use crate::jwk::Jwk;
use crate::pem;
use jwt_auth::Algorithm;

/// The private JWK of a key file. One from PEM or DER gets what `jwt-auth jwk` gives it: the thumbprint as its `kid`, and
/// RS256 for an RSA key.
pub(crate) fn private_jwk(content: &[u8]) -> Result<Jwk, Failure> {
    if !pem::is_pem_or_der(content) {
        return Jwk::parse(content);
    }
    complete(pem::read(content, SystemTime::now())?.into_private()?)
}

/// A key from PEM or DER, with `kid` and `alg` where it has none.
pub(crate) fn complete(mut jwk: Jwk) -> Result<Jwk, Failure> {
    if jwk.alg.is_none() && Family::of(&jwk)? == Family::Rsa {
        // What issuers use unless told otherwise, and what every library knows.
        jwk.alg = Some(Algorithm::Rs256.name().to_owned());
    }
    if jwk.kid.is_none() {
        jwk.kid = Some(default_key_id(&jwk)?);
    }
    Ok(jwk)
}

/// The public part of a key that may be private, for `requested` or else its own algorithm. A private key is checked as
/// one that is to sign.
pub(crate) fn public_jwk(jwk: &Jwk, requested: Option<Algorithm>) -> Result<Jwk, Failure> {
    if jwk.d.is_some() {
        let key = SigningKey::from_jwk(jwk, requested)?;
        return key.public_jwk().cloned().ok_or_else(|| Failure::new("the key has no public part"));
    }
    let algorithm = choose(jwk, Family::of(jwk)?, requested)?;
    Ok(Jwk { usage: Some("sig".to_owned()), alg: Some(algorithm.name().to_owned()), ..jwk.clone() })
}
