//! One JWK set in one worker.

use std::rc::Rc;

use super::call::{CallId, KeyCall};
use super::events::{KeyEvents, KeySetGauge};
use super::failure::FetchFailure;
use super::fetch::{Fetch, Progress};
use super::record::{Millis, Record, shared_key};
use super::report::JwkSetReport;
use super::schedule::Schedule;
use super::source::Source;
use crate::call::Reply;
use crate::key::{FetchedKeys, KeySet};
use crate::shared_data::SharedData;

/// The end of a lease that was given up: in the past, and not 0, which would mean that the fetch has ended.
const ABANDONED: Millis = 1;

/// How often the end of a fetch is written. A failed try means that another worker wrote the record first.
const MAX_ATTEMPTS: usize = 8;

/// A source, its keys in this worker, and what this worker last read of the shared record.
#[derive(Debug)]
pub(super) struct RemoteSet {
    pub(super) source: Source,
    shared_key: String,
    record: Record,
    keys: Option<LoadedKeys>,
    /// The fetch of this worker.
    fetch: Option<Fetch>,
    /// Whether a request waits for a key that the set may have by now.
    is_wanted: bool,
}

/// Keys in use.
#[derive(Debug)]
struct LoadedKeys {
    keys: Rc<KeySet>,
    /// The value of [`Record::keys`] that they were read from.
    text: Vec<u8>,
    fetched_at: Millis,
    expires_at: Millis,
}

/// What changed in a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    /// Whether other keys are in use.
    pub(super) keys: bool,
    /// Whether a waiting request may have another answer now.
    pub(super) news: bool,
}

impl RemoteSet {
    pub(super) fn new(source: Source) -> Self {
        let shared_key = shared_key(&source);
        Self { source, shared_key, record: Record::default(), keys: None, fetch: None, is_wanted: false }
    }

    /// The keys in use.
    pub(super) fn keys(&self) -> Option<&Rc<KeySet>> {
        self.keys.as_ref().map(|loaded| &loaded.keys)
    }

    /// From when on the keys must not be used.
    pub(super) fn expires_at(&self) -> Option<Millis> {
        self.keys.as_ref().map(|loaded| loaded.expires_at)
    }

    pub(super) fn gauge(&self, now: Millis) -> KeySetGauge {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let cluster: String = self.source.cluster.chars().map(plain).collect();
        let identity = u64::from_be_bytes(self.source.identity()) >> 32;
        let fetched_at = self.keys.as_ref().map_or(self.record.fetched_at, |loaded| loaded.fetched_at);
        KeySetGauge {
            label: format!("{cluster}_{identity:08x}"),
            age_seconds: (fetched_at != 0).then(|| now.saturating_sub(fetched_at).checked_div(1000)).flatten(),
            keys: self.keys().map_or(0, |keys| keys.len() as u64),
        }
    }

    /// Until when a request may wait for the missing set. `None` if no fetch ends by then.
    pub(super) fn hope_for_keys(&self, now: Millis) -> Option<Millis> {
        let schedule = self.schedule();
        let until = now.saturating_add(schedule.timeout());
        (schedule.is_under_way(now) || schedule.due_at(now) <= until).then_some(until)
    }

    /// Until when a request may wait for a key that the set does not have. `None` within the cool-down.
    pub(super) fn hope_for_kid(&mut self, now: Millis) -> Option<Millis> {
        let schedule = self.schedule();
        let until = now.saturating_add(schedule.timeout());
        let may_fetch = schedule.may_fetch_for_kid(now);
        let is_under_way = schedule.is_under_way(now);
        self.is_wanted |= may_fetch && !is_under_way;
        (may_fetch || is_under_way).then_some(until)
    }

    /// Stops using keys that are too old.
    pub(super) fn expire(&mut self, now: Millis) -> Change {
        if self.expires_at().is_none_or(|expires_at| now < expires_at) {
            return Change::default();
        }
        self.keys = None;
        Change { keys: true, news: true }
    }

