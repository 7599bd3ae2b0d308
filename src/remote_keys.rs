//! Keys that are fetched from a URL (`remoteJwks`).
//!
//! A machine without I/O: it says which calls are due, takes their replies, and shares what they bring with the other
//! workers of the process. The host drives it with its timer. In each process one worker fetches a set; it takes a lease
//! in the shared data first, and writes the keys there.
//!
//! - `source`, `url`: the configuration
//! - `fetch`, `call`, `failure`: one fetch, with discovery up to three calls
//! - `record`, `schedule`: what the workers share, and when a fetch is due
//! - `set`: one set in one worker
//! - `places`: how many requests may wait
//! - `report`: descriptions for tools

mod call;
mod events;
mod failure;
mod fetch;
mod places;
mod record;
mod report;
mod schedule;
mod set;
mod source;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub use call::{CallId, KeyCall, MAX_BODY_BYTES};
pub use events::{KeyEvents, KeySetGauge};
pub use failure::FetchFailure;
pub use places::{Place, Places};
pub use report::{JwkSetReport, KeySource};

use crate::call::Reply;
use crate::document::{Faults, Field};
use crate::key::{IssuerScope, KeySet, ScopedSet};
use crate::numeric_date::NumericDate;
use crate::shared_data::SharedData;
use record::Millis;
use set::{Change, RemoteSet};
use source::Source;

/// The fetched JWK sets of one configuration in one worker.
#[derive(Debug, Default)]
pub struct RemoteKeys {
    /// The issuers that have a set of their own.
    issuers: Vec<String>,
    sets: RefCell<Vec<RemoteSet>>,
    events: RefCell<KeyEvents>,
    loaded: RefCell<Rc<Vec<LoadedSet>>>,
    /// Counts the changes of the keys in use.
    version: Cell<u32>,
    /// Counts what may change the answer to a waiting request.
    news: Cell<u32>,
    /// When the first of the keys in use expire.
    next_expiry: Cell<Millis>,
}

/// A set whose keys are in use.
#[derive(Debug)]
pub(crate) struct LoadedSet {
    issuer: Option<String>,
    keys: Rc<KeySet>,
}

/// What a request can wait for whose token no known key verifies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prospect {
    /// Nothing: all sets are known, and none may be fetched again for it.
    None,
    /// A set is missing. It may be there before the given time; `None` if no fetch ends by then.
    MissingSet(Option<NumericDate>),
    /// Another fetch may bring the key before this time.
    Refetch(NumericDate),
}

impl RemoteKeys {
    /// Reads `remoteJwks`: one mapping, or a list of up to 8. Configuration errors: a missing or unknown field, a value
    /// out of its range, `uri` and `discovery` together, a URL that is not `http` or `https` or could lead elsewhere,
    /// two entries with one issuer, several entries of which one has no issuer.
    pub(crate) fn parse(field: &Field, faults: &mut Faults) -> Option<Self> {
        let sources = Source::parse_all(field, faults)?;
        let issuers = sources.iter().filter_map(|source| source.issuer.clone()).collect();
        let sets = sources.into_iter().map(RemoteSet::new).collect();
        let next_expiry = Cell::new(Millis::MAX);
        Some(Self { issuers, sets: RefCell::new(sets), next_expiry, ..Self::default() })
    }

    /// The entries of `remoteJwks`, in order.
    pub fn sources(&self) -> Vec<KeySource> {
        let sets = self.sets.try_borrow();
        sets.map_or(Vec::new(), |sets| sets.iter().map(|set| KeySource::of(&set.source)).collect())
    }

    /// Whether no keys are fetched.
    pub fn is_empty(&self) -> bool {
        self.sets.try_borrow().is_ok_and(|sets| sets.is_empty())
    }

    /// Takes over what other workers did, and returns the calls that are due in this one. Call it about twice a second,
    /// and more often while requests wait.
    pub fn poll(&self, now: NumericDate, shared_data: &dyn SharedData) -> Vec<KeyCall> {
        let mut calls = Vec::new();
        self.change(|sets, events| {
            let mut change = Change::default();
            for (index, set) in sets.iter_mut().enumerate() {
                let (of_set, call) = set.poll(index, millis(now), shared_data, events);
                change.add(of_set);
                calls.extend(call);
            }
            change
        });
        calls
    }

    /// Takes the reply to a call, and returns the next call of its fetch, if there is one. A reply that comes twice or
    /// too late is ignored.
    pub fn answer(&self, id: CallId, reply: Reply, now: NumericDate, shared_data: &dyn SharedData) -> Option<KeyCall> {
        let mut next = None;
        self.change(|sets, events| {
            let Some(set) = sets.get_mut(id.set) else { return Change::default() };
            let (change, call) = set.answer(id, reply, millis(now), shared_data, events);
            next = call;
            change
        });
        next
    }

