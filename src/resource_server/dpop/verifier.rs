//! Proofs for one URL, such as the token endpoint of an authorization server.

use super::proof::{Proof, ProofRules, signer};
use super::{DEFAULT_MAX_AGE_SECONDS, is_for_proofs};
use crate::key::Algorithm;
use crate::numeric_date::NumericDate;
use crate::rejection::ProofError;
use crate::request::Request;
use crate::url::HttpUrl;

/// Verifies the proofs of requests to one URL, by the rules of the filter: for a token endpoint
/// ([RFC 9449 §5](https://www.rfc-editor.org/rfc/rfc9449#section-5)), or to try a new proof. It does not know which proofs
/// were used before.
#[derive(Debug)]
pub struct ProofVerifier {
    rules: ProofRules,
    path: String,
}

impl ProofVerifier {
    /// A verifier for this `http` or `https` URL. It accepts all of [`Self::algorithms`], and proofs of the last 60 seconds.
    ///
    /// # Errors
    /// What was expected, for a message: when it is no such URL, or has a user, a password, a query or a fragment.
    pub fn new(url: &str) -> Result<Self, &'static str> {
        let url = HttpUrl::parse(url)?;
        if url.has_query() {
            return Err("expected a URL without a query");
        }
        let path = url.request_target();
        let rules = ProofRules {
            max_age: DEFAULT_MAX_AGE_SECONDS as f64,
            algorithms: Self::algorithms(),
            origins: vec![url.authority],
        };
        Ok(Self { rules, path })
    }

    /// The algorithms of proofs that a filter can accept.
    pub fn algorithms() -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|&algorithm| is_for_proofs(algorithm)).collect()
    }

    /// Verifies the proof of a request with this method at the time `now`. `proofs` are the values of its header `DPoP`,
    /// and `token` is its access token, if it has one.
    ///
    /// # Errors
    /// Why there is no valid proof.
    pub fn verify(
        &self,
        method: &str,
        proofs: &[&[u8]],
        token: Option<&[u8]>,
        now: NumericDate,
    ) -> Result<Proof, ProofError> {
        let request = [(":method", method.as_bytes()), (":path", self.path.as_bytes())];
        let headers: Vec<_> = request.into_iter().chain(proofs.iter().map(|&proof| ("dpop", proof))).collect();
        self.rules.verify(Request::new(&headers), token, now, None)
    }

    /// Verifies only the signature of a proof, with the key in its header. Returns the thumbprint of the key
    /// ([RFC 7638](https://www.rfc-editor.org/rfc/rfc7638)).
    ///
    /// # Errors
    /// Why it is no proof that is signed with its own key.
    pub fn signer(proof: &[u8]) -> Result<String, ProofError> {
        signer(proof, &Self::algorithms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [RFC 9449 §4.1](https://www.rfc-editor.org/rfc/rfc9449#section-4.1), figure 2: a proof for a token request.
    const PROOF: &[u8] = b"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0\
        VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
        QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV\
        4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0\
        x7NVY-FNyJK70nfbV37xRZT3Lg";
    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const TIME: f64 = 1_562_262_616.0;

    fn verify(url: &str, method: &str, proofs: &[&[u8]], token: Option<&[u8]>, now: f64) -> Result<Proof, ProofError> {
        ProofVerifier::new(url).unwrap().verify(method, proofs, token, NumericDate::from_unix_seconds(now))
    }

    #[test]
    fn the_proof_of_a_token_request_needs_no_hash_of_a_token() {
        let url = "https://server.example.com/token";
        let proof = verify(url, "POST", &[PROOF], None, TIME).unwrap();
        assert_eq!(proof.thumbprint(), THUMBPRINT);
        assert_eq!(proof.issued_at().as_unix_seconds(), TIME);
        assert_eq!(proof.identity(), format!("{THUMBPRINT}\n{url}\n-BwC3ESc6acc2lTc"));
        assert_eq!(verify(url, "POST", &[PROOF], Some(b"a.b.c"), TIME), Err(ProofError::Claim("ath")));
    }

    #[test]
    fn a_proof_for_another_request_is_no_proof_for_this_one() {
        let url = "https://server.example.com/token";
        for (url, method, proofs, now, expected) in [
            (url, "POST", &[][..], TIME, ProofError::Missing),
            (url, "POST", &[PROOF, PROOF], TIME, ProofError::Several),
            (url, "GET", &[PROOF], TIME, ProofError::Claim("htm")),
            ("https://server.example.com/", "POST", &[PROOF], TIME, ProofError::Claim("htu")),
            ("https://other.example.com/token", "POST", &[PROOF], TIME, ProofError::Claim("htu")),
            (url, "POST", &[PROOF], TIME + 60.5, ProofError::Claim("iat")),
            (url, "POST", &[PROOF], TIME - 5.5, ProofError::Claim("iat")),
        ] {
            assert_eq!(verify(url, method, proofs, None, now), Err(expected), "{url} {method} {now}");
        }
        assert!(verify(url, "POST", &[PROOF], None, TIME + 60.0).is_ok());
    }

    #[test]
    fn the_signer_of_a_proof_is_the_key_in_its_header() {
        assert_eq!(ProofVerifier::signer(PROOF).as_deref(), Ok(THUMBPRINT));
        let (start, signature) = PROOF.split_at(PROOF.len() - 86);
        let changed = [start, b"A", &signature[1..]].concat();
        assert_eq!(ProofVerifier::signer(&changed), Err(ProofError::Signature));
        for (other, expected) in [
            (&b"eyJhbGciOiJFUzI1NiJ9.e30.AA"[..], ProofError::Type),
            (b"a.b.c", ProofError::Malformed),
            (b"", ProofError::Malformed),
            (&[b'a'; 8193], ProofError::Malformed),
        ] {
            assert_eq!(ProofVerifier::signer(other), Err(expected));
        }
    }

    #[test]
    fn a_url_that_no_request_goes_to_is_an_error() {
        for (url, expected) in [
            ("https://server.example.com/token?a=b", "expected a URL without a query"),
            ("https://server.example.com/token#a", "expected a URL without a fragment"),
            ("/token", "expected a URL of characters that RFC 3986 allows"),
        ] {
            assert_eq!(ProofVerifier::new(url).unwrap_err(), expected);
        }
    }
}
