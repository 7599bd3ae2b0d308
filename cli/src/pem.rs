//! Keys and certificates in PEM [RFC 7468] and DER, as OpenSSL and others write them.

mod der;

use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::jwk::Jwk;

/// A key of a file. The JWK has the numbers of the key, and `alg` if the file fixes it. It is private if it has a `d`.
pub(crate) struct Found {
    /// A description, such as `certificate of CN=example`.
    pub(crate) what: String,
    pub(crate) jwk: Jwk,
    /// A warning for the user.
    pub(crate) warning: Option<&'static str>,
}

/// The keys of a file.
pub(crate) struct Contents {
    /// In the order of the file. A private key and its certificate are one key.
    pub(crate) keys: Vec<Found>,
    /// Why a part of the file was skipped, such as an encrypted key.
    unusable: Option<Failure>,
}

/// The private JWK of a PKCS #8 key in DER.
///
/// # Errors
/// If it is damaged.
pub(crate) fn private_key(der: &[u8]) -> Result<Jwk, Failure> {
    der::private(der).map(|found| found.jwk)
}

/// Whether a file is PEM or DER and not a JWK, which begins with a brace.
pub(crate) fn is_pem_or_der(content: &[u8]) -> bool {
    is_pem(content) || content.first() == Some(&der::SEQUENCE)
}

/// All keys of a PEM or DER file.
///
/// # Errors
/// If a key is damaged or of a kind that the filter does not support.
pub(crate) fn read(content: &[u8], now: SystemTime) -> Result<Contents, Failure> {
    let mut contents = Contents { keys: Vec::new(), unusable: None };
    if is_pem(content) {
        let blocks = pem::parse_many(content).map_err(|error| {
            Failure::new(format!("the PEM is damaged: {error}")).with_remedy("copy the whole file again")
        })?;
        for block in blocks {
            let is_encrypted = block.headers().get("Proc-Type").is_some_and(|kind| kind.contains("ENCRYPTED"));
            let tag = block.tag().to_owned();
            let der = Zeroizing::new(block.into_contents());
            match if is_encrypted { Block::Unusable(encrypted()) } else { Block::read(&tag, &der, now)? } {
                Block::Key(found) => contents.push(*found),
                Block::Parameters => {}
                Block::Unusable(why) => contents.unusable = contents.unusable.or(Some(why)),
            }
        }
    } else {
        contents.push(der::any(content, now).ok_or_else(|| {
            Failure::new("the DER is neither a certificate nor an unencrypted key").with_remedy(FORMS)
        })??);
    }
    Ok(contents)
}

impl Contents {
    /// All keys.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn into_keys(self) -> Result<Vec<Found>, Failure> {
        if self.keys.is_empty() {
            return Err(self.unusable.unwrap_or_else(|| Failure::new("there is no key in the PEM").with_remedy(FORMS)));
        }
        Ok(self.keys)
    }

    /// The private key.
    ///
    /// # Errors
    /// If there is not exactly one.
    pub(crate) fn into_private(self) -> Result<Jwk, Failure> {
        let Self { keys, unusable } = self;
        let holds = keys.first().map(|found| found.what.clone());
        let mut private = keys.into_iter().map(|found| found.jwk).filter(|jwk| jwk.d.is_some());
        match (private.next(), private.next(), holds) {
            (Some(only), None, _) => Ok(only),
            (Some(_), Some(_), _) => {
                Err(Failure::new("the file has several private keys").with_remedy("use a file with one private key"))
            }
            (None, _, holds) => Err(unusable.unwrap_or_else(|| {
                Failure::new(format!("the file has no private key, only a {}", holds.as_deref().unwrap_or("parameter")))
                    .with_remedy("use a file with the private key")
            })),
        }
    }

    /// Adds a key, or completes its public key with the private one.
    fn push(&mut self, found: Found) {
        match self.keys.iter_mut().find(|other| other.jwk.has_public_numbers_of(&found.jwk)) {
            Some(other) if other.jwk.d.is_none() && found.jwk.d.is_some() => other.jwk = found.jwk,
            Some(_) => {}
            None => self.keys.push(found),
        }
    }
}

/// What is supported.
const FORMS: &str = "expected CERTIFICATE, PUBLIC KEY, RSA PUBLIC KEY, PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY";

fn is_pem(content: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    content.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// A block of a PEM file.
enum Block {
    Key(Box<Found>),
    /// Parameters and such, which some tools write beside a key.
    Parameters,
    /// Not supported, with the reason.
    Unusable(Failure),
}

impl Block {
    /// Reads a block with this label. Fails if it is damaged.
    fn read(label: &str, der: &[u8], now: SystemTime) -> Result<Self, Failure> {
        Ok(Self::Key(Box::new(match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => der::certificate(der, now)?,
            "PUBLIC KEY" => der::public(der)?,
            "RSA PUBLIC KEY" => der::rsa_public(der)?,
            "PRIVATE KEY" => der::private(der)?,
            "RSA PRIVATE KEY" => der::rsa_private(der)?,
            "EC PRIVATE KEY" => der::ec_private(der)?,
            "EC PARAMETERS" | "DH PARAMETERS" | "X509 CRL" => return Ok(Self::Parameters),
            "ENCRYPTED PRIVATE KEY" => return Ok(Self::Unusable(encrypted())),
            "OPENSSH PRIVATE KEY" => {
                let problem = "keys in the format of OpenSSH are not supported";
                let remedy = "convert a copy of an RSA or ECDSA key: ssh-keygen -p -N '' -m PEM -f COPY";
                return Ok(Self::Unusable(Failure::new(problem).with_remedy(remedy)));
            }
            _ => {
                return Ok(Self::Unusable(
                    Failure::new(format!("the PEM has no key, but {label:?}")).with_remedy(FORMS),
                ));
            }
        })))
    }
}

fn encrypted() -> Failure {
    Failure::new("keys that are encrypted with a password are not supported")
        .with_remedy("decrypt a copy: (umask 077 && openssl pkey -in FILE -out PLAIN), and delete PLAIN after use")
}
