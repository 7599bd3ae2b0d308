//! Password hashes: Argon2id, as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use argon2::password_hash::{ParamsString, PasswordHashString, PasswordHasher as _, SaltString};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordVerifier as _, Version};
use aws_lc_rs::rand;

use crate::failure::Failure;

/// The longest password. Argon2 itself has no limit; longer ones would only take time.
pub(crate) const MAX_PASSWORD_BYTES: usize = 1024;

/// The parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const SALT_BYTES: usize = 16;

/// A stored hash of a password.
#[derive(Clone)]
pub(crate) struct StoredHash(PasswordHashString);

/// What the time of a check depends on, apart from the length of the password.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cost {
    params: ParamsString,
    salt_bytes: usize,
    hash_bytes: usize,
}

/// The PHC string of a password, with a new random salt.
///
/// # Errors
/// If there are no random numbers.
pub(crate) fn hash(password: &[u8]) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("can't hash the password: {error}"));
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| Failure::new("the operating system gave no random numbers"))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| failed(&error))?;
    let hash = argon2.hash_password(password, &salt).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

impl StoredHash {
    /// Reads a PHC string; `None` unless it is Argon2id, version 19, with salt and hash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let stored = PasswordHashString::new(text).ok()?;
        let hash = stored.password_hash();
        let is_known = hash.algorithm == ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
        let is_whole = hash.salt.is_some() && hash.hash.is_some() && Params::try_from(&hash).is_ok();
        (is_known && is_whole).then_some(Self(stored))
    }

    /// The cost of checking a password against it.
    pub(crate) fn cost(&self) -> Cost {
        let hash = self.0.password_hash();
        let mut decoded = [0; 64];
        Cost {
            params: hash.params.clone(),
            salt_bytes: hash.salt.and_then(|salt| salt.decode_b64(&mut decoded).ok()).map_or(0, <[u8]>::len),
            hash_bytes: hash.hash.map_or(0, |output| output.len()),
        }
    }

    /// Whether this is the hash of `password`. Takes the time and memory of [`Self::cost`].
    pub(crate) fn matches(&self, password: &[u8]) -> bool {
        // It uses the parameters of the hash, not the default ones.
        Argon2::default().verify_password(password, &self.0.password_hash()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_the_parameters_of_owasp_and_a_new_salt_and_matches_only_its_password() {
        let (one, other) = (hash(b"wonderland").expect("a hash"), hash(b"wonderland").expect("a hash"));
        for text in [&one, &other] {
            assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        }
        assert_ne!(one, other);
        let stored = StoredHash::parse(&one).expect("its own string");
        let matches = [&b"wonderland"[..], b"wonderlan", b"wonderland ", b"Wonderland", b""].map(|p| stored.matches(p));
        assert_eq!(matches, [true, false, false, false, false]);
    }

    #[test]
    fn only_complete_argon2id_hashes_are_accepted() {
        for text in [
            "",
            "wonderland",
            "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
            "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
            "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$YWJjZGVmZ2hpamtsbW5vcA",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ] {
            assert!(StoredHash::parse(text).is_none(), "{text}");
        }
    }
}
