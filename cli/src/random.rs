//! Identifiers that nobody can guess.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::failure::Failure;

/// As many as a UUID has and more than two issuers will ever hit by chance.
const BITS: usize = 128;

/// 128 random bits as 22 characters of base64url, from AWS-LC's generator, which the operating system seeds.
pub(crate) fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; BITS / 8];
    rand::fill(&mut bytes).map_err(|_| Failure::new("the operating system gave no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
