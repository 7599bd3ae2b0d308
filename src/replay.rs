//! Replay protection: each `jti` is accepted once.

mod cold_start;
mod engines;
mod ledger;
mod place;
mod store;

use std::rc::Rc;

use crate::call::{Call, Reply};
use crate::claims::Claims;
use crate::json::Value;
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};
use crate::shared_data::SharedData;

pub(crate) use cold_start::ColdStart;
pub use engines::{Engine, EngineEvents, EngineFailure, JtiStore, MAX_ANSWER_BYTES};
use engines::{EngineTally, Inquiry, Progress};
use ledger::{KEY_PREFIX, PROOF_KEY_PREFIX, Permit, Reserve};
use place::Place;
use store::{Identity, Insertion, Knowledge, Store, Use};

/// The longest `jti` that is accepted, in bytes. A random one has about 30.
pub const MAX_JTI_BYTES: usize = 1024;

/// The largest `clockSkewSeconds` with `preventJtiReplay`, and how long after `exp` every used `jti` is kept, in
/// seconds.
///
/// Listeners that share a `vm_id` can have different clock skews, and an update can change a clock skew. A `jti` is
/// kept for as long as the largest clock skew could accept its token, so none of them accepts it again. Five minutes is
/// the usual leeway of JWT libraries; a larger maximum would keep every entry longer.
pub(crate) const MAX_CLOCK_SKEW_SECONDS: u64 = 300;

/// `preventJtiReplay: true`, in one worker.
#[derive(Debug)]
pub(crate) struct ReplayPolicy {
    /// The prefix of its keys in shared data.
    prefix: &'static str,
    max_tracked_jtis: u64,
    reserve: Rc<Reserve>,
    /// `jtiStore`.
    engine: Option<JtiStore>,
    tally: EngineTally,
    cold_start: ColdStart,
}

/// What is known about the `jti` of a token.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was new, and is now used.
    Admitted,
    /// The engine must be asked.
    Ask(Question, Call),
}

/// A question to the engine about the `jti` of a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Question {
    inquiry: Inquiry,
    entry: Entry,
    /// So that a `jti` that the engine has recorded can be recorded here, too.
    place: Place,
}

/// What is stored of a `jti`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    identity: Identity,
    /// Until when it is kept, in seconds since the epoch.
    end: u32,
    /// Whether this process could have seen it, if it was used before. Only then it may decide alone.
    is_covered: bool,
}

/// What a decision on a `jti` needs of its host.
#[derive(Clone, Copy)]
pub(crate) struct ReplayHost<'a> {
    pub(crate) shared_data: &'a dyn SharedData,
    /// Random bytes, or `None` if there are none.
    pub(crate) random: fn() -> Option<[u8; 16]>,
    pub(crate) now: NumericDate,
}

impl ReplayPolicy {
    /// A policy that rejects new `jti`s when `max_tracked_jtis` are live.
    pub(crate) fn new(max_tracked_jtis: u64, engine: Option<JtiStore>, cold_start: ColdStart) -> Self {
        let (reserve, tally) = (Rc::default(), EngineTally::default());
        Self { prefix: KEY_PREFIX, max_tracked_jtis, reserve, engine, tally, cold_start }
    }

    /// A policy for proofs of possession, which are kept apart from tokens.
    pub(crate) fn for_proofs(max_tracked_jtis: u64, engine: Option<JtiStore>) -> Self {
        let engine = engine.map(JtiStore::for_proofs);
        Self { prefix: PROOF_KEY_PREFIX, ..Self::new(max_tracked_jtis, engine, ColdStart::default()) }
    }

    /// Records that this process tracks `jti`s from `now` on, unless a worker of it did so before. Call it when the
    /// process is started; [`Self::admit`] does it otherwise.
    pub(crate) fn begin(&self, now: NumericDate, shared_data: &dyn SharedData) {
        self.cold_start.begin(now, shared_data);
    }

    /// The engine.
    pub(crate) fn engine(&self) -> Option<&JtiStore> {
        self.engine.as_ref()
    }

    /// Whether tokens from before the start are rejected.
    pub(crate) fn refuses_cold_start(&self) -> bool {
        self.cold_start.is_refused()
    }

    /// What happened with the engine since the last call. `None` without an engine.
    pub(crate) fn take_engine_events(&self) -> Option<EngineEvents> {
        let JtiStore { engine, cluster, .. } = self.engine.as_ref()?;
        Some(self.tally.take(&format!("jtiStore: {} (cluster {cluster})", engine.name())))
    }

