//! Keys from files: a JWK, or PEM or DER, which is converted into a JWK.

use std::time::SystemTime;

use super::{SigningKey, choose, default_key_id};
use crate::failure::Failure;
use crate::family::Family;
use crate::jwk::Jwk;
use crate::pem;
use jwt_auth::Algorithm;

/// The private JWK of a key file. For PEM and DER it is the one that `jwt-auth jwk` prints: `kid` is the thumbprint,
/// and `alg` is RS256 for an RSA key.
///
/// # Errors
/// If there is not exactly one private key in the file, or if it is damaged or not supported.
pub(crate) fn private_jwk(content: &[u8]) -> Result<Jwk, Failure> {
    if !pem::is_pem_or_der(content) {
        return Jwk::parse(content);
    }
    complete(pem::read(content, SystemTime::now())?.into_private()?)
}

/// A key from PEM or DER with the default `kid` and `alg`, unless it has them.
pub(crate) fn complete(mut jwk: Jwk) -> Result<Jwk, Failure> {
    if jwk.alg.is_none() && matches!(Family::of(&jwk)?, Family::Rsa) {
        // The default of most issuers, and the one that every library supports.
        jwk.alg = Some(Algorithm::Rs256.name().to_owned());
    }
    if jwk.kid.is_none() {
        jwk.kid = Some(default_key_id(&jwk)?);
    }
    Ok(jwk)
}

/// The public JWK of a private or public one, for the `requested` algorithm or else its own. A private key is checked
/// as in [`SigningKey::from_jwk`].
pub(crate) fn public_jwk(jwk: &Jwk, requested: Option<Algorithm>) -> Result<Jwk, Failure> {
    if jwk.d.is_some() {
        let key = SigningKey::from_jwk(jwk, requested)?;
        return key.public_jwk().cloned().ok_or_else(|| Failure::new("the key has no public part"));
    }
    let algorithm = choose(jwk, Family::of(jwk)?, requested)?;
    Ok(Jwk { usage: Some("sig".to_owned()), alg: Some(algorithm.name().to_owned()), ..jwk.clone() })
}
