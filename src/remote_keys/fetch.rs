//! One fetch of a JWK set: a call, or with discovery up to three, one after the other.

use std::time::Duration;

use serde::Deserialize;

use super::call::{Answer, CallId, KeyCall};
use super::failure::FetchFailure;
use super::record::Millis;
use super::source::{Location, Source};
use crate::call::{Call, Reply};
use crate::json::read_members;
use crate::key::FetchedKeys;
use crate::url::{Authority, HttpUrl};

/// How long after its deadline a fetch is given up. The host must have answered by then.
const GRACE: Millis = 1_000;

/// A fetch that waits for the reply to its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    set: usize,
    /// Which fetch of the set this is, as in the shared record.
    pub(super) attempt: u64,
    /// Whether a request with an unknown `kid` caused it.
    pub(super) for_kid: bool,
    deadline: Millis,
    step: Step,
}

/// Which call a fetch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    JwkSet,
    OpenIdConfiguration,
    AuthorizationServerMetadata,
}

/// What follows from a reply.
pub(super) enum Progress {
    /// The next call.
    Call(Fetch, KeyCall),
    /// The set, and its `max-age` in seconds.
    Done(FetchedKeys, Option<u64>),
    /// The fetch failed.
    Failed(FetchFailure),
}

/// Server metadata ([RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414#section-2)).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl Fetch {
    /// Begins a fetch that must end by `deadline`.
    pub(super) fn begin(
        set: usize,
        attempt: u64,
        for_kid: bool,
        source: &Source,
        now: Millis,
        deadline: Millis,
    ) -> (Self, KeyCall) {
        let (step, path) = match &source.location {
            Location::JwkSet(url) => (Step::JwkSet, url.request_target()),
            Location::Discovery { issuer, .. } => (Step::OpenIdConfiguration, issuer.openid_configuration()),
        };
        let fetch = Self { set, attempt, for_kid, deadline, step };
        let call = fetch.call(source.location.authority(), &source.cluster, path, now);
        (fetch, call)
    }

    /// Whether it waits for the reply to this call.
    pub(super) fn waits_for(&self, id: CallId) -> bool {
        self.id() == id
    }

    /// Whether the host should have answered by now.
    pub(super) fn is_lost(&self, now: Millis) -> bool {
        now > self.deadline.saturating_add(GRACE)
    }

    /// What follows from the reply to its call.
    pub(super) fn answer(self, source: &Source, reply: Reply, now: Millis) -> Progress {
        match self.next(source, reply, now) {
            Ok(progress) => progress,
            Err(failure) => Progress::Failed(failure),
        }
    }

    fn next(self, source: &Source, reply: Reply, now: Millis) -> Result<Progress, FetchFailure> {
        let answer = Answer::of(reply);
        let (issuer, elsewhere) = match (&source.location, self.step) {
            (Location::JwkSet(_), _) | (_, Step::JwkSet) => {
                let answer = answer?;
                return Ok(Progress::Done(FetchedKeys::read(answer.body)?, answer.max_age_seconds));
            }
            (Location::Discovery { issuer, elsewhere }, _) => (issuer, elsewhere),
        };
        if self.step == Step::OpenIdConfiguration
            && let Err(FetchFailure::Status(400..=499)) = answer
        {
            let fetch = Self { step: Step::AuthorizationServerMetadata, ..self };
            let path = issuer.authorization_server_metadata();
            return fetch.go_on(&issuer.authority, &source.cluster, path, now);
        }
        let metadata: Metadata = read_members(answer?.body).ok_or(FetchFailure::Malformed)?;
        if metadata.issuer != issuer.text() {
            return Err(FetchFailure::Issuer);
        }
        let jwks_uri = HttpUrl::parse(&metadata.jwks_uri).map_err(|_| FetchFailure::JwksUri)?;
        let cluster = match elsewhere {
            _ if jwks_uri.authority == issuer.authority => &source.cluster,
            Some((authority, cluster)) if jwks_uri.authority == *authority => cluster,
            _ => return Err(FetchFailure::JwksUri),
        };
        let fetch = Self { step: Step::JwkSet, ..self };
        fetch.go_on(&jwks_uri.authority, cluster, jwks_uri.request_target(), now)
    }

    fn go_on(self, authority: &Authority, cluster: &str, path: String, now: Millis) -> Result<Progress, FetchFailure> {
        if now >= self.deadline {
            return Err(FetchFailure::NoAnswer);
        }
        let call = self.call(authority, cluster, path, now);
        Ok(Progress::Call(self, call))
    }

    fn call(&self, authority: &Authority, cluster: &str, path: String, now: Millis) -> KeyCall {
        let headers = vec![
            (":method", "GET".to_owned()),
            (":scheme", authority.scheme().to_owned()),
            (":authority", authority.header()),
            (":path", path),
            ("accept", "application/json".to_owned()),
            ("user-agent", "jwt-auth".to_owned()),
        ];
        // For a host, a timeout of 0 is none.
        let timeout = Duration::from_millis(self.deadline.saturating_sub(now).max(1));
        KeyCall { id: self.id(), call: Call { cluster: cluster.to_owned(), headers, body: Vec::new(), timeout } }
    }

    fn id(&self) -> CallId {
        CallId { set: self.set, attempt: self.attempt, step: self.step as u8 }
    }
}

#[cfg(test)]
mod tests;