    /// Uses the JWK set in `text` as if the entry at `position` had fetched it. If a fetch of it would fail, nothing
    /// changes. `None` if there is no such entry.
    ///
    /// ```
    /// use jwt_auth::{FetchFailure, NumericDate, Plugin};
    ///
    /// let plugin = Plugin::new(b"{parameter: X-Token, remoteJwks: {uri: 'https://a.example/keys', cluster: a}}", b"");
    /// let remote_keys = plugin.remote_keys().unwrap();
    /// let now = NumericDate::from_unix_seconds(1e9);
    /// let load = |position, keys| {
    ///     let report = remote_keys.load(position, format!(r#"{{"keys":[{keys}]}}"#).as_bytes(), now)?;
    ///     let usable: Vec<_> = report.keys().iter().map(|key| key.field.to_owned()).collect();
    ///     Some((usable, report.skipped, report.failure))
    /// };
    /// let secret = r#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    /// // RFC 8037, appendix A.2
    /// let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let skipped = vec!["keys[0].kty: expected a public key, found a secret".to_owned()];
    ///
    /// let both = format!("{secret},{public}");
    /// assert_eq!(load(0, both.as_str()), Some((vec!["keys[1]".to_owned()], skipped.clone(), None)));
    /// assert_eq!(load(0, secret), Some((vec![], skipped, Some(FetchFailure::NoUsableKey))));
    /// assert_eq!(load(1, public), None);
    /// ```
    pub fn load(&self, position: usize, text: &[u8], now: NumericDate) -> Option<JwkSetReport> {
        let mut report = None;
        self.change(|sets, _| {
            let Some(set) = sets.get_mut(position) else { return Change::default() };
            let (change, of_set) = set.load(text, millis(now));
            report = Some(of_set);
            change
        });
        report
    }

    /// Gives up the fetches of this worker. Call it before a configuration ends: nobody takes the replies any more.
    pub fn abandon(&self, shared_data: &dyn SharedData) {
        if let Ok(mut sets) = self.sets.try_borrow_mut() {
            sets.iter_mut().for_each(|set| set.abandon(shared_data));
        }
    }

    /// A number that changes when a waiting request may get another answer.
    pub fn news(&self) -> u32 {
        self.news.get()
    }

    /// The events since the last call.
    pub fn take_events(&self) -> KeyEvents {
        self.events.try_borrow_mut().map(|mut events| std::mem::take(&mut *events)).unwrap_or_default()
    }

    /// The state of each set.
    pub fn gauges(&self, now: NumericDate) -> Vec<KeySetGauge> {
        let sets = self.sets.try_borrow();
        sets.map_or(Vec::new(), |sets| sets.iter().map(|set| set.gauge(millis(now))).collect())
    }

    /// A number that changes with the keys in use.
    pub(crate) fn version(&self, now: NumericDate) -> u32 {
        if millis(now) >= self.next_expiry.get() {
            self.change(|sets, _| {
                let mut change = Change::default();
                sets.iter_mut().for_each(|set| change.add(set.expire(millis(now))));
                change
            });
        }
        self.version.get()
    }

    /// The sets whose keys are in use.
    pub(crate) fn loaded(&self, now: NumericDate) -> Rc<Vec<LoadedSet>> {
        let _ = self.version(now);
        self.loaded.try_borrow().map(|loaded| Rc::clone(&loaded)).unwrap_or_default()
    }

    /// The issuers whose tokens keys without an issuer can't verify.
    pub(crate) fn scope_of_others(&self) -> IssuerScope<'_> {
        IssuerScope::AllBut(&self.issuers)
    }

    /// Whether the keys of all sets are in use.
    pub(crate) fn is_complete(&self) -> bool {
        self.sets.try_borrow().is_ok_and(|sets| sets.iter().all(|set| set.keys().is_some()))
    }

    /// What a request can wait for, if no known key verifies its token. `lacks_kid` is whether the token has a `kid` that
    /// no key has.
    pub(crate) fn prospect(&self, lacks_kid: bool, now: NumericDate) -> Prospect {
        let now = millis(now);
        let Ok(mut sets) = self.sets.try_borrow_mut() else { return Prospect::None };
        let is_missing = |set: &&RemoteSet| set.keys().is_none();
        if sets.iter().any(|set| is_missing(&set)) {
            let until = sets.iter().filter(is_missing).filter_map(|set| set.hope_for_keys(now)).max();
            return Prospect::MissingSet(until.map(date));
        }
        if !lacks_kid {
            return Prospect::None;
        }
        let until = sets.iter_mut().filter_map(|set| set.hope_for_kid(now)).max();
        until.map_or(Prospect::None, |until| Prospect::Refetch(date(until)))
    }

    /// Changes the sets, and keeps account of what changed.
    fn change(&self, change: impl FnOnce(&mut [RemoteSet], &mut KeyEvents) -> Change) {
        let (Ok(mut sets), Ok(mut events)) = (self.sets.try_borrow_mut(), self.events.try_borrow_mut()) else { return };
        let Change { keys, news } = change(&mut sets, &mut events);
        self.next_expiry.set(sets.iter().filter_map(RemoteSet::expires_at).min().unwrap_or(Millis::MAX));
        if news || keys {
            self.news.set(self.news.get().wrapping_add(1));
        }
        if keys {
            self.version.set(self.version.get().wrapping_add(1));
            let loaded = sets.iter().filter_map(|set| {
                let issuer = set.source.issuer.clone();
                Some(LoadedSet { issuer, keys: Rc::clone(set.keys()?) })
            });
            if let Ok(mut current) = self.loaded.try_borrow_mut() {
                *current = Rc::new(loaded.collect());
            }
        }
    }
}

impl LoadedSet {
    /// The keys, and the issuers whose tokens they verify.
    pub(crate) fn scoped<'k>(&'k self, others: IssuerScope<'k>) -> ScopedSet<'k> {
        (&self.keys, self.issuer.as_deref().map_or(others, IssuerScope::Only))
    }
}

fn millis(date: NumericDate) -> Millis {
    // Rust's conversion saturates: a date before 1970 is 0.
    (date.as_unix_seconds() * 1000.0) as Millis
}

fn date(millis: Millis) -> NumericDate {
    NumericDate::from_unix_seconds(millis as f64 / 1000.0)
}
