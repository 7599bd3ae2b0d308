//! All rejections, with their HTTP status, code, gRPC status and message.

use std::fmt;

use crate::numeric_date::NumericDate;
use crate::text::Excerpt;

/// Why a request is rejected. Each variant has one code.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// I400JR: the request has no token, or a blank one.
    TokenMissing,
    /// I400JD: the token is malformed.
    Malformed {
        /// The beginning of the token.
        token: Excerpt,
    },
    /// A403JK: no configured key matches the token.
    NoMatchingKey {
        /// The `kid` of the token.
        kid: Option<Excerpt>,
    },
    /// A403JT: the token is not valid, or it can't be mapped to the request.
    Invalid(Invalid),
    /// A403JE: the token is expired ([RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4)).
    Expired {
        /// The `exp` of the token.
        at: NumericDate,
    },
    /// A403JS: the token has not the scopes of `requiredScopes`
    /// ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)).
    ScopeMissing,
    /// A403DP: the proof of possession is missing, malformed, not valid or used
    /// ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    Proof(ProofError),
    /// A403JC: a claim is not as `requiredClaims` says.
    ClaimNotAccepted {
        /// The configured name of the claim.
        name: Excerpt,
    },
    /// S403JI: replay protection needs a `jti`, and the token has no usable one: a string of 1 byte to 1 KiB.
    JtiMissing,
    /// S403JU: this `jti` of this issuer was used before.
    JtiUsed,
    /// S503JF: the replay store can't record the `jti` or the proof, because it is full or can't be written.
    ReplayStoreFull,
    /// S503JS: the engine that keeps used `jti`s and proofs can't be asked. This one may be used up.
    EngineUnavailable,
    /// S503JW: keys that could verify the token are not available.
    KeysUnavailable,
    /// I415FD: the body is in a format that the filter can't search for the form parameters that it sets.
    OpaqueForm,
    /// I413FD: the form is larger than the configuration allows.
    FormTooLarge {
        /// `maxFormBytes`, in bytes.
        limit: u32,
    },
    /// S503HF: a call to the host failed, so the request can't be decided or edited.
    HostFailure,
    /// I400JP: the plugin configuration has errors, so every request is rejected.
    Misconfigured {
        /// The configuration errors, cut to fit a header.
        faults: Excerpt,
    },
}

/// The reason for A403DP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// There is no proof.
    Missing,
    /// There are several.
    Several,
    /// It is no JWT, or longer than 8 KiB.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is not one of the configuration or does not fit the key, or there is a `crit`.
    Algorithm,
    /// `jwk` is missing, or not a public key for proofs.
    Key,
    /// The signature does not match.
    Signature,
    /// This claim is missing, or is not that of the request.
    Claim(&'static str),
    /// It was used before.
    Used,
}

/// The reason for A403JT.
#[derive(Clone, Debug, PartialEq)]
pub enum Invalid {
    /// The configured location has two different tokens.
    SeveralTokens,
    /// The JOSE header has a `crit`. The filter supports no extension
    /// ([RFC 7515 §4.1.11](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11)).
    CriticalHeader,
    /// `alg` is missing or not a string ([RFC 7515 §4.1.1](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1)).
    AlgorithmMissing,
    /// The key does not allow this `alg`.
    AlgorithmMismatch {
        /// The token's `alg`.
        algorithm: Excerpt,
    },
    /// The signature does not match.
    Signature,
    /// A time claim is not a number ([RFC 7519 §2](https://www.rfc-editor.org/rfc/rfc7519#section-2)).
    NotNumericDate {
        /// `exp`, `nbf` or `iat`.
        claim: &'static str,
    },
    /// `exp` is required and missing.
    ExpirationMissing,
    /// `nbf` is in the future ([RFC 7519 §4.1.5](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.5)).
    NotYetValid {
        /// The `nbf` of the token.
        from: NumericDate,
    },
    /// The lifetime of the token is not less than the limit.
    LifetimeTooLong {
        /// `maxTokenLifetimeSeconds`, in seconds.
        limit: u32,
    },
    /// `iat` is missing, in the future, or before the start of the replay store.
    IssuedBeforeStart,
    /// The header `typ` is not that of `tokenType` ([RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068#section-4)).
    TokenType,
    /// `tokenType` requires this claim, as a string ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).
    ClaimRequired {
        /// The name of the claim.
        claim: &'static str,
    },
    /// The token is bound to a key (`cnf`) whose possession the client has not proved
    /// ([RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)).
    BoundToken,
    /// The token is bound to another key than the one that the client has proved, or to none
    /// ([RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), 12).
    OtherKey,
    /// The scopes of the token are not written as scopes are
    /// ([RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).
    Scopes,
    /// `iss` is missing or not a configured issuer.
    Issuer,
    /// `aud` is missing or contains no configured audience.
    Audience,
    /// The path of the request can't be inserted into `backendPath`.
    RequestPath {
        /// What is wrong with the path, as a predicate for the message.
        problem: &'static str,
    },
    /// The value of a claim can't be written to its target.
    Claim {
        /// The configured name of the claim.
        name: Excerpt,
        /// What is wrong with the value, as a predicate for the message.
        problem: &'static str,
    },
}

