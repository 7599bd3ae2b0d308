//! The answers of the service [RFC 6749 §5].

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jwt_auth::ProofError;
use serde_json::{Value, json};

use crate::lifetime::Lifetime;

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is not valid, with the reason.
    InvalidRequest(&'static str),
    /// A `grant_type` other than `password`.
    UnsupportedGrantType,
    /// A wrong user name or password in a form. The answer does not say which of them is wrong.
    InvalidGrant,
    /// A wrong user name or password in HTTP Basic, or another scheme.
    InvalidClient,
    /// The DPoP proof is not valid, with the reason [RFC 9449 §5].
    InvalidProof(ProofError),
    /// The client has to wait this long before its next attempt.
    TooManyAttempts(Duration),
    /// The body is too large.
    TooLarge,
    /// The request took too long.
    TooSlow,
    /// Too many passwords are being checked.
    Busy,
    /// The service could not make a token.
    Failed,
}

/// The answer with a token, which may be bound to a key.
pub(super) fn token(token: &str, lifetime: Lifetime, is_bound: bool) -> Response {
    let token_type = if is_bound { "DPoP" } else { "Bearer" };
    let body = json!({"access_token": token, "token_type": token_type, "expires_in": lifetime.as_secs()});
    uncached(answer(StatusCode::OK, &body))
}

/// The answer with a JWK set or metadata, which anyone can cache for `max_age` seconds.
pub(super) fn cached(body: &Value, max_age: u64) -> Response {
    let mut response = answer(StatusCode::OK, body);
    let value = HeaderValue::from_str(&format!("public, max-age={max_age}")).expect("letters and digits");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error, description) = match self {
            Self::InvalidRequest(what) => (StatusCode::BAD_REQUEST, "invalid_request", what),
            Self::UnsupportedGrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "expected the grant_type password, or none")
            }
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant", "wrong user name or password"),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client", "wrong user name or password"),
            Self::InvalidProof(reason) => {
                let response = json!({
                    "error": "invalid_dpop_proof",
                    "error_description": format!("the DPoP proof is not valid: {reason}"),
                });
                return uncached(answer(StatusCode::BAD_REQUEST, &response));
            }
            Self::TooManyAttempts(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", "too many attempts; retry later")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "the body is too large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "invalid_request", "the request took too long"),
            Self::Busy => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "too many requests; retry later")
            }
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the token could not be made"),
        };
        let mut response = uncached(answer(status, &json!({"error": error, "error_description": description})));
        let headers = response.headers_mut();
        if self == Self::InvalidClient {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="token", charset="UTF-8""#));
        }
        if let Self::TooManyAttempts(wait) = self {
            // Whole seconds, rounded up.
            headers.insert(RETRY_AFTER, (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).into());
        }
        if self == Self::Busy {
            headers.insert(RETRY_AFTER, 1.into());
        }
        response
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The response, marked as not to be cached [RFC 6749 §5.1].
fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
