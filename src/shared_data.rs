//! The data of a host that all its workers share.

/// Key-value data that all workers of a process share, with compare-and-swap.
pub trait SharedData {
    /// The value of a key and the number of its current version; `None` if the key does not exist.
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)>;

    /// Writes the value of a key if `expected` is its current version, or [`u32::MAX`] for a key that does not exist.
    /// `expected` is never 0: a host would overwrite any version.
    ///
    /// # Errors
    /// [`Conflict`] if the key has another version, or the host can't write it.
    fn set(&self, key: &str, value: &[u8], expected: u32) -> Result<(), Conflict>;
}

/// The value was not written: another worker changed it first, or the host failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;
