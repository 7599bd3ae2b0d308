//! One question to an engine: whether this request is the first one with its `jti`.

use std::time::Duration;

use super::answer::{Answer, EngineReply};
use super::etcd::{self, Lease, TxnReply};
use super::failure::EngineFailure;
use super::jti_store::{Engine, JtiStore};
use super::redis;
use crate::call::{Call, Reply};

/// How often the question is sent, the first time included. An answer that was lost is found by the next attempt.
const MAX_ATTEMPTS: u32 = 3;

/// How much longer than needed the engine keeps a `jti`, in seconds: the most by which the clocks of two Envoys may
/// differ.
const CLOCK_TOLERANCE_SECONDS: u32 = 60;

/// Milliseconds since 1970-01-01T00:00:00Z.
type Millis = u64;

/// A question whose answer is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inquiry {
    key: Vec<u8>,
    /// Random, so that a later attempt recognizes what an earlier one wrote.
    value: String,
    /// Until when the `jti` must be known, in seconds since the epoch.
    end: u32,
    /// The time of the first attempt. All attempts send the same.
    asked_at: Millis,
    attempt: u32,
    step: Step,
    /// Whether the engine has granted the lease for it.
    has_granted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Record,
    GrantLease,
}

/// What follows from a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The engine has recorded the `jti` for this request.
    Won,
    /// The engine has it for another request.
    Lost,
    /// The engine gave no answer. It may have recorded the `jti`.
    Failed(EngineFailure),
    /// The next call.
    Call(Inquiry, Call),
}

impl Inquiry {
    /// Begins a question about the `jti` with this hash. `value` must be random and differ for each request.
    pub(crate) fn begin(store: &JtiStore, hash: &[u8; 16], value: [u8; 16], end: u32, now: Millis) -> (Self, Call) {
        let inquiry = Self {
            key: [store.key_prefix.as_bytes(), hex(hash).as_bytes()].concat(),
            value: hex(&value),
            end,
            asked_at: now,
            attempt: 1,
            step: Step::Record,
            has_granted: false,
        };
        let call = inquiry.call(store, now);
        (inquiry, call)
    }

    /// What follows from the reply to its call.
    pub(crate) fn answer(self, store: &JtiStore, reply: Reply, now: Millis) -> Progress {
        let answered = match reply {
            Reply::Answer { headers, body, trailers } => self.read(store, EngineReply { headers, body, trailers }),
            Reply::NoCluster => Err(EngineFailure::NoCluster),
            Reply::NoHost => Err(EngineFailure::NoHost),
            Reply::NoAnswer => Err(EngineFailure::NoAnswer),
        };
        match answered {
            Ok(Next::Answer(Answer::Won)) => Progress::Won,
            Ok(Next::Answer(Answer::Lost)) => Progress::Lost,
            Ok(Next::Step(Step::Record)) => {
                Self { has_granted: true, ..self }.go_on(store, Step::Record, now, EngineFailure::NoAnswer)
            }
            // An engine that has no lease although it has granted it is asked again like one that fails.
            Ok(Next::Step(Step::GrantLease)) if self.has_granted => {
                self.repeat(store, Step::Record, now, EngineFailure::Malformed)
            }
            Ok(Next::Step(Step::GrantLease)) => self.go_on(store, Step::GrantLease, now, EngineFailure::NoAnswer),
            Err(failure) if failure.is_before_sending() => Progress::Failed(failure),
            Err(failure) => self.repeat(store, Step::Record, now, failure),
        }
    }

    fn read(&self, store: &JtiStore, reply: EngineReply) -> Result<Next, EngineFailure> {
        match (store.engine, self.step) {
            (Engine::Redis, _) => redis::read(reply, &self.value).map(Next::Answer),
            (Engine::Etcd, Step::GrantLease) => {
                etcd::read_grant(reply, &self.lease(store)).map(|()| Next::Step(Step::Record))
            }
            (Engine::Etcd, Step::Record) => Ok(match etcd::read_txn(reply, self.value.as_bytes())? {
                TxnReply::Answer(answer) => Next::Answer(answer),
                TxnReply::LeaseMissing => Next::Step(Step::GrantLease),
            }),
        }
    }

    /// Begins another attempt, or fails with `failure` after the last one.
    fn repeat(self, store: &JtiStore, step: Step, now: Millis, failure: EngineFailure) -> Progress {
        if self.attempt >= MAX_ATTEMPTS {
            return Progress::Failed(failure);
        }
        let attempt = self.attempt.saturating_add(1);
        Self { attempt, ..self }.go_on(store, step, now, failure)
    }

    /// Makes the next call, or fails with `failure` when the time is over.
    fn go_on(self, store: &JtiStore, step: Step, now: Millis, failure: EngineFailure) -> Progress {
        if now >= self.deadline(store) {
            return Progress::Failed(failure);
        }
        let inquiry = Self { step, ..self };
        let call = inquiry.call(store, now);
        Progress::Call(inquiry, call)
    }

    fn call(&self, store: &JtiStore, now: Millis) -> Call {
        // If the clock was set back, the deadline is further away than the whole time.
        let left = self.deadline(store).saturating_sub(now).min(store.timeout_milliseconds.into());
        // Half of the time that is left, so that a lost answer leaves time for another attempt.
        let timeout = if self.attempt < MAX_ATTEMPTS { left.div_ceil(2) } else { left };
        let header = |name, value: &str| (name, value.to_owned());
        let (path, body, mut headers) = match (store.engine, self.step) {
            (Engine::Redis, _) => {
                let body = redis::create_or_read(&self.key, &self.value, self.seconds_left());
                ("/", body, vec![header("content-type", "text/plain")])
            }
            (Engine::Etcd, step) => {
                let lease = self.lease(store);
                let (path, body) = match step {
                    Step::GrantLease => (etcd::LEASE_GRANT, lease.grant()),
                    Step::Record => (etcd::TXN, etcd::create_or_read(&self.key, self.value.as_bytes(), &lease)),
                };
                (path, body, vec![header("content-type", "application/grpc"), header("te", "trailers")])
            }
        };
        headers.extend([header(":method", "POST"), header(":path", path), header(":authority", &store.authority)]);
        Call { cluster: store.cluster.clone(), headers, body, timeout: Duration::from_millis(timeout.max(1)) }
    }

    fn deadline(&self, store: &JtiStore) -> Millis {
        self.asked_at.saturating_add(store.timeout_milliseconds.into())
    }

    fn lease(&self, store: &JtiStore) -> Lease {
        Lease::until(self.end, seconds(self.asked_at), CLOCK_TOLERANCE_SECONDS, &store.key_prefix)
    }

    fn seconds_left(&self) -> u32 {
        self.end.saturating_sub(seconds(self.asked_at)).saturating_add(CLOCK_TOLERANCE_SECONDS)
    }
}

enum Next {
    Answer(Answer),
    Step(Step),
}

fn seconds(millis: Millis) -> u32 {
    u32::try_from(millis.checked_div(1000).unwrap_or(0)).unwrap_or(u32::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests;
