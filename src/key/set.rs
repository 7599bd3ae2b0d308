//! All keys of a configuration, and which one of them is a token's.

use super::jwk::{ConfiguredKey, Key};
use crate::document::{Faults, Field};
use crate::rejection::Rejection;
use crate::token::KeyId;

/// The most keys of a configuration, `jwk` counted among them. Each takes some kilobytes, and a millisecond when it is read;
/// the set of an issuer has fewer than ten.
const MAX_KEYS: usize = 100;

/// The keys of a configuration, at least one.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads `jwk` and `jwks`. Faults beside those of a key: no usable key, a `kid` twice, two keys without one.
    ///
    /// A key of a set that is unfit is left out with a warning [RFC 7517 §5]: sets of issuers hold keys for encryption, too.
    /// The rules for `kid` are for the keys that stay.
    pub(crate) fn parse(jwk: Option<Field>, jwks: Option<Field>, faults: &mut Faults) -> Option<Self> {
        if jwk.is_none() && jwks.is_none() {
            faults.report("jwk", "expected a key here or in jwks, found neither");
            return None;
        }
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

    /// What each key is.
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

    /// The key for a token: the one of its `kid`, else the one without a `kid`, else none, which is A403JK. No other key
    /// is ever tried.
    pub(crate) fn select(&self, key_id: &KeyId) -> Result<&Key, Rejection> {
        let named = match key_id {
            KeyId::Text(kid) => self.with_id(Some(kid)).or_else(|| self.with_id(None)),
            KeyId::Absent => self.with_id(None),
            KeyId::NotText(_) => None,
        };
        named.ok_or_else(|| Rejection::NoMatchingKey { kid: key_id.excerpt() })
    }

    fn with_id(&self, id: Option<&str>) -> Option<&Key> {
        self.0.iter().find(|key| key.id.as_deref() == id)
    }
}
