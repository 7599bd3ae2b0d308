//! Why a fetch failed.

use std::fmt;

use crate::key::JwkSetError;

/// Why a fetch of a JWK set failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// Envoy has no cluster of this name.
    NoCluster,
    /// The cluster has no healthy host, or its circuit breaker is open.
    NoHost,
    /// The connection was reset, the answer was not complete in time, or the worker that waited for it is gone.
    NoAnswer,
    /// The status is not 200. Envoy answers 503 itself when it can't connect or TLS fails, and 504 after the timeout.
    Status(u16),
    /// The body is longer than [`super::MAX_BODY_BYTES`].
    TooLarge,
    /// The body is not the JSON that was expected.
    Malformed,
    /// No key of the set can be used.
    NoUsableKey,
    /// The metadata is that of another issuer.
    Issuer,
    /// `jwks_uri` leads to another host.
    JwksUri,
}

impl FetchFailure {
    /// All names that [`Self::name`] can return.
    pub const NAMES: [&'static str; 9] = [
        "no_cluster",
        "no_host",
        "no_answer",
        "status",
        "too_large",
        "malformed",
        "no_usable_key",
        "issuer",
        "jwks_uri",
    ];

    /// The name in the counter of the reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCluster => "no_cluster",
            Self::NoHost => "no_host",
            Self::NoAnswer => "no_answer",
            Self::Status(_) => "status",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::NoUsableKey => "no_usable_key",
            Self::Issuer => "issuer",
            Self::JwksUri => "jwks_uri",
        }
    }
}

impl fmt::Display for FetchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCluster => "Envoy has no such cluster",
            Self::NoHost => "the cluster has no healthy host, or its circuit breaker is open",
            Self::NoAnswer => "there was no complete answer",
            Self::Status(503) => "the status was 503; Envoy answers so when it can't connect or TLS fails",
            Self::Status(504) => "the status was 504; Envoy answers so after timeoutSeconds",
            Self::Status(status) => return write!(f, "the status was {status}, not 200"),
            Self::TooLarge => "the answer is larger than 256 KiB",
            Self::Malformed => "the answer is not the JSON that was expected, or has more than 100 keys",
            Self::NoUsableKey => "the set has no usable key",
            Self::Issuer => "the issuer in the metadata is not the one in discovery",
            Self::JwksUri => "jwks_uri does not lead to the host of discovery or to jwksAuthority",
        })
    }
}

impl From<JwkSetError> for FetchFailure {
    fn from(error: JwkSetError) -> Self {
        match error {
            JwkSetError::Malformed => Self::Malformed,
            JwkSetError::NoUsableKey(_) => Self::NoUsableKey,
        }
    }
}
