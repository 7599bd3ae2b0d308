//! What is known of all requests together.

use std::collections::{BTreeMap, BTreeSet};

use super::flight::Flight;
use super::tokens::Token;

/// The history of a fleet.
#[derive(Default)]
pub(super) struct History {
    /// The key of each identity.
    keys: BTreeMap<&'static str, Vec<u8>>,
    /// The values of all requests.
    values: BTreeSet<Vec<u8>>,
    /// The keys and values that the engine has confirmed to have recorded.
    confirmed: BTreeSet<(Vec<u8>, Vec<u8>)>,
    acceptances: Vec<Acceptance>,
}

/// A token that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Acceptance {
    pub(super) token: &'static Token,
    /// The process and how often it had been replaced.
    pub(super) process: (usize, usize),
    /// Whether the process decided without the engine.
    pub(super) is_alone: bool,
    /// The time of the process, in milliseconds, and whether it was later before.
    pub(super) clock: u64,
    pub(super) was_set_back: bool,
}

/// How long a used `jti` is kept after its token has expired, in seconds.
pub(super) const KEPT: u64 = 300;

impl History {
    /// Notes the first call of a request. Its key belongs to its identity alone, and its value to this request alone.
    pub(super) fn begin(&mut self, flight: &Flight) {
        let key = self.keys.entry(flight.token.identity).or_insert_with(|| flight.key.clone());
        assert_eq!(*key, flight.key, "an identity has two keys");
        let keys: BTreeSet<_> = self.keys.values().collect();
        assert_eq!(keys.len(), self.keys.len(), "two identities have one key");
        assert!(self.values.insert(flight.value.clone()), "two requests have one value");
    }

    /// Notes what is recorded under a key when the engine answers.
    pub(super) fn confirm(&mut self, key: &[u8], value: &[u8]) {
        self.confirmed.insert((key.to_vec(), value.to_vec()));
    }

    /// How often a token was accepted.
    pub(super) fn count(&self, token: &Token) -> usize {
        self.acceptances.iter().filter(|acceptance| std::ptr::eq(acceptance.token, token)).count()
    }

    /// Checks that a token may be accepted.
    pub(super) fn accept(&mut self, acceptance: Acceptance, flight: Option<&Flight>) {
        let Acceptance { token, process, is_alone, clock, was_set_back } = acceptance;
        if !is_alone {
            let flight = flight.expect("a call");
            let own = (flight.key.clone(), flight.value.clone());
            assert!(self.confirmed.contains(&own), "accepted without a record in the engine");
        }
        for earlier in self.acceptances.iter().filter(|earlier| earlier.token.identity == token.identity) {
            let is_other_token = !std::ptr::eq(earlier.token, token);
            let is_over = is_other_token && clock >= (earlier.token.expires + KEPT) * 1000;
            // A process whose clock is set back has forgotten what was over.
            let knows_itself = earlier.process == process && !was_set_back;
            let is_known = knows_itself || !is_alone && !earlier.is_alone;
            assert!(is_over || !is_known, "accepted twice: {acceptance:?}, after {earlier:?}");
        }
        self.acceptances.push(acceptance);
    }
}
