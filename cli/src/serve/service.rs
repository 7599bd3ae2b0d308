//! The three things that the service answers, and the way from a password to a token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::answers::{self, Refusal};
use super::checks::Checks;
use super::credentials::{self, Credentials, Scheme};
use super::tries::{Source, Tries};
use super::users::{User, Users};
use crate::claims::Claims;
use crate::failure::Failure;
use crate::key::SigningKey;
use crate::lifetime::Lifetime;
use crate::token;

/// The paths that there are.
pub(super) const PATHS: [&str; 3] = ["/token", "/.well-known/jwks.json", "/healthz"];

/// A user name, a password and what OAuth 2.0 adds fit well.
const MAX_BODY_BYTES: usize = 8 * 1024;

/// What goes into every token.
pub(crate) struct TokenRules {
    /// From `iat` to `exp`.
    pub(crate) lifetime: Lifetime,
    /// `iss`.
    pub(crate) issuer: Option<String>,
    /// `aud`.
    pub(crate) audiences: Vec<String>,
}

/// The token service.
pub(crate) struct Service {
    key: SigningKey,
    key_set: serde_json::Value,
    users: Users,
    rules: TokenRules,
    tries: Tries,
    checks: Checks,
}

/// In a response: the user who got a token, for the log.
#[derive(Clone)]
pub(super) struct Authenticated(pub(super) String);

impl Service {
    /// Fails with a key for HS*: what it would publish is the secret.
    pub(crate) fn new(key: SigningKey, users: Users, rules: TokenRules) -> Result<Self, Failure> {
        let Some(public) = key.public_jwk() else {
            return Err(Failure::new(format!(
                "{} has no public key to publish: who can check its tokens can make them",
                key.algorithm().name()
            ))
            .with_remedy("make another key: jwt-auth keygen --alg RS256 --private private.jwk.json"));
        };
        let key_set = json!({"keys": [public]});
        Ok(Self { key, key_set, users, rules, tries: Tries::new(), checks: Checks::new() })
    }

    /// What answers requests. Each must have the address of its client as a `SocketAddr` extension.
    pub(super) fn into_router(self) -> Router {
        let [token, key_set, health] = PATHS;
        Router::new()
            .route(token, post(give_token))
            .route(key_set, get(give_key_set))
            .route(health, get(|| async { "ok\n" }))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(Arc::new(self))
    }

    /// The token of the user whose name and password these are.
    fn token_for(&self, credentials: &Credentials, source: &Source) -> Result<(String, &User), Refusal> {
        self.tries.begin(source, Instant::now()).map_err(Refusal::TooManyTries)?;
        let Some(user) = self.users.authenticate(&credentials.name, &credentials.password) else {
            return Err(match credentials.scheme {
                Scheme::Form => Refusal::InvalidGrant,
                Scheme::Basic => Refusal::InvalidClient,
            });
        };
        self.tries.give_back(source);
        match self.sign(user) {
            Ok(token) => Ok((token, user)),
            Err(failure) => {
                failure.report();
                Err(Refusal::Failed)
            }
        }
    }

    fn sign(&self, user: &User) -> Result<String, Failure> {
        let mut claims = Claims::default();
        if let Some(issuer) = &self.rules.issuer {
            claims.push("iss", token::value(issuer)?);
        }
        claims.push("sub", token::value(&user.name)?);
        token::push_audiences(&mut claims, &self.rules.audiences)?;
        for (name, value) in &user.claims {
            claims.push(name.as_str(), value.clone());
        }
        token::complete(&mut claims, token::unix_time(Duration::ZERO)?, self.rules.lifetime)?;
        token::sign(&self.key, &claims)
    }
}

async fn give_token(
    State(service): State<Arc<Service>>,
    Extension(client): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match token_for_request(service, client, &headers, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn token_for_request(
    service: Arc<Service>,
    client: SocketAddr,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::InvalidRequest("the body can't be read"),
    })?;
    let credentials = credentials::read(headers, &body)?;
    let source = Source::new(&credentials.name, client.ip());
    // Who has no try left is told so before waiting for a check.
    service.tries.check(&source, Instant::now()).map_err(Refusal::TooManyTries)?;
    let place = service.checks.begin().await?;
    let check = spawn_blocking(move || {
        // Held until the check is done, also when its client has gone.
        let _place = place;
        let (token, user) = service.token_for(&credentials, &source)?;
        let mut response = answers::token(&token, service.rules.lifetime);
        response.extensions_mut().insert(Authenticated(user.name.clone()));
        Ok(response)
    });
    check.await.unwrap_or(Err(Refusal::Failed))
}

async fn give_key_set(State(service): State<Arc<Service>>) -> Response {
    answers::key_set(&service.key_set)
}