    /// Reads what other workers did, and begins a fetch if one is due and no other worker has begun it.
    pub(super) fn poll(
        &mut self,
        index: usize,
        now: Millis,
        shared_data: &dyn SharedData,
        events: &mut KeyEvents,
    ) -> (Change, Option<KeyCall>) {
        let mut change = self.expire(now);
        if let Some(fetch) = self.fetch.take_if(|fetch| fetch.is_lost(now)) {
            change.add(self.finish(fetch, Err(FetchFailure::NoAnswer), now, shared_data, events));
        }
        let (record, version) = Record::read(shared_data, &self.shared_key);
        change.add(self.learn(record, now));
        let is_wanted = std::mem::take(&mut self.is_wanted);
        let schedule = self.schedule();
        let for_kid = is_wanted && schedule.may_fetch_for_kid(now);
        // A request that waits for a fetch that is not allowed any more must be decided on again.
        change.news |= is_wanted && !for_kid;
        let is_due = for_kid || now >= schedule.due_at(now);
        if !is_due || schedule.is_under_way(now) || self.fetch.is_some() {
            return (change, None);
        }
        (change, self.begin(index, version, for_kid, now, shared_data))
    }

    /// Takes the reply to a call of this worker's fetch. Replies to other calls come too late and change nothing.
    pub(super) fn answer(
        &mut self,
        id: CallId,
        reply: Reply,
        now: Millis,
        shared_data: &dyn SharedData,
        events: &mut KeyEvents,
    ) -> (Change, Option<KeyCall>) {
        let Some(fetch) = self.fetch.take_if(|fetch| fetch.waits_for(id)) else {
            return (Change::default(), None);
        };
        let result = match fetch.answer(&self.source, reply, now) {
            Progress::Call(fetch, call) => {
                self.fetch = Some(fetch);
                return (Change::default(), Some(call));
            }
            Progress::Done(fetched, max_age_seconds) => Ok((fetched, max_age_seconds)),
            Progress::Failed(failure) => Err(failure),
        };
        (self.finish(fetch, result, now, shared_data, events), None)
    }

    /// Uses the keys of a set that was not fetched by this machine.
    pub(super) fn load(&mut self, text: &[u8], now: Millis) -> (Change, JwkSetReport) {
        let (report, keys) = JwkSetReport::read(text);
        let Some(keys) = keys else { return (Change::default(), report) };
        // A time of 0 means that there are no keys.
        let record = Record { attempt: 1, ended_at: now, fetched_at: now.max(1), keys, ..Record::default() };
        (self.learn(record, now), report)
    }

    /// Gives up the fetch of this worker, so that another one can begin at once.
    pub(super) fn abandon(&mut self, shared_data: &dyn SharedData) {
        let Some(fetch) = self.fetch.take() else { return };
        let (record, version) = Record::read(shared_data, &self.shared_key);
        if record.attempt == fetch.attempt && record.lease_until != 0 {
            // If another worker has written the record meanwhile, the lease ends by itself.
            let _ = Record { lease_until: ABANDONED, ..record }.write(shared_data, &self.shared_key, version);
        }
    }

