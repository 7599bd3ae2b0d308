//! The keys of the service: the one that signs, and those that verify its tokens. They can rotate.
//!
//! A key is published one period before it signs, so that verifiers know it when they get its first token. After that
//! it stays published until its last token has expired everywhere. No key is ever both unpublished and in use.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::log;
use crate::failure::Failure;
use crate::jwk::Jwk;
use crate::key::SigningKey;
use crate::lifetime::{Lifetime, seconds};
use crate::token;

/// How many keys the filter reads in a JWK set. More would make the whole set invalid.
const MAX_PUBLISHED: usize = 100;

/// The most old keys, beside the key that signs and the next one.
const MAX_RETIRED: usize = MAX_PUBLISHED - 2;

/// How long a key stays published after its last token has expired, in seconds. Verifiers accept tokens for as long
/// after `exp` as clocks can differ; a minute is a common limit.
const CLOCK_SKEW_SECONDS: u64 = 60;

/// How long verifiers may cache the JWK set, in seconds, if the keys change more rarely than that.
const MAX_AGE_SECONDS: u64 = 300;

/// How often the key changes, and how long an old one stays published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    every: Duration,
    kept_seconds: u64,
}

impl Rotation {
    /// Reads the period from the command line.
    pub(super) fn parse(text: &str) -> Result<Duration, String> {
        let every = seconds(text)?;
        if every.is_zero() {
            return Err("expected 1s or more".to_owned());
        }
        Ok(every)
    }

    /// A new key `every` so often, for tokens with this lifetime.
    ///
    /// # Errors
    /// If more keys would have to be published at the same time than the filter reads.
    pub(super) fn new(every: Duration, lifetime: Lifetime) -> Result<Self, Failure> {
        let kept_seconds = lifetime.as_secs() + CLOCK_SKEW_SECONDS;
        // The times of rotations are cut to seconds, which can make a key stay for up to one second longer.
        let span = kept_seconds + 1;
        let retired = span.div_ceil(every.as_secs());
        if retired > MAX_RETIRED as u64 {
            let shown = |seconds| humantime::format_duration(Duration::from_secs(seconds));
            let least = span.div_ceil(MAX_RETIRED as u64);
            return Err(Failure::new(format!(
                "with --rotate-every {} and --expires-in {} the JWK set would have {} keys; the filter reads \
                 {MAX_PUBLISHED}",
                shown(every.as_secs()),
                shown(lifetime.as_secs()),
                retired + 2
            ))
            .with_remedy(format!("use --rotate-every {least}s or more, or tokens with a shorter lifetime")));
        }
        Ok(Self { every, kept_seconds })
    }
}

/// The keys of the service.
pub(super) struct Keys {
    state: Mutex<State>,
    rotation: Option<Rotation>,
}

struct State {
    signing: KeyPair,
    /// The key that signs after the next rotation; `None` if the keys do not rotate.
    next: Option<KeyPair>,
    /// The last one to sign comes first.
    retired: VecDeque<Retired>,
}

struct KeyPair {
    private: Arc<SigningKey>,
    public: Jwk,
}

/// A key that no longer signs.
struct Retired {
    public: Jwk,
    /// The time from which it is no longer published, in seconds since the epoch.
    until: u64,
}

/// What a rotation has changed, for the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rotated {
    /// The `kid` of the key that signs from now on.
    pub(super) signing: String,
    /// The `kid` of the key that is published for the next rotation.
    pub(super) next: String,
    /// The number of published keys.
    pub(super) published: usize,
}

impl Keys {
    /// The keys of a service that begins with this one. If they rotate, this makes the second key, which can take
    /// seconds for RSA.
    ///
    /// # Errors
    /// For an HS* key: it has no public key that could be published. If no key can be made.
    pub(super) fn new(key: SigningKey, rotation: Option<Rotation>) -> Result<Self, Failure> {
        let next = rotation.map(|_| KeyPair::successor_of(&key)).transpose()?;
        let state = State { signing: KeyPair::new(key)?, next, retired: VecDeque::new() };
        Ok(Self { state: Mutex::new(state), rotation })
    }

    /// The key to sign with. It stays published for long enough if the token's `iat` is a time before this call.
    pub(super) fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.state().signing.private)
    }

    /// The JWK set at a time in seconds since the epoch: the key that signs, the next one, then the old ones.
    pub(super) fn set(&self, now: u64) -> Value {
        let state = self.state();
        let pairs = [Some(&state.signing), state.next.as_ref()].into_iter().flatten().map(|pair| &pair.public);
        let retired = state.retired.iter().filter(|key| now < key.until).map(|key| &key.public);
        json!({"keys": pairs.chain(retired).collect::<Vec<_>>()})
    }

    /// How many seconds verifiers may cache the JWK set: half of the time between the publication of a key and its
    /// first token, so that a late or repeated fetch is still in time.
    pub(super) fn max_age(&self) -> u64 {
        self.rotation.map_or(MAX_AGE_SECONDS, |rotation| MAX_AGE_SECONDS.min(rotation.every.as_secs() / 2))
    }

    /// Rotates for as long as the service runs; never, if the keys do not rotate. If no key can be made, the keys stay
    /// as they are for another period.
    pub(super) async fn keep_rotating(self: Arc<Self>) -> Infallible {
        let Some(rotation) = self.rotation else { return std::future::pending().await };
        loop {
            // The time counts from the last rotation, however late that was: a key is published at least this long
            // before it signs.
            sleep(rotation.every).await;
            match self.make_and_rotate(rotation).await {
                Ok(rotated) => log::rotated(&rotated),
                Err(failure) => drop(failure.report()),
            }
        }
    }

    async fn make_and_rotate(self: &Arc<Self>, rotation: Rotation) -> Result<Rotated, Failure> {
        let keys = Arc::clone(self);
        let next = spawn_blocking(move || KeyPair::successor_of(&keys.signing())).await;
        let next = next.map_err(|error| Failure::new(format!("can't make a key: {error}")))??;
        Ok(self.rotate(next, rotation, token::unix_time(Duration::ZERO)?))
    }

    /// Signs with the key that was published as the next one, and publishes another as the next.
    fn rotate(&self, next: KeyPair, rotation: Rotation, now: u64) -> Rotated {
        let mut state = self.state();
        let published = next.public.kid.clone().unwrap_or_default();
        if let Some(signing) = state.next.replace(next) {
            let old = std::mem::replace(&mut state.signing, signing);
            state.retired.push_front(Retired { public: old.public, until: now + rotation.kept_seconds });
        }
        state.retired.retain(|key| now < key.until);
        // Only a clock that is set back can make more.
        state.retired.truncate(MAX_RETIRED);
        Rotated {
            signing: state.signing.public.kid.clone().unwrap_or_default(),
            next: published,
            published: state.retired.len() + 2,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves the keys half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyPair {
    fn new(key: SigningKey) -> Result<Self, Failure> {
        let Some(public) = key.public_jwk().cloned() else {
            return Err(Failure::new(format!(
                "{} has no public key to publish: anyone who can verify its tokens can also forge them",
                key.algorithm().name()
            ))
            .with_remedy("make another key: jwt-auth keygen --alg RS256 --private private.jwk.json"));
        };
        Ok(Self { private: Arc::new(key), public })
    }

    fn successor_of(key: &SigningKey) -> Result<Self, Failure> {
        Self::new(key.successor()?)
    }
}

#[cfg(test)]
mod tests;
