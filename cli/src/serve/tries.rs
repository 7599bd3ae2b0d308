//! How often a password may be guessed.
//!
//! A try is counted before its password is checked and given back when it was right, so that tries side by side find no
//! gap and right ones are never slowed down. Known and unknown names are counted alike.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// For one name from one address: five, then one each ten seconds.
const PER_SOURCE: Rule = Rule { burst: 5, interval: Duration::from_secs(10) };

/// For one name from all addresses. One address can't use this up: whoever locks a user out needs several.
const PER_NAME: Rule = Rule { burst: 50, interval: Duration::from_secs(5) };

/// How many names and sources are remembered, some 10 MB at most. Beyond, the ones longest not seen are forgotten; to get
/// there costs an attacker a try for each.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

struct Rule {
    burst: u32,
    interval: Duration,
}

/// The tries of late.
pub(super) struct Tries(Mutex<Tables>);

struct Tables {
    by_source: Table<(String, IpAddr)>,
    by_name: Table<String>,
}

/// Who tries: a name and where from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    name: String,
    network: IpAddr,
}

impl Source {
    /// A user name, of somebody or not, from this address. An IPv6 address counts by its /64, which one machine has whole.
    pub(super) fn new(name: &str, address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
            address @ IpAddr::V4(_) => address,
        };
        Self { name: name.to_owned(), network }
    }
}

impl Tries {
    /// None so far.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Tables { by_source: Table::new(PER_SOURCE), by_name: Table::new(PER_NAME) }))
    }

    /// Whether there is a try left, else how long until there is one.
    pub(super) fn check(&self, source: &Source, now: Instant) -> Result<(), Duration> {
        self.tables().check(source, now)
    }

    /// Uses up a try, if there is one left.
    pub(super) fn begin(&self, source: &Source, now: Instant) -> Result<(), Duration> {
        let mut tables = self.tables();
        tables.check(source, now)?;
        tables.by_source.add((source.name.clone(), source.network), now);
        tables.by_name.add(source.name.clone(), now);
        Ok(())
    }

    /// Gives back a try: it was right.
    pub(super) fn give_back(&self, source: &Source) {
        let mut tables = self.tables();
        tables.by_source.give_back(&(source.name.clone(), source.network));
        tables.by_name.give_back(&source.name);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Each table is whole after each line of this file.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn check(&mut self, source: &Source, now: Instant) -> Result<(), Duration> {
        let waits =
            [self.by_source.wait(&(source.name.clone(), source.network), now), self.by_name.wait(&source.name, now)];
        waits.into_iter().max().filter(|wait| !wait.is_zero()).map_or(Ok(()), Err)
    }
}

/// Buckets of tries. Of each there is the moment at which it is full again.
struct Table<K: Hash + Eq> {
    rule: Rule,
    full_at: LruCache<K, Instant>,
}

impl<K: Hash + Eq> Table<K> {
    fn new(rule: Rule) -> Self {
        Self { rule, full_at: LruCache::new(CAPACITY) }
    }

    /// Zero while a try is left.
    fn wait(&mut self, key: &K, now: Instant) -> Duration {
        let missing = self.full_at.get(key).map_or(Duration::ZERO, |full_at| full_at.duration_since(now));
        (missing + self.rule.interval).saturating_sub(self.rule.interval * self.rule.burst)
    }

    fn add(&mut self, key: K, now: Instant) {
        let full_at = self.full_at.get_or_insert_mut(key, || now);
        *full_at = (*full_at).max(now) + self.rule.interval;
    }

    fn give_back(&mut self, key: &K) {
        if let Some(full_at) = self.full_at.get_mut(key) {
            *full_at -= self.rule.interval;
        }
    }
}

#[cfg(test)]
mod tests;
