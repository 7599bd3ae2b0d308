//! Keys in files that are no JWK: PEM [RFC 7468] and DER, as OpenSSL and others write them.

mod der;

use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::jwk::Jwk;

/// A key of a file, with its numbers only: no `kid`, no `use`, and an `alg` only where the file demands one. It is private if the
/// JWK has a `d`.
pub(crate) struct Found {
    /// What it was in the file, for people: `certificate of CN=example`.
    pub(crate) what: String,
    pub(crate) jwk: Jwk,
    /// What is to be known about it, for people.
    pub(crate) warning: Option<&'static str>,
}

/// What a file holds.
pub(crate) struct Contents {
    /// In the order of the file; a private key and its certificate are one key.
    pub(crate) keys: Vec<Found>,
    /// Why other parts of the file could not be used, such as a key that is encrypted.
    unusable: Option<Failure>,
}

/// Whether a file looks like PEM or DER. A JWK begins with a brace, which neither does.
pub(crate) fn is_pem_or_der(content: &[u8]) -> bool {
    is_pem(content) || content.first() == Some(&der::SEQUENCE)
}

/// All keys of a PEM or DER file. Fails for one that is damaged or of a kind that the filter does not know.
pub(crate) fn read(content: &[u8], now: SystemTime) -> Result<Contents, Failure> {
    let mut contents = Contents { keys: Vec::new(), unusable: None };
    if is_pem(content) {
        let blocks = pem::parse_many(content).map_err(|error| {
            Failure::new(format!("the PEM is damaged: {error}")).with_remedy("copy it again, as a whole")
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
            Failure::new("this DER is neither a certificate nor a key without a password").with_remedy(FORMS)
        })??);
    }
    Ok(contents)
}

impl Contents {
    /// The keys, at least one.
    pub(crate) fn into_keys(self) -> Result<Vec<Found>, Failure> {
        if self.keys.is_empty() {
            return Err(self.unusable.unwrap_or_else(|| Failure::new("no key in the PEM").with_remedy(FORMS)));
        }
        Ok(self.keys)
    }

    /// The one private key.
    pub(crate) fn into_private(self) -> Result<Jwk, Failure> {
        let Self { keys, unusable } = self;
        let holds = keys.first().map(|found| found.what.clone());
        let mut private = keys.into_iter().map(|found| found.jwk).filter(|jwk| jwk.d.is_some());
        match (private.next(), private.next(), holds) {
            (Some(only), None, _) => Ok(only),
            (Some(_), Some(_), _) => {
                Err(Failure::new("several private keys are in the file").with_remedy("put the one to use into a file"))
            }
            (None, _, holds) => Err(unusable.unwrap_or_else(|| {
                Failure::new(format!("no private key in the file, only a {}", holds.as_deref().unwrap_or("parameter")))
                    .with_remedy("signing needs the private key")
            })),
        }
    }

    /// Adds a key, or its private part to the public one that is there.
    fn push(&mut self, found: Found) {
        match self.keys.iter_mut().find(|other| other.jwk.has_public_numbers_of(&found.jwk)) {
            Some(other) if other.jwk.d.is_none() && found.jwk.d.is_some() => other.jwk = found.jwk,
            Some(_) => {}
            None => self.keys.push(found),
        }
    }
}

/// What is read, for people.
const FORMS: &str = "expected CERTIFICATE, PUBLIC KEY, RSA PUBLIC KEY, PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY";

fn is_pem(content: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    content.windows(BEGIN.len()).any(|window| window == BEGIN)
}

/// A block of a PEM file.
enum Block {
    Key(Box<Found>),
    /// What some tools write before or after a key.
    Parameters,
    /// One that is not supported, and why.
    Unusable(Failure),
}

impl Block {
    /// Reads one by its label. Fails for one that is damaged.
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
                let problem = "the key is in the format of OpenSSH, which is not supported";
                let remedy = "convert a copy of an RSA or ECDSA key: ssh-keygen -p -N '' -m PEM -f COPY";
                return Ok(Self::Unusable(Failure::new(problem).with_remedy(remedy)));
            }
            _ => {
                return Ok(Self::Unusable(
                    Failure::new(format!("no key in the PEM, but {label:?}")).with_remedy(FORMS),
                ));
            }
        })))
    }
}

fn encrypted() -> Failure {
    Failure::new("the key is encrypted with a password, which is not supported")
        .with_remedy("decrypt it: (umask 077 && openssl pkey -in FILE -out PLAIN), and delete PLAIN after use")
}