/// What all rejections with one code have in common, in both manners of answering.
struct Row {
    /// The HTTP status in the manner of the gateway.
    status: u16,
    code: &'static str,
    /// The gRPC status in the manner of the gateway.
    grpc_status: u8,
    /// The manner of an OAuth 2.0 resource server, if it differs.
    oauth: Option<OAuth>,
}

/// The answer of an OAuth 2.0 resource server ([RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OAuth {
    pub(crate) status: u16,
    pub(crate) challenge: Challenge,
}

/// What `WWW-Authenticate` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// There is no challenge.
    None,
    /// The client has not tried to authenticate, so there is no `error`.
    WithoutError,
    /// `error` and `error_description`.
    Error(&'static str, &'static str),
}

const INVALID_ARGUMENT: u8 = 3;
const UNAUTHENTICATED: u8 = 16;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;

const SEVERAL_TOKENS: Option<OAuth> =
    challenge(400, Challenge::Error("invalid_request", "The request has more than one token"));
const INSUFFICIENT_SCOPE: Option<OAuth> =
    challenge(403, Challenge::Error("insufficient_scope", "The token lacks a required scope"));

const INVALID_PROOF: Option<OAuth> =
    challenge(401, Challenge::Error("invalid_dpop_proof", "The DPoP proof is missing or not valid"));

const fn challenge(status: u16, challenge: Challenge) -> Option<OAuth> {
    Some(OAuth { status, challenge })
}

const fn invalid_token(description: &'static str) -> Option<OAuth> {
    challenge(401, Challenge::Error("invalid_token", description))
}

impl OAuth {
    /// The gRPC status for the HTTP status, which is 400, 401 or 403.
    pub(crate) fn grpc_status(self) -> u8 {
        match self.status {
            401 => UNAUTHENTICATED,
            403 => PERMISSION_DENIED,
            _ => INVALID_ARGUMENT,
        }
    }
}

impl Rejection {
    fn row(&self) -> Row {
        let row = |status, code, grpc_status, oauth| Row { status, code, grpc_status, oauth };
        match self {
            Self::TokenMissing => row(400, "I400JR", UNAUTHENTICATED, challenge(401, Challenge::WithoutError)),
            Self::Malformed { .. } => row(400, "I400JD", UNAUTHENTICATED, invalid_token("The token is malformed")),
            Self::NoMatchingKey { .. } => {
                row(403, "A403JK", PERMISSION_DENIED, invalid_token("The token has no known key"))
            }
            Self::Invalid(Invalid::SeveralTokens) => row(403, "A403JT", PERMISSION_DENIED, SEVERAL_TOKENS),
            Self::Invalid(Invalid::RequestPath { .. }) => {
                row(403, "A403JT", PERMISSION_DENIED, challenge(400, Challenge::None))
            }
            Self::Invalid(_) => row(403, "A403JT", PERMISSION_DENIED, invalid_token("The token is not valid")),
            Self::Expired { .. } => row(403, "A403JE", PERMISSION_DENIED, invalid_token("The token is expired")),
            Self::ScopeMissing => row(403, "A403JS", PERMISSION_DENIED, INSUFFICIENT_SCOPE),
            Self::Proof(_) => row(403, "A403DP", PERMISSION_DENIED, INVALID_PROOF),
            Self::ClaimNotAccepted { .. } => row(403, "A403JC", PERMISSION_DENIED, None),
            Self::JtiMissing => row(403, "S403JI", PERMISSION_DENIED, invalid_token("The token has no jti")),
            Self::JtiUsed => row(403, "S403JU", PERMISSION_DENIED, invalid_token("The token was used before")),
            Self::ReplayStoreFull => row(503, "S503JF", UNAVAILABLE, None),
            Self::EngineUnavailable => row(503, "S503JS", UNAVAILABLE, None),
            Self::KeysUnavailable => row(503, "S503JW", UNAVAILABLE, None),
            Self::OpaqueForm => row(415, "I415FD", INVALID_ARGUMENT, None),
            Self::FormTooLarge { .. } => row(413, "I413FD", RESOURCE_EXHAUSTED, None),
            Self::HostFailure => row(503, "S503HF", UNAVAILABLE, None),
            Self::Misconfigured { .. } => row(400, "I400JP", INTERNAL, None),
        }
    }

    /// The answer of an OAuth 2.0 resource server, if it differs from that of the gateway.
    pub(crate) fn oauth(&self) -> Option<OAuth> {
        self.row().oauth
    }

    /// All codes that [`Self::code`] can return.
    pub const CODES: [&'static str; 17] = [
        "I400JR", "I400JD", "A403JK", "A403JT", "A403JE", "A403JS", "A403DP", "A403JC", "S403JI", "S403JU", "S503JF",
        "S503JS", "S503JW", "I415FD", "I413FD", "S503HF", "I400JP",
    ];

