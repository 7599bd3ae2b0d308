//! The metadata of the service, by which others find its keys [RFC 8414; OpenID Connect Discovery 1.0].

use axum::http::Uri;
use jwt_auth::{Algorithm, ProofVerifier};
use serde_json::{Value, json};

/// The path of the JWK set, after that of the issuer.
pub(super) const KEY_SET_PATH: &str = "/.well-known/jwks.json";
/// The path of tokens, after that of the issuer.
pub(super) const TOKEN_PATH: &str = "/token";
/// After the path of the issuer [OpenID Connect Discovery 1.0 §4].
const OPENID_PATH: &str = "/.well-known/openid-configuration";
/// Before the path of the issuer [RFC 8414 §3].
const OAUTH_PATH: &str = "/.well-known/oauth-authorization-server";

/// The metadata of an issuer whose name is a URL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metadata {
    /// The path of the issuer without a final slash; it is empty for `https://issuer.example`.
    pub(super) path: String,
    pub(super) document: Value,
}

impl Metadata {
    /// The metadata of this issuer; `None` if it is not an `http:` or `https:` URL without user, query and fragment, as
    /// RFC 8414 §2 requires.
    pub(super) fn of(issuer: &str, algorithm: Algorithm) -> Option<Self> {
        // `Uri` leaves out a fragment.
        let uri: Uri = Some(issuer).filter(|issuer| !issuer.contains('#'))?.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
        if !is_http || has_user || uri.query().is_some() || !uri.path().bytes().all(is_path_character) {
            return None;
        }
        // A final slash is left out before a well-known path is added [OpenID Connect Discovery 1.0 §4.1].
        let without_slash = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
        let base = without_slash(issuer);
        let document = json!({
            "issuer": issuer,
            "jwks_uri": format!("{base}{KEY_SET_PATH}"),
            "token_endpoint": format!("{base}{TOKEN_PATH}"),
            "grant_types_supported": ["password"],
            "token_endpoint_auth_methods_supported": ["none"],
            // There is no authorization endpoint. RFC 8414 requires the member, and leaves out empty lists.
            "response_types_supported": [],
            // Required by OpenID Connect.
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [algorithm.name()],
            // RFC 9449 §5.1.
            "dpop_signing_alg_values_supported": names(&ProofVerifier::algorithms()),
        });
        Some(Self { path: without_slash(uri.path()), document })
    }

    /// The URL of tokens.
    pub(super) fn token_url(&self) -> &str {
        self.document["token_endpoint"].as_str().unwrap_or_default()
    }

    /// The paths of the document for an issuer with this path.
    pub(super) fn places(path: &str) -> [String; 2] {
        [format!("{path}{OPENID_PATH}"), format!("{OAUTH_PATH}{path}")]
    }
}

fn names(algorithms: &[Algorithm]) -> Vec<&'static str> {
    algorithms.iter().map(|algorithm| algorithm.name()).collect()
}

/// Whether RFC 3986 §3.3 allows the byte in a path. Others have a meaning in the patterns of the router.
fn is_path_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_has_the_issuer_as_it_is_and_urls_below_it() {
        for (issuer, path, base) in [
            ("https://issuer.example", "", "https://issuer.example"),
            ("https://issuer.example/", "", "https://issuer.example"),
            ("http://127.0.0.1:8080", "", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "", "http://[::1]:8080"),
            ("HTTPS://Issuer.example/realms/main", "/realms/main", "HTTPS://Issuer.example/realms/main"),
            ("https://issuer.example/:a/*b/%C3%B6/", "/:a/*b/%C3%B6", "https://issuer.example/:a/*b/%C3%B6"),
        ] {
            let document = json!({
                "issuer": issuer,
                "jwks_uri": format!("{base}/.well-known/jwks.json"),
                "token_endpoint": format!("{base}/token"),
                "grant_types_supported": ["password"],
                "token_endpoint_auth_methods_supported": ["none"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "dpop_signing_alg_values_supported": [
                    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519",
                ],
            });
            assert_eq!(
                Metadata::of(issuer, Algorithm::Es256),
                Some(Metadata { path: path.to_owned(), document }),
                "{issuer}"
            );
        }
    }

    #[test]
    fn an_issuer_that_is_no_url_of_a_server_has_no_metadata() {
        for issuer in [
            "",
            "orders",
            "/orders",
            "issuer.example",
            "issuer.example:443",
            "urn:example:issuer",
            "ftp://issuer.example",
            "https://",
            "https:///orders",
            "https://user@issuer.example",
            "https://issuer.example?tenant=1",
            "https://issuer.example?",
            "https://issuer.example#a",
            "https://issuer.example/{tenant}",
            "https://issuer.example/a b",
            "https://issuer.example/ö",
        ] {
            assert_eq!(Metadata::of(issuer, Algorithm::Es256), None, "{issuer}");
        }
    }

    #[test]
    fn the_well_known_part_is_after_the_path_of_openid_and_before_that_of_oauth() {
        assert_eq!(
            Metadata::places("/realms/main"),
            ["/realms/main/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/realms/main"]
        );
        assert_eq!(
            Metadata::places(""),
            ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
        );
    }
}
