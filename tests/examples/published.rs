//! What the issuers publish, with the names of the files in `envoy/`: their metadata, and JWK sets of the same shape with
//! keys of our own.

use kit::issuer::SigningKey;
use serde_json::{Value, json};

/// The `kid` of the key that signs tokens in [`key_set`].
pub(crate) const KID: &str = "current";

/// An issuer, as the sections of `docs/issuers.md` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    Keycloak,
    Auth0,
    EntraId,
    Google,
}

/// All of them, in the order of `docs/issuers.md`.
pub(crate) const ISSUERS: [Issuer; 4] = [Issuer::Keycloak, Issuer::Auth0, Issuer::EntraId, Issuer::Google];

impl Issuer {
    /// The section of `docs/issuers.md`.
    pub(crate) fn section(self) -> &'static str {
        match self {
            Self::Keycloak => "Keycloak",
            Self::Auth0 => "Auth0",
            Self::EntraId => "Entra ID",
            Self::Google => "Google",
        }
    }

    /// The configuration in `envoy/`.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Keycloak => "envoy/keycloak.yaml",
            Self::Auth0 => "envoy/auth0.yaml",
            Self::EntraId => "envoy/entra-id.yaml",
            Self::Google => "envoy/google.yaml",
        }
    }

    /// The path of the metadata, with the metadata.
    pub(crate) fn metadata(self) -> (&'static str, Value) {
        match self {
            Self::Keycloak => {
                let realm = "https://keycloak.example.com/realms/main";
                let protocol = format!("{realm}/protocol/openid-connect");
                let metadata = json!({
                    "issuer": realm,
                    "authorization_endpoint": format!("{protocol}/auth"),
                    "token_endpoint": format!("{protocol}/token"),
                    "jwks_uri": format!("{protocol}/certs"),
                    "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
                    "tls_client_certificate_bound_access_tokens": true,
                    "mtls_endpoint_aliases": {"token_endpoint": format!("{protocol}/token")},
                });
                ("/realms/main/.well-known/openid-configuration", metadata)
            }
            Self::Auth0 => {
                let metadata = json!({
                    "issuer": "https://example.eu.auth0.com/",
                    "authorization_endpoint": "https://example.eu.auth0.com/authorize",
                    "token_endpoint": "https://example.eu.auth0.com/oauth/token",
                    "jwks_uri": "https://example.eu.auth0.com/.well-known/jwks.json",
                    "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
                    "request_uri_parameter_supported": false,
                });
                ("/.well-known/openid-configuration", metadata)
            }
            Self::EntraId => {
                let tenant = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111";
                let metadata = json!({
                    "token_endpoint": format!("{tenant}/oauth2/v2.0/token"),
                    "jwks_uri": format!("{tenant}/discovery/v2.0/keys"),
                    "issuer": format!("{tenant}/v2.0"),
                    "kerberos_endpoint": format!("{tenant}/kerberos"),
                    "tenant_region_scope": null,
                    "cloud_instance_name": "microsoftonline.com",
                });
                ("/11111111-1111-1111-1111-111111111111/v2.0/.well-known/openid-configuration", metadata)
            }
            Self::Google => {
                let metadata = json!({
                    "issuer": "https://accounts.google.com",
                    "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
                    "token_endpoint": "https://oauth2.googleapis.com/token",
                    "jwks_uri": "https://www.googleapis.com/oauth2/v3/certs",
                    "id_token_signing_alg_values_supported": ["RS256"],
                });
                ("/.well-known/openid-configuration", metadata)
            }
        }
    }

    /// `cache-control` of the JWK set.
    pub(crate) fn cache_control(self) -> &'static str {
        match self {
            Self::Keycloak => "no-cache",
            Self::Auth0 => "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400",
            Self::EntraId => "max-age=86400, private",
            Self::Google => "public, max-age=21034, must-revalidate, no-transform",
        }
    }

    /// A JWK set with one key to sign with, and beside it what the issuer also publishes.
    pub(crate) fn key_set(self, key: &SigningKey) -> Value {
        let other = SigningKey::sample_private_key();
        let mut keys = [key.public_jwk(Some(KID), true), other.public_jwk(Some("other"), true)];
        for key in &mut keys {
            key["use"] = "sig".into();
            if self != Self::Google {
                key["x5c"] = json!(["MIICmzCCAYMCBgGU"]);
                key["x5t"] = "q2bM0yVNdIXvWJxwUS3rTjmyCLY".into();
            }
            if self == Self::EntraId {
                key.as_object_mut().unwrap().remove("alg");
                key["issuer"] = "https://login.microsoftonline.com/{tenantid}/v2.0".into();
            }
        }
        if self == Self::Keycloak {
            keys[1]["use"] = "enc".into();
            keys[1]["alg"] = "RSA-OAEP".into();
        }
        json!({ "keys": keys })
    }
}

/// A name that the certificate of this host has. Those of Auth0 and of Google's APIs have a wildcard.
pub(crate) fn certified_name(host: &str) -> &str {
    match host {
        "example.eu.auth0.com" => "*.eu.auth0.com",
        "www.googleapis.com" => "*.googleapis.com",
        host => host,
    }
}
