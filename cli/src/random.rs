//! Random identifiers.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::failure::Failure;

/// As in a UUID: collisions are negligible.
const BITS: usize = 128;

/// 128 random bits from AWS-LC as 22 characters of base64url.
///
/// # Errors
/// If there are no random numbers.
pub(crate) fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; BITS / 8];
    rand::fill(&mut bytes).map_err(|_| Failure::new("the operating system gave no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
