//! Proofs of possession in requests for a token, which bind the token to the key of the client [RFC 9449 §5].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method};
use jwt_auth::{NumericDate, Proof, ProofError, ProofVerifier};

use super::answers::Refusal;
use crate::failure::Failure;

/// How many used proofs are remembered. Only proofs of requests with a valid password are, and the rate limit bounds
/// these.
const MAX_USED: usize = 10_000;

/// How long a used proof is remembered, in seconds from its `iat`: longer than the verifier accepts it.
const REMEMBERED_SECONDS: f64 = 300.0;

/// Verifies proofs, by the rules of the filter, and remembers which were used.
pub(super) struct Proofs {
    verifier: ProofVerifier,
    /// When each used proof can be forgotten, in seconds since the epoch.
    used: Mutex<HashMap<String, f64>>,
}

impl Proofs {
    /// For a service whose clients send their requests to this URL.
    ///
    /// # Errors
    /// If it is not an `http` or `https` URL by RFC 3986, or has a query.
    pub(super) fn new(token_url: &str) -> Result<Self, Failure> {
        let verifier = ProofVerifier::new(token_url).map_err(|expected| Failure::new(format!("--iss: {expected}")))?;
        Ok(Self { verifier, used: Mutex::default() })
    }

    /// Verifies the proof of a request; `None` if it has none.
    ///
    /// # Errors
    /// `InvalidProof` if it has one that is not valid, or several.
    pub(super) fn verify(&self, headers: &HeaderMap, now: NumericDate) -> Result<Option<Proof>, Refusal> {
        let proofs: Vec<&[u8]> = headers.get_all("dpop").iter().map(|value| value.as_bytes()).collect();
        if proofs.is_empty() {
            return Ok(None);
        }
        self.verifier.verify(Method::POST.as_str(), &proofs, None, now).map(Some).map_err(Refusal::InvalidProof)
    }

    /// Records that a proof is used.
    ///
    /// # Errors
    /// `InvalidProof` if it was used before; `Busy` if no more can be remembered.
    pub(super) fn use_up(&self, proof: &Proof, now: NumericDate) -> Result<(), Refusal> {
        // No method leaves the map half changed.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.as_unix_seconds();
        used.retain(|_, until| now < *until);
        let identity = proof.identity();
        if used.contains_key(&identity) {
            return Err(Refusal::InvalidProof(ProofError::Used));
        }
        if used.len() >= MAX_USED {
            return Err(Refusal::Busy);
        }
        used.insert(identity, proof.issued_at().as_unix_seconds() + REMEMBERED_SECONDS);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::key::{RsaBits, SigningKey, generate};
    use crate::token::jws;

    const URL: &str = "https://issuer.example/token";

    fn proof(key: &SigningKey, id: &str, iat: f64) -> HeaderMap {
        let jwk = key.public_jwk().expect("a public key").public_numbers();
        let header = json!({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk});
        let claims = json!({"jti": id, "htm": "POST", "htu": URL, "iat": iat});
        let proof = jws(key, &header, &claims.to_string()).expect("a proof");
        HeaderMap::from_iter([(axum::http::HeaderName::from_static("dpop"), proof.parse().expect("a value"))])
    }

    #[test]
    fn a_proof_is_used_once_until_it_is_too_old_and_the_number_is_limited() {
        let jwk = generate(jwt_auth::Algorithm::EdDsa, RsaBits::Bits2048).expect("a key");
        let key = SigningKey::from_jwk(&jwk, None).expect("a key");
        let proofs = Proofs::new(URL).expect("a URL");
        let at = NumericDate::from_unix_seconds;
        let verify =
            |id: &str, iat: f64| proofs.verify(&proof(&key, id, iat), at(iat)).map(|proof| proof.expect("a proof"));
        let first = verify("a", 1000.0).expect("a proof");
        let used = Err(Refusal::InvalidProof(ProofError::Used));
        assert_eq!(proofs.use_up(&first, at(1000.0)), Ok(()));
        assert_eq!(proofs.use_up(&first, at(1060.0)), used);
        assert_eq!(proofs.use_up(&verify("b", 1000.0).expect("a proof"), at(1000.0)), Ok(()));
        {
            let mut map = proofs.used.lock().expect("the proofs");
            assert_eq!(map.len(), 2);
            map.extend((2..MAX_USED).map(|number| (number.to_string(), 1200.0)));
        }
        let other = verify("c", 1100.0).expect("a proof");
        assert_eq!(proofs.use_up(&other, at(1100.0)), Err(Refusal::Busy));
        assert_eq!(proofs.use_up(&first, at(1199.0)), used, "it is still known");
        assert_eq!(proofs.use_up(&other, at(1200.0)), Ok(()));
        let again = NumericDate::from_unix_seconds(1300.0);
        assert_eq!(proofs.use_up(&first, again), Ok(()), "the verifier has long rejected it");
    }

    #[test]
    fn a_request_has_no_proof_or_one_that_is_valid() {
        let proofs = Proofs::new(URL).expect("a URL");
        let now = NumericDate::from_unix_seconds(1000.0);
        assert_eq!(proofs.verify(&HeaderMap::new(), now), Ok(None));
        for (value, expected) in [
            ("", ProofError::Missing),
            ("a", ProofError::Malformed),
            ("a.b.c, a.b.c", ProofError::Several),
            (&format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"EdDSA"}"#)), ProofError::Type),
        ] {
            let name = axum::http::HeaderName::from_static("dpop");
            let headers = HeaderMap::from_iter([(name, value.parse().expect("a value"))]);
            assert_eq!(proofs.verify(&headers, now), Err(Refusal::InvalidProof(expected)), "{value}");
        }
        assert!(Proofs::new("https://issuer.example/%zz/token").is_err());
    }
}