    fn schedule(&self) -> Schedule<'_> {
        Schedule { source: &self.source, record: &self.record }
    }

    /// Takes the lease and makes the first call. `None` if another worker was faster.
    fn begin(
        &mut self,
        index: usize,
        version: u32,
        for_kid: bool,
        now: Millis,
        shared_data: &dyn SharedData,
    ) -> Option<KeyCall> {
        let schedule = self.schedule();
        let deadline = now.saturating_add(schedule.timeout());
        let mut record = Record { lease_until: schedule.lease_from(now), ..self.record.clone() };
        record.attempt = record.attempt.saturating_add(1);
        if for_kid {
            record.kid_fetch_at = now;
        }
        record.write(shared_data, &self.shared_key, version).ok()?;
        let (fetch, call) = Fetch::begin(index, record.attempt, for_kid, &self.source, now, deadline);
        self.record = record;
        self.fetch = Some(fetch);
        Some(call)
    }

    /// Records the result of this worker's fetch, unless another worker has taken over.
    fn finish(
        &mut self,
        fetch: Fetch,
        result: Result<(FetchedKeys, Option<u64>), FetchFailure>,
        now: Millis,
        shared_data: &dyn SharedData,
        events: &mut KeyEvents,
    ) -> Change {
        for _ in 0..MAX_ATTEMPTS {
            let (before, version) = Record::read(shared_data, &self.shared_key);
            if before.attempt != fetch.attempt {
                return self.learn(before, now);
            }
            let after = self.after(&before, fetch, &result, now);
            if after.write(shared_data, &self.shared_key, version).is_ok() {
                self.report(&before, &after, &result, events);
                return self.learn(after, now);
            }
        }
        // The lease ends by itself, and another fetch begins.
        Change { keys: false, news: true }
    }

    fn after(
        &self,
        before: &Record,
        fetch: Fetch,
        result: &Result<(FetchedKeys, Option<u64>), FetchFailure>,
        now: Millis,
    ) -> Record {
        let mut after = Record { lease_until: 0, ended_at: now, ..before.clone() };
        if fetch.for_kid {
            after.kid_fetch_at = now;
        }
        match result {
            Ok((fetched, max_age_seconds)) => {
                after.failures = 0;
                after.fetched_at = now;
                after.max_age_seconds = max_age_seconds.unwrap_or(u64::MAX);
                after.keys.clone_from(&fetched.text);
            }
            Err(_) => after.failures = before.failures.saturating_add(1),
        }
        after
    }

    fn report(
        &self,
        before: &Record,
        after: &Record,
        result: &Result<(FetchedKeys, Option<u64>), FetchFailure>,
        events: &mut KeyEvents,
    ) {
        let url = self.source.url();
        match result {
            Ok((fetched, _)) => {
                events.succeeded = events.succeeded.saturating_add(1);
                let skipped = u32::try_from(fetched.skipped.len()).unwrap_or(u32::MAX);
                events.skipped = events.skipped.saturating_add(skipped);
                if before.failures > 0 {
                    events.inform(format!("fetching the keys of {url} works again"));
                }
                if before.keys != after.keys {
                    let usable = fetched.keys.len();
                    let reason = fetched.skipped.first().map(|first| format!(", {skipped} skipped ({first})"));
                    events.inform(format!("new keys of {url}: {usable} usable{}", reason.unwrap_or_default()));
                }
            }
            Err(failure) => {
                events.failed.push(*failure);
                if before.failures == 0 {
                    events.warn(format!("fetching the keys of {url} fails: {failure}"));
                }
            }
        }
    }

    /// Takes over a record: its keys, if they are others, and its times.
    fn learn(&mut self, record: Record, now: Millis) -> Change {
        let was_under_way = self.schedule().is_under_way(now);
        let before = std::mem::replace(&mut self.record, record);
        let state = |record: &Record| (record.attempt, record.lease_until, record.ended_at);
        let news = state(&self.record) != state(&before) || was_under_way && !self.schedule().is_under_way(now);
        Change { keys: self.load_keys(now), news }
    }

    /// Uses the keys of the record if they can be used. Returns whether they are other keys than before.
    fn load_keys(&mut self, now: Millis) -> bool {
        let (fetched_at, expires_at) = (self.record.fetched_at, self.schedule().expires_at());
        if fetched_at == 0 {
            return false;
        }
        if now >= expires_at {
            // The last set is too old, and so are the keys in use, which are not newer.
            return self.keys.take_if(|loaded| loaded.fetched_at <= fetched_at).is_some();
        }
        if let Some(loaded) = self.keys.as_mut().filter(|loaded| loaded.text == self.record.keys) {
            (loaded.fetched_at, loaded.expires_at) = (fetched_at, expires_at);
            return false;
        }
        match FetchedKeys::read(&self.record.keys) {
            Ok(FetchedKeys { keys, .. }) => {
                let text = self.record.keys.clone();
                self.keys = Some(LoadedKeys { keys: Rc::new(keys), text, fetched_at, expires_at });
                true
            }
            Err(_) => {
                // Not written by this filter. A new fetch replaces it.
                self.record.fetched_at = 0;
                false
            }
        }
    }
}

impl Change {
    pub(super) fn add(&mut self, other: Self) {
        self.keys |= other.keys;
        self.news |= other.news || other.keys;
    }
}

#[cfg(test)]
mod tests;