    /// The entry of a token, which is kept until [`MAX_CLOCK_SKEW_SECONDS`] after `exp`.
    ///
    /// # Errors
    /// - S403JI when `jti` is missing, empty, not a string, or longer than [`MAX_JTI_BYTES`].
    /// - A403JT when `exp` is missing.
    pub(crate) fn entry(&self, claims: &Claims, host: ReplayHost) -> Result<Entry, Rejection> {
        let jti = claims.find("jti").and_then(Value::as_str).ok_or(Rejection::JtiMissing)?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return Err(Rejection::JtiMissing);
        }
        let expiration = claims.times().expiration().ok_or(Invalid::ExpirationMissing)?;
        let end = expiration.plus(MAX_CLOCK_SKEW_SECONDS as f64);
        let issuer = claims.find("iss").map(Value::plain);
        Ok(Entry {
            identity: Identity::new(issuer.as_deref(), jti),
            end: whole_seconds(end.as_unix_seconds().ceil()),
            is_covered: self.cold_start.covers(claims.times(), host.now, host.shared_data),
        })
    }

    /// The entry of a proof, which is kept for one second longer than any may be accepted after `issued_at`. `identity` is
    /// what makes it the same proof if it comes again.
    pub(crate) fn entry_of_proof(identity: &str, issued_at: NumericDate) -> Entry {
        // A proof is still accepted at the end of its time, and an entry is not live any more at its own.
        let expiration = issued_at.plus(MAX_CLOCK_SKEW_SECONDS as f64 + 1.0);
        let end = whole_seconds(expiration.as_unix_seconds().ceil());
        Entry { identity: Identity::new(None, identity), end, is_covered: true }
    }

    /// Records an entry as used. If several workers do so with the same one at the same time, exactly one of them
    /// succeeds.
    ///
    /// With an engine, only entries that this process does not know are asked about.
    ///
    /// # Errors
    /// - S403JU when it was used before.
    /// - S503JF when too many are live or the store can't be written.
    /// - S503JS when the engine can't be asked.
    /// - A403JT when the token could have been used before the store was started.
    pub(crate) fn admit(&self, entry: Entry, host: ReplayHost) -> Result<Verdict, Rejection> {
        let Some(engine) = &self.engine else {
            return self.admit_locally(entry, None, host);
        };
        // A request that the store could not record must not use up its `jti` in the engine.
        let place = match self.store(host).look_up(&entry.identity) {
            Knowledge::Used => return Err(Rejection::JtiUsed),
            Knowledge::New => self.store(host).acquire(entry.end).map(|permit| Place::new(permit, &self.reserve)),
            Knowledge::NoRoom => None,
        };
        let place = place.ok_or(Rejection::ReplayStoreFull)?;
        self.tally.count_asked();
        let Some(value) = (host.random)() else {
            return self.without_answer(engine, (entry, place), EngineFailure::NoAnswer, host);
        };
        self.tally.count_call();
        let (inquiry, call) = Inquiry::begin(engine, entry.identity.hash(), value, entry.end, millis(host.now));
        Ok(Verdict::Ask(Question { inquiry, entry, place }, call))
    }

    /// Takes the reply to the call of a question.
    ///
    /// # Errors
    /// S403JU, S503JF, S503JS or A403JT, as for [`Self::admit`]; A403JE when the token has expired meanwhile.
    pub(crate) fn answer(&self, question: Question, reply: Reply, host: ReplayHost) -> Result<Verdict, Rejection> {
        let Question { inquiry, entry, place } = question;
        let engine = self.engine.as_ref().ok_or(Rejection::EngineUnavailable)?;
        match inquiry.answer(engine, reply, millis(host.now)) {
            Progress::Call(inquiry, call) => {
                self.tally.count_call();
                Ok(Verdict::Ask(Question { inquiry, entry, place }, call))
            }
            Progress::Won => {
                self.tally.count_answered();
                // Filters with another `keyPrefix` share the store of this process.
                self.record(entry, Use::Won, place.take(), host).map(|()| Verdict::Admitted)
            }
            Progress::Lost => {
                self.tally.count_answered();
                // The next request with it need not ask. If it can't be stored, it asks.
                let _ = self.record(entry, Use::Lost, place.take(), host);
                Err(Rejection::JtiUsed)
            }
            Progress::Failed(failure) => self.without_answer(engine, (entry, place), failure, host),
        }
    }

    fn without_answer(
        &self,
        engine: &JtiStore,
        (entry, place): (Entry, Place),
        failure: EngineFailure,
        host: ReplayHost,
    ) -> Result<Verdict, Rejection> {
        self.tally.count_failed(failure);
        if !engine.falls_back {
            return Err(Rejection::EngineUnavailable);
        }
        self.tally.count_decided_alone();
        self.admit_locally(entry, Some(place), host)
    }

    fn admit_locally(&self, entry: Entry, place: Option<Place>, host: ReplayHost) -> Result<Verdict, Rejection> {
        if !entry.is_covered {
            return Err(Invalid::IssuedBeforeStart.into());
        }
        self.record(entry, Use::Local, place.and_then(Place::take), host).map(|()| Verdict::Admitted)
    }

    fn record(&self, entry: Entry, why: Use, permit: Option<Permit>, host: ReplayHost) -> Result<(), Rejection> {
        let store = self.store(host);
        // It would be forgotten at once, here and in the engine, and a second request could ask at the same time.
        if entry.end <= store.now {
            let expiration = f64::from(entry.end) - MAX_CLOCK_SKEW_SECONDS as f64;
            return Err(Rejection::Expired { at: NumericDate::from_unix_seconds(expiration) });
        }
        match store.insert(&entry.identity, entry.end, why, permit) {
            Insertion::Inserted => Ok(()),
            Insertion::Present => Err(Rejection::JtiUsed),
            Insertion::NotRecorded => Err(Rejection::ReplayStoreFull),
        }
    }

    fn store<'a>(&'a self, host: ReplayHost<'a>) -> Store<'a> {
        let now = whole_seconds(host.now.as_unix_seconds().floor());
        let (reserve, max_live) = (&self.reserve, self.max_tracked_jtis);
        Store { shared_data: host.shared_data, reserve, prefix: self.prefix, max_live, now }
    }
}

fn millis(date: NumericDate) -> u64 {
    // Rust's conversion saturates: a date before 1970 is 0.
    (date.as_unix_seconds() * 1000.0) as u64
}

/// Seconds since the epoch as 32 bits, as the store keeps them. Later times, from the year 2106 on, become the largest.
fn whole_seconds(seconds: f64) -> u32 {
    seconds.clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests;
