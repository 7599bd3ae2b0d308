//! What replay protection needs of its host, and how its keys begin.

/// Every key begins so: without a `vm_id`, Envoy shares one space of keys among all plugins.
pub(super) const KEY_PREFIX: &str = "jwt-auth/jti/";

/// Data that all workers of a process share, with compare-and-swap: what replay protection needs of its host.
pub trait SharedData {
    /// The value of a key and the number of its present version; `None` when there is no such key.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Puts a value under a key if `expected` is the number of its present version, or if there is no such key and
    /// `expected` is [`u32::MAX`]. Zero is never passed: hosts take it for "whatever the version".
    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict>;
}

/// Somebody else changed the key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;