    /// The HTTP status of the response in the manner of the gateway. [`crate::Plugin::response`] has that of an OAuth 2.0
    /// resource server, which may differ.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// The code, which the response has in `X-Ca-Error-Code`.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// The gRPC status for a gRPC client in the manner of the gateway, by [the meaning of gRPC's codes](https://grpc.io/docs/guides/status-codes/):
    ///
    /// - UNAUTHENTICATED (16): the token is missing or malformed.
    /// - PERMISSION_DENIED (7): the token is rejected.
    /// - INVALID_ARGUMENT (3): the form has an unsupported format.
    /// - RESOURCE_EXHAUSTED (8): the form is too large.
    /// - UNAVAILABLE (14): the replay store is full or not available, a JWK set is not available, or the host failed.
    /// - INTERNAL (13): the configuration has errors.
    pub fn grpc_status(&self) -> u8 {
        self.row().grpc_status
    }

    /// The message, which the response has in `X-Ca-Error-Message`: one line of visible ASCII and spaces. A quoted
    /// text is cut and escaped, to at most four characters a byte.
    pub fn message(&self) -> String {
        match self {
            Self::TokenMissing => "JWT required".to_owned(),
            Self::Malformed { token } => format!("JWT Deserialize Failed: {token}"),
            Self::NoMatchingKey { kid: Some(kid) } => format!("No matching JWK, kid:{kid} not found"),
            Self::NoMatchingKey { kid: None } => "No matching JWK, kid:(none) not found".to_owned(),
            Self::Invalid(reason) => format!("Invalid JWT: {reason}"),
            Self::Expired { at } => format!("JWT is expired at {at}"),
            Self::ScopeMissing => "JWT lacks a required scope".to_owned(),
            Self::Proof(reason) => format!("Invalid DPoP proof: {reason}"),
            Self::ClaimNotAccepted { name } => format!("Claim {name} is not accepted"),
            Self::JtiMissing => "Claim jti is required when preventJtiReplay:true".to_owned(),
            Self::JtiUsed => "Claim jti in JWT is used".to_owned(),
            Self::ReplayStoreFull => "Replay store is full, try again later".to_owned(),
            Self::EngineUnavailable => "Replay store is not available".to_owned(),
            Self::KeysUnavailable => "JWK set is not available".to_owned(),
            Self::OpaqueForm => {
                "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding".to_owned()
            }
            Self::FormTooLarge { limit } => format!("Form is larger than {limit} bytes"),
            Self::HostFailure => "The proxy failed a host call".to_owned(),
            Self::Misconfigured { faults } => format!("Invalid JWT plugin config: {faults}"),
        }
    }

    /// `%RESPONSE_CODE_DETAILS%` for the access log, such as `jwt_auth{A403JE}`.
    pub fn details(&self) -> String {
        format!("jwt_auth{{{}}}", self.code())
    }

    /// The body of the response: one line with a JSON object of `code` and `message`, and a line feed.
    pub fn body(&self) -> String {
        format!("{}\n", serde_json::json!({"code": self.code(), "message": self.message()}))
    }
}

impl From<Invalid> for Rejection {
    fn from(reason: Invalid) -> Self {
        Self::Invalid(reason)
    }
}

impl From<ProofError> for Rejection {
    fn from(reason: ProofError) -> Self {
        Self::Proof(reason)
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it is missing",
            Self::Several => "more than one was sent",
            Self::Malformed => "it is not a JWT",
            Self::Type => "header typ is not dpop+jwt",
            Self::Algorithm => "header alg is not allowed",
            Self::Key => "header jwk is not a public key for proofs",
            Self::Signature => "signature verification failed",
            Self::Claim(name) => return write!(f, "claim {name} is not that of this request"),
            Self::Used => "it was used before",
        })
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralTokens => f.write_str("more than one token was sent"),
            Self::CriticalHeader => f.write_str("header crit is not supported"),
            Self::AlgorithmMissing => f.write_str("header alg is missing or not a string"),
            Self::AlgorithmMismatch { algorithm } => write!(f, "alg {algorithm} is not allowed for this key"),
            Self::Signature => f.write_str("signature verification failed"),
            Self::NotNumericDate { claim } => write!(f, "claim {claim} is not a NumericDate"),
            Self::ExpirationMissing => f.write_str("claim exp is required"),
            Self::NotYetValid { from } => write!(f, "not valid before {from}"),
            Self::LifetimeTooLong { limit } => write!(f, "lifetime is not less than {limit} seconds"),
            Self::IssuedBeforeStart => f.write_str("claim iat is not after the start of the replay store"),
            Self::TokenType => f.write_str("header typ is not at+jwt"),
            Self::ClaimRequired { claim } => write!(f, "claim {claim} is required in an access token"),
            Self::BoundToken => f.write_str("claim cnf binds the token to a key, which was not proved"),
            Self::OtherKey => f.write_str("claim cnf does not bind the token to the key of the proof"),
            Self::Scopes => f.write_str("the scopes are not a list of scopes"),
            Self::Issuer => f.write_str("claim iss is not an accepted issuer"),
            Self::Audience => f.write_str("claim aud is not an accepted audience"),
            Self::RequestPath { problem } => write!(f, "the request path {problem}, so backendPath can't be made"),
            Self::Claim { name, problem } => write!(f, "claim {name} {problem}"),
        }
    }
}

#[cfg(test)]
mod tests;
