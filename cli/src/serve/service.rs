//! The paths of the service, and how a password becomes a token.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use jwt_auth::Proof;
use tokio::task::spawn_blocking;

use super::answers::{self, Refusal};
use super::checks::Checks;
use super::credentials::{self, Credentials, Scheme};
use super::keys::Keys;
use super::limits::RateLimit;
use super::metadata::{KEY_SET_PATH, Metadata, TOKEN_PATH};
use super::proofs::Proofs;
use super::users::{User, Users};
use crate::claims::Claims;
use crate::failure::Failure;
use crate::lifetime::Lifetime;
use crate::{moment, token};

/// The longest body: enough for a user name, a password and what OAuth 2.0 adds.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// How long verifiers may cache the metadata, in seconds. It only changes when the service starts.
const METADATA_MAX_AGE: u64 = 300;

/// The claims that are the same in every token.
pub(super) struct TokenRules {
    /// The time from `iat` to `exp`.
    pub(super) lifetime: Lifetime,
    /// `iss`.
    pub(super) issuer: Option<String>,
    /// `aud`.
    pub(super) audiences: Vec<String>,
}

/// The token service.
pub(super) struct Service {
    keys: Arc<Keys>,
    /// `None` if the issuer is not a URL.
    metadata: Option<Metadata>,
    users: Users,
    rules: TokenRules,
    proofs: Proofs,
    rate_limit: RateLimit,
    checks: Checks,
}

/// An extension of a response, for the log: the user who got a token.
#[derive(Clone)]
pub(super) struct Authenticated(pub(super) String);

impl Service {
    /// A service that signs with these keys and listens on this address. The caller rotates the keys.
    ///
    /// # Errors
    /// If clients can't make proofs for the URL of the issuer.
    pub(super) fn new(keys: Arc<Keys>, users: Users, rules: TokenRules, address: SocketAddr) -> Result<Self, Failure> {
        let metadata = rules.issuer.as_deref();
        let metadata = metadata.and_then(|issuer| Metadata::of(issuer, keys.signing().algorithm()));
        let own_url = format!("http://{address}{TOKEN_PATH}");
        let proofs = Proofs::new(metadata.as_ref().map_or(&own_url, |metadata| metadata.token_url()))?;
        Ok(Self { keys, metadata, users, rules, proofs, rate_limit: RateLimit::new(), checks: Checks::new() })
    }

    /// Answers requests. Each request needs the address of its client as a `SocketAddr` extension.
    ///
    /// If the issuer is a URL with a path, everything is at this path, too: a proxy can forward paths as they are, or
    /// without the path of the issuer.
    pub(super) fn into_router(self) -> Router {
        // Segments of a path can begin with `:` or `*`.
        let mut router = Router::new().without_v07_checks().route("/healthz", get(|| async { "ok\n" }));
        let path = self.metadata.as_ref().map_or("", |metadata| &metadata.path);
        for path in BTreeSet::from(["", path]) {
            router = router
                .route(&format!("{path}{TOKEN_PATH}"), post(give_token))
                .route(&format!("{path}{KEY_SET_PATH}"), get(give_key_set));
            for place in Metadata::places(path) {
                router = router.route(&place, get(give_metadata));
            }
        }
        router.layer(DefaultBodyLimit::max(MAX_BODY_BYTES)).with_state(Arc::new(self))
    }

    /// The answer with a token for this user name and password, bound to the key of the proof in the headers, if there
    /// is one. A proof is used up only by a token.
    fn answer(&self, credentials: &Credentials, headers: &HeaderMap) -> Result<Response, Refusal> {
        let now = moment::now();
        let proof = self.proofs.verify(headers, now)?;
        let Some(user) = self.users.authenticate(&credentials.name, &credentials.password) else {
            return Err(match credentials.scheme {
                Scheme::Form => Refusal::InvalidGrant,
                Scheme::Basic => Refusal::InvalidClient,
            });
        };
        if let Some(proof) = &proof {
            self.proofs.use_up(proof, now)?;
        }
        let thumbprint = proof.as_ref().map(Proof::thumbprint);
        let token = self.sign(user, thumbprint).map_err(|failure| {
            failure.report();
            Refusal::Failed
        })?;
        let mut response = answers::token(&token, self.rules.lifetime, proof.is_some());
        response.extensions_mut().insert(Authenticated(user.name.clone()));
        Ok(response)
    }

    fn sign(&self, user: &User, thumbprint: Option<&str>) -> Result<String, Failure> {
        let mut claims = Claims::default();
        if let Some(issuer) = &self.rules.issuer {
            claims.push("iss", token::value(issuer)?);
        }
        claims.push("sub", token::value(&user.name)?);
        token::push_audiences(&mut claims, &self.rules.audiences)?;
        for (name, value) in &user.claims {
            claims.push(name.as_str(), value.clone());
        }
        if let Some(thumbprint) = thumbprint {
            token::push_binding(&mut claims, thumbprint)?;
        }
        // First the time, then the key: if the key has rotated in between, it stays published until this token expires.
        let issued_at = token::unix_time(Duration::ZERO)?;
        token::complete(&mut claims, issued_at, self.rules.lifetime)?;
        token::sign(&self.keys.signing(), &claims)
    }
}

async fn give_token(
    State(service): State<Arc<Service>>,
    Extension(client): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::InvalidRequest("the body can't be read"),
    })?;
    let credentials = credentials::read(&headers, &body)?;
    service.rate_limit.count(client.ip()).map_err(Refusal::TooManyAttempts)?;
    let place = service.checks.begin().await?;
    let answered = spawn_blocking(move || {
        // Kept until the check is done, even if the client has left.
        let _place = place;
        service.rate_limit.forget_idle_clients();
        service.answer(&credentials, &headers)
    });
    answered.await.unwrap_or(Err(Refusal::Failed))
}

async fn give_key_set(State(service): State<Arc<Service>>) -> Response {
    // With a clock before 1970, no key is too old.
    let now = token::unix_time(Duration::ZERO).unwrap_or_default();
    answers::cached(&service.keys.set(now), service.keys.max_age())
}

async fn give_metadata(State(service): State<Arc<Service>>) -> Result<Response, StatusCode> {
    let metadata = service.metadata.as_ref().ok_or(StatusCode::NOT_FOUND)?;
    Ok(answers::cached(&metadata.document, METADATA_MAX_AGE))
}
