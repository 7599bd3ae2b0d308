//! The key in the header of a proof of possession.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::algorithm::Algorithm;
use super::candidates::Candidate;
use super::jwk::Key;
use crate::document::{Faults, Field};
use crate::json::{Object, Value};

/// The curves that a proof key may have. The others are not in use for proofs.
const CURVES: [&str; 3] = ["P-256", "P-384", "Ed25519"];

/// A public key that a client sent. It proves nothing but that the client has its private part.
#[derive(Debug)]
pub(crate) struct ProofKey {
    key: Key,
    thumbprint: String,
}

impl ProofKey {
    /// Reads the `jwk` of a header: RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519. `None` for any other, for a private
    /// key, and for one that is malformed or not for verifying signatures.
    pub(crate) fn read(jwk: &Object) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let members: &[&str] = match text("kty")? {
            "RSA" => &["e", "kty", "n"],
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            _ => return None,
        };
        if text("crv").is_some_and(|curve| !CURVES.contains(&curve)) {
            return None;
        }
        let value = serde_json::from_str(&Value::Object(jwk.clone()).to_string()).ok()?;
        let key = Key::parse(&Field::named("jwk", &value), &mut Faults::default())?;
        let required: Option<Vec<_>> =
            members.iter().map(|name| Some(format!("\"{name}\":{}", Value::String(text(name)?.into())))).collect();
        let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{{{}}}", required?.join(","))));
        Some(Self { key, thumbprint })
    }

    /// The JWK thumbprint ([RFC 7638 §3](https://www.rfc-editor.org/rfc/rfc7638#section-3)) with SHA-256, in base64url.
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The key for a signature with the algorithm of this name. `None` if the key or `allowed` does not have it.
    pub(crate) fn candidate(&self, name: &str, allowed: &[Algorithm]) -> Option<Candidate<'_>> {
        let algorithm = self.key.algorithm_named(name).filter(|algorithm| allowed.contains(algorithm))?;
        Some(Candidate::alone(&self.key, algorithm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ProofKey> {
        ProofKey::read(&Object::parse(text.as_bytes(), 8).unwrap())
    }

    #[test]
    fn the_thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 §3.1
        let modulus = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWK\
                       RXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMic\
                       AtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3\
                       XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = format!(r#"{{"kty":"RSA","n":"{modulus}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
        assert_eq!(read(&rsa).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037 A.3
        let ed25519 = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(read(ed25519).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_thumbprint_depends_on_the_required_members_only() {
        let key = |members: &str| {
            let coordinates = r#""x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                                 "y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA""#;
            read(&format!(r#"{{{members}{coordinates},"crv":"P-256","kty":"EC"}}"#)).map(|key| key.thumbprint)
        };
        let expected = Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
        for members in ["", r#""alg":"ES256","use":"sig","#, r#""kid":"a","key_ops":["verify"],"x5t":"b","a":[{}],"#] {
            assert_eq!(key(members), expected, "{members}");
        }
        for members in [r#""d":"AAAA","#, r#""use":"enc","#, r#""key_ops":["sign"],"#, r#""alg":"ES384","#] {
            assert_eq!(key(members), None, "{members}");
        }
    }
}
