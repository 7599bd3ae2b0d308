//! The keys of clients that prove their possession.

use std::time::SystemTime;

use jwt_auth::ProofVerifier;

use super::{SigningKey, default_key_id};
use crate::failure::Failure;
use crate::family::Family;
use crate::jwk::Jwk;
use crate::offline;
use crate::pem;

/// The thumbprint of the one key in a file, public or private: a JWK, PEM or DER [RFC 7638].
///
/// # Errors
/// If there is not exactly one key, if it is damaged, or if the filter accepts no proofs of such a key.
pub(crate) fn proof_key_thumbprint(content: &[u8]) -> Result<String, Failure> {
    let jwk = read(content)?;
    let suitable = ProofVerifier::algorithms();
    let algorithm = Family::of(&jwk)?.algorithms().iter().find(|algorithm| suitable.contains(algorithm));
    let algorithm = *algorithm.ok_or_else(|| {
        Failure::new("the key of --dpop-key is not for proofs").with_remedy("supported: RSA, P-256, P-384 and Ed25519")
    })?;
    if jwk.d.is_some() {
        SigningKey::from_jwk(&Jwk { alg: None, ..jwk.clone() }, Some(algorithm))?;
    }
    let public = Jwk { alg: Some(algorithm.name().to_owned()), ..jwk.public_numbers() };
    if let Some(error) = offline::plugin(&public).faults() {
        let errors: Vec<_> = error.faults().iter().map(ToString::to_string).collect();
        return Err(Failure::new(format!("the filter does not accept the key of --dpop-key: {}", errors.join("; "))));
    }
    default_key_id(&public)
}

fn read(content: &[u8]) -> Result<Jwk, Failure> {
    if !pem::is_pem_or_der(content) {
        return Jwk::parse(content);
    }
    let keys = pem::read(content, SystemTime::now())?.into_keys()?;
    match keys.as_slice() {
        [found] => Ok(found.jwk.clone()),
        several => Err(Failure::new(format!("the file has {} different keys", several.len()))
            .with_remedy("choose one: jwt-auth jwk FILE --nth NUMBER | jwt-auth sign --dpop-key - ...")),
    }
}
