//! Every way in which the filter says no, in one table: status, code and message.

use std::fmt;

use crate::numeric_date::NumericDate;
use crate::text::Excerpt;

/// Why a request is refused. Each variant is one row of the table of codes.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// I400JR: there is no token, or a blank one.
    TokenMissing,
    /// I400JD: what is there can't be read as a token.
    Malformed {
        /// The beginning of it.
        token: Excerpt,
    },
    /// A403JK: no configured key is the token's.
    NoMatchingKey {
        /// The `kid` that the token names.
        kid: Option<Excerpt>,
    },
    /// A403JT: the token is not valid.
    Invalid(Invalid),
    /// A403JE: the token was valid once.
    Expired {
        /// Its `exp`.
        at: NumericDate,
    },
    /// S403JI: replay protection needs a `jti` that is a non-empty string of at most 1 KiB.
    JtiMissing,
    /// S403JU: this `jti` of this issuer has been accepted before.
    JtiUsed,
    /// S503JF: whether the `jti` is new can't be kept track of at the moment.
    ReplayStoreFull,
    /// I415FD: the body could hold a parameter that the filter owns, where it can't be looked for.
    OpaqueForm,
    /// I413FD: the form is larger than the configuration allows.
    FormTooLarge {
        /// `maxFormBytes`.
        limit: u32,
    },
    /// S503HF: the host failed a call without which nothing can be decided or done.
    HostFailure,
    /// I400JP: the plugin configuration is faulty, so no request passes.
    Misconfigured {
        /// The faults, cut to fit a header.
        faults: Excerpt,
    },
}

/// The reason of an A403JT.
#[derive(Clone, Debug, PartialEq)]
pub enum Invalid {
    /// The configured place holds two different tokens.
    SeveralTokens,
    /// The header has a `crit`; no extension is understood here [RFC 7515 §4.1.11].
    CriticalHeader,
    /// `alg` is missing or not a string.
    AlgorithmMissing,
    /// `alg` is not one that the key allows.
    AlgorithmMismatch {
        /// The token's `alg`.
        algorithm: Excerpt,
    },
    /// The signature does not belong to the token and the key.
    Signature,
    /// A time claim is not a number [RFC 7519 §2].
    NotNumericDate {
        /// `exp`, `nbf` or `iat`.
        claim: &'static str,
    },
    /// `exp` is required and missing.
    ExpirationMissing,
    /// `nbf` is still to come.
    NotYetValid {
        /// The `nbf`.
        from: NumericDate,
    },
    /// The token lives as long as the limit, or longer.
    LifetimeTooLong {
        /// The limit in seconds.
        limit: u32,
    },
    /// `iss` is missing or not a configured one.
    Issuer,
    /// `aud` is missing or names no configured audience.
    Audience,
    /// The request's path can't be made part of `backendPath`.
    RequestPath {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A claim has no text that its target can carry.
    Claim {
        /// The claim's name as configured.
        name: Excerpt,
        /// What is wrong with its text.
        problem: &'static str,
    },
}

/// What is the same for every refusal of one code.
struct Row {
    status: u16,
    code: &'static str,
    grpc_status: u8,
}

const INVALID_ARGUMENT: u8 = 3;
const UNAUTHENTICATED: u8 = 16;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;

impl Rejection {
    fn row(&self) -> Row {
        let (status, code, grpc_status) = match self {
            Self::TokenMissing => (400, "I400JR", UNAUTHENTICATED),
            Self::Malformed { .. } => (400, "I400JD", UNAUTHENTICATED),
            Self::NoMatchingKey { .. } => (403, "A403JK", PERMISSION_DENIED),
            Self::Invalid(_) => (403, "A403JT", PERMISSION_DENIED),
            Self::Expired { .. } => (403, "A403JE", PERMISSION_DENIED),
            Self::JtiMissing => (403, "S403JI", PERMISSION_DENIED),
            Self::JtiUsed => (403, "S403JU", PERMISSION_DENIED),
            Self::ReplayStoreFull => (503, "S503JF", UNAVAILABLE),
            Self::OpaqueForm => (415, "I415FD", INVALID_ARGUMENT),
            Self::FormTooLarge { .. } => (413, "I413FD", RESOURCE_EXHAUSTED),
            Self::HostFailure => (503, "S503HF", UNAVAILABLE),
            Self::Misconfigured { .. } => (400, "I400JP", INTERNAL),
        };
        Row { status, code, grpc_status }
    }

    /// All codes, for those who count them.
    pub const CODES: [&'static str; 12] = [
        "I400JR", "I400JD", "A403JK", "A403JT", "A403JE", "S403JI", "S403JU", "S503JF", "I415FD", "I413FD", "S503HF",
        "I400JP",
    ];

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// The code, as in `X-Ca-Error-Code`.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// The status for a gRPC client. A missing or unreadable token is UNAUTHENTICATED (16), a refused one
    /// PERMISSION_DENIED (7), a form that can't be read INVALID_ARGUMENT (3), one that is too large RESOURCE_EXHAUSTED (8), a full replay store or a failing host
    /// UNAVAILABLE (14), a faulty configuration INTERNAL (13).
    pub fn grpc_status(&self) -> u8 {
        self.row().grpc_status
    }

