//! Upper bounds of the memory that a cache uses.

use std::rc::Rc;

use super::entry::{Accepted, Entry};

/// The two counters that an `Rc` stores in front of its value.
const RC_COUNTS: usize = 2 * size_of::<usize>();

/// A token and its entry, without the table.
pub(super) fn of_entry(token: &[u8], accepted: &Accepted) -> usize {
    const NODE: usize = chunk(size_of::<Box<[u8]>>() + size_of::<Entry>() + 2 * size_of::<usize>());
    const SHARED: usize = chunk(RC_COUNTS + size_of::<Accepted>());
    let list = chunk(accepted.values.capacity().saturating_mul(size_of::<Option<Rc<[u8]>>>()));
    let values = accepted.values.iter().flatten().map(|value| chunk(value.len().saturating_add(RC_COUNTS)));
    let binding = accepted.binding.iter().map(|thumbprint| chunk(thumbprint.len().saturating_add(RC_COUNTS)));
    [NODE, SHARED, chunk(token.len()), list].into_iter().chain(values).chain(binding).fold(0, usize::saturating_add)
}

/// The hash table for `entries` entries; 0 for none.
///
/// The number of buckets is a power of two, and at most seven of eight are used. Buckets of removed entries can make
/// the table double too early, and while it doubles, the old table still exists. So this counts three times the
/// smallest table.
pub(super) fn of_table(entries: usize) -> usize {
    const BUCKET: usize = 2 * size_of::<usize>() + 1;
    if entries == 0 {
        return 0;
    }
    let buckets = entries.saturating_mul(8).div_ceil(7).max(8).checked_next_power_of_two().unwrap_or(usize::MAX);
    chunk(buckets.saturating_mul(BUCKET).saturating_mul(3))
}

/// The memory of one allocation, with a header of one word and rounded up to 16 bytes. This fits dlmalloc, which the
/// Wasm module uses, and glibc.
pub(super) const fn chunk(bytes: usize) -> usize {
    const HEADER: usize = size_of::<usize>();
    const LEAST: usize = 4 * size_of::<usize>();
    let rounded = bytes.saturating_add(HEADER + 15) / 16;
    let rounded = rounded.saturating_mul(16);
    if rounded > LEAST { rounded } else { LEAST }
}
