//! JWK sets, and how those of a configuration are read.

use super::jwk::{ConfiguredKey, Key};
use crate::document::{Faults, Field};

/// The most keys in one configuration, with `jwk`. A key takes a few kilobytes, and about a millisecond to read. The
/// JWK sets of issuers have fewer than ten keys.
const MAX_KEYS: usize = 100;

/// Keys that belong together, in their order.
#[derive(Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads `jwk` and `jwks`; without both the set is empty. Configuration errors, besides those of each key: no usable
    /// key, more than [`MAX_KEYS`], a duplicate `kid`, two keys without a `kid`.
    ///
    /// An unfit key in a JWK set is skipped with a warning
    /// ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)): issuers also publish keys for encryption.
    /// Only the keys that stay need unique `kid`s.
    pub(crate) fn parse(jwk: Option<Field>, jwks: Option<Field>, faults: &mut Faults) -> Option<Self> {
        let before = faults.count();
        let mut keys = Self(Vec::new());
        if let Some(field) = jwk
            && let Some(key) = Key::parse(&field, faults)
        {
            keys.add(&field, key, faults);
        }
        if let Some(jwks) = jwks {
            keys.add_set(jwks, faults)?;
        }
        (faults.count() == before).then_some(keys)
    }

    /// A set of these keys.
    pub(super) fn of(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A description of each key, in the order of the configuration.
    pub(crate) fn describe(&self) -> Vec<ConfiguredKey<'_>> {
        self.0.iter().map(Key::describe).collect()
    }

    fn add_set(&mut self, jwks: Field, faults: &mut Faults) -> Option<()> {
        let list = match jwks.as_section() {
            Some(mut set) => set.required("keys", faults)?,
            None => jwks,
        };
        let fields = list.list_of_at_most(MAX_KEYS.saturating_sub(self.0.len()), faults)?;
        if fields.is_empty() {
            faults.report(list.path(), "expected at least one key");
        }
        let mut of_keys = Vec::with_capacity(fields.len());
        let mut has_usable = false;
        for field in &fields {
            let mut of_key = Faults::default();
            if let Some(key) = Key::parse(field, &mut of_key) {
                has_usable = true;
                self.add(field, key, &mut of_key);
            }
            of_keys.push(of_key);
        }
        if !has_usable && !fields.is_empty() && of_keys.iter().all(Faults::is_unfit_at_most) {
            faults.report(list.path(), "expected at least one key for verifying signatures");
            of_keys.into_iter().for_each(|of_key| faults.take(of_key));
        } else {
            of_keys.into_iter().for_each(|of_key| faults.leave_out(of_key, "the key is skipped"));
        }
        Some(())
    }

    fn add(&mut self, field: &Field, key: Key, faults: &mut Faults) {
        if self.0.iter().all(|other| other.id != key.id) {
            self.0.push(key);
        } else if key.id.is_some() {
            faults.report(format!("{}.kid", field.path()), "expected a kid that no other key has");
        } else {
            faults.report(field.path(), "expected a kid, since another key has none");
        }
    }

    /// The keys with this `kid`, or without one.
    pub(super) fn with_id(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.id.as_deref() == id)
    }
}
