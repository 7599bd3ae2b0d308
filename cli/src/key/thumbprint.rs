//! The `kid` of a key.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::failure::Failure;
use crate::family::Family;
use crate::jwk::Jwk;
use crate::random::random_id;

/// Checks that the filter accepts a string as `kid`; if not, returns what is expected.
pub(crate) fn check_key_id(text: &str) -> Result<(), &'static str> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected a non-empty string without control characters");
    }
    Ok(())
}

/// Reads a `kid` from the command line.
pub(crate) fn key_id(text: &str) -> Result<String, &'static str> {
    check_key_id(text).map(|()| text.to_owned())
}

/// The SHA-256 thumbprint of the public key [RFC 7638], so that a key has the same `kid` everywhere. For a shared
/// secret it is random: a `kid` is public, and a hash of a secret must not be [RFC 7638 §7].
pub(crate) fn default_key_id(jwk: &Jwk) -> Result<String, Failure> {
    let Jwk { kty, crv, x, y, n, e, .. } = jwk;
    // serde_json sorts the members by name and adds no spaces, as RFC 7638 §3.3 requires.
    let members = match Family::of(jwk)? {
        Family::Rsa => json!({"e": e, "kty": kty, "n": n}),
        Family::Ec(_) => json!({"crv": crv, "kty": kty, "x": x, "y": y}),
        Family::Ed25519 => json!({"crv": crv, "kty": kty, "x": x}),
        Family::Oct => return random_id(),
    };
    Ok(URL_SAFE_NO_PAD.encode(digest(&SHA256, members.to_string().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638, section 3.1; RFC 8037, appendix A.3.
    #[test]
    fn the_thumbprints_are_those_of_the_rfcs() {
        let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
        let okp = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        for (jwk, expected) in
            [(rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), (okp, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")]
        {
            let jwk = Jwk::parse(jwk.as_bytes()).expect("a JWK");
            assert_eq!(default_key_id(&jwk).expect("a thumbprint"), expected);
        }
    }

    #[test]
    fn the_kid_of_a_secret_is_random() {
        let jwk = Jwk { kty: "oct".to_owned(), ..Jwk::default() };
        let (one, other) = (default_key_id(&jwk).expect("a kid"), default_key_id(&jwk).expect("a kid"));
        assert_eq!((one.len(), one == other), (22, false));
    }
}