    /// The message, as in `X-Ca-Error-Message`: one line of visible ASCII and spaces, of at most about 700 bytes.
    pub fn message(&self) -> String {
        match self {
            Self::TokenMissing => "JWT required".to_owned(),
            Self::Malformed { token } => format!("JWT Deserialize Failed: {token}"),
            Self::NoMatchingKey { kid: Some(kid) } => format!("No matching JWK, kid:{kid} not found"),
            Self::NoMatchingKey { kid: None } => "No matching JWK, kid:(none) not found".to_owned(),
            Self::Invalid(reason) => format!("Invalid JWT: {reason}"),
            Self::Expired { at } => format!("JWT is expired at {at}"),
            Self::JtiMissing => "Claim jti is required when preventJtiReplay:true".to_owned(),
            Self::JtiUsed => "Claim jti in JWT is used".to_owned(),
            Self::ReplayStoreFull => "Replay store is full, try again later".to_owned(),
            Self::OpaqueForm => {
                "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding".to_owned()
            }
            Self::FormTooLarge { limit } => format!("Form is larger than {limit} bytes"),
            Self::HostFailure => "The proxy failed a host call".to_owned(),
            Self::Misconfigured { faults } => format!("Invalid JWT plugin config: {faults}"),
        }
    }

    /// What the access log gets as `%RESPONSE_CODE_DETAILS%`.
    pub fn details(&self) -> String {
        format!("jwt_auth{{{}}}", self.code())
    }

    /// The body: code and message as a JSON object on one line, with its end, so that a terminal shows it as one.
    pub fn body(&self) -> String {
        format!("{}\n", serde_json::json!({"code": self.code(), "message": self.message()}))
    }
}

impl From<Invalid> for Rejection {
    fn from(reason: Invalid) -> Self {
        Self::Invalid(reason)
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
            Self::Issuer => f.write_str("claim iss is not an accepted issuer"),
            Self::Audience => f.write_str("claim aud is not an accepted audience"),
            Self::RequestPath { problem } => write!(f, "the request path {problem}, so backendPath can't be made"),
            Self::Claim { name, problem } => write!(f, "claim {name} {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_the_status_the_code_and_the_message_of_the_table() {
        let kid = Excerpt::new(b"k\r\n1", 64);
        for (rejection, status, code, grpc_status, message) in [
            (Rejection::TokenMissing, 400, "I400JR", 16, "JWT required"),
            (Rejection::JtiMissing, 403, "S403JI", 7, "Claim jti is required when preventJtiReplay:true"),
            (Rejection::JtiUsed, 403, "S403JU", 7, "Claim jti in JWT is used"),
            (Rejection::Invalid(Invalid::Signature), 403, "A403JT", 7, "Invalid JWT: signature verification failed"),
            (
                Rejection::Malformed { token: Excerpt::new(b"abc\n", 3) },
                400,
                "I400JD",
                16,
                "JWT Deserialize Failed: abc...",
            ),
            (
                Rejection::NoMatchingKey { kid: Some(kid) },
                403,
                "A403JK",
                7,
                r"No matching JWK, kid:k\x0d\x0a1 not found",
            ),
            (Rejection::NoMatchingKey { kid: None }, 403, "A403JK", 7, "No matching JWK, kid:(none) not found"),
            (
                Rejection::Expired { at: NumericDate::from_unix_seconds(1_300_819_380.0) },
                403,
                "A403JE",
                7,
                "JWT is expired at 2011-03-22T18:43:00Z",
            ),
            (
                Rejection::Misconfigured { faults: Excerpt::new(b"parameter: missing", 512) },
                400,
                "I400JP",
                13,
                "Invalid JWT plugin config: parameter: missing",
            ),
            (Rejection::ReplayStoreFull, 503, "S503JF", 14, "Replay store is full, try again later"),
            (
                Rejection::OpaqueForm,
                415,
                "I415FD",
                3,
                "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
            ),
            (Rejection::FormTooLarge { limit: 1024 }, 413, "I413FD", 8, "Form is larger than 1024 bytes"),
            (Rejection::HostFailure, 503, "S503HF", 14, "The proxy failed a host call"),
        ] {
            assert_eq!(
                (rejection.status(), rejection.code(), rejection.grpc_status(), rejection.message().as_str()),
                (status, code, grpc_status, message)
            );
            assert!(Rejection::CODES.contains(&code));
        }
    }

    #[test]
    fn the_body_is_a_line_of_json_that_says_the_same_as_the_headers() {
        let rejection = Rejection::NoMatchingKey { kid: Some(Excerpt::new(b"\"\\", 64)) };
        let body: serde_json::Value = serde_json::from_str(&rejection.body()).unwrap();
        assert_eq!(body, serde_json::json!({"code": "A403JK", "message": rejection.message()}));
        assert_eq!(Rejection::TokenMissing.body(), "{\"code\":\"I400JR\",\"message\":\"JWT required\"}\n");
    }
}
