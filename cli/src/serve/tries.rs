//! How often a password may be guessed.
//!
//! A try is counted before its password is checked, so that tries side by side find no gap, and given back when it was right.
//! Then it counts only as one of those that right ones have, too: more than anybody needs, less than would keep the service
//! from others. Known and unknown names are counted alike.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::network::Network;

/// For one name from one address: five, then one each ten seconds.
const PER_SOURCE: Rule = Rule { burst: 5, interval: Duration::from_secs(10) };

/// For one name from all addresses. One address can't use this up: whoever locks a user out needs several.
const PER_NAME: Rule = Rule { burst: 50, interval: Duration::from_secs(5) };

/// For all names from one address: a hundred, then one each second. All who share an address have to get along with this, and
/// who has one address alone can't try a password on many names, nor make the tables forget others.
const PER_NETWORK: Rule = Rule { burst: 100, interval: Duration::from_secs(1) };

/// For one name from one address, right ones included: fifty, then five each second.
const ANY_PER_SOURCE: Rule = Rule { burst: 50, interval: Duration::from_millis(200) };

/// How many names, networks and pairs of them are remembered, some 20 MB at most. Beyond, the ones longest not seen are
/// forgotten; to get there costs an attacker a try for each.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

struct Rule {
    burst: u32,
    interval: Duration,
}

/// The tries of late.
pub(super) struct Tries(Mutex<Tables>);

struct Tables {
    by_source: Table<Source>,
    by_name: Table<String>,
    by_network: Table<Network>,
    any_by_source: Table<Source>,
}

/// Who tries: a name and where from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    name: String,
    network: Network,
}

impl Source {
    /// A user name, of somebody or not, from this address.
    pub(super) fn new(name: &str, address: IpAddr) -> Self {
        Self { name: name.to_owned(), network: Network::of(address) }
    }
}

impl Tries {
    /// None so far.
    pub(super) fn new() -> Self {
        Self(Mutex::new(Tables {
            by_source: Table::new(PER_SOURCE),
            by_name: Table::new(PER_NAME),
            by_network: Table::new(PER_NETWORK),
            any_by_source: Table::new(ANY_PER_SOURCE),
        }))
    }

    /// Whether there is a try left, else how long until there is one.
    pub(super) fn check(&self, source: &Source, now: Instant) -> Result<(), Duration> {
        self.tables().check(source, now)
    }

    /// Uses up a try, if there is one left.
    pub(super) fn begin(&self, source: &Source, now: Instant) -> Result<(), Duration> {
        let mut tables = self.tables();
        tables.check(source, now)?;
        tables.by_source.add(source.clone(), now);
        tables.by_name.add(source.name.clone(), now);
        tables.by_network.add(source.network, now);
        tables.any_by_source.add(source.clone(), now);
        Ok(())
    }

    /// Gives back a try, as far as wrong ones are counted: it was right.
    pub(super) fn give_back(&self, source: &Source) {
        let mut tables = self.tables();
        tables.by_source.give_back(source);
        tables.by_name.give_back(&source.name);
        tables.by_network.give_back(&source.network);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Each table is whole after each line of this file.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn check(&mut self, source: &Source, now: Instant) -> Result<(), Duration> {
        let waits = [
            self.by_source.wait(source, now),
            self.by_name.wait(&source.name, now),
            self.by_network.wait(&source.network, now),
            self.any_by_source.wait(source, now),
        ];
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
