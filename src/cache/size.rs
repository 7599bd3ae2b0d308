//! What an entry takes of the allocator, counted high.

use std::rc::Rc;

use super::entry::{Accepted, Entry};

/// The counts in front of what an `Rc` holds.
const RC_COUNTS: usize = 2 * size_of::<usize>();

/// A token with all that is kept of it, without its share of the table.
pub(super) fn of_entry(token: &[u8], accepted: &Accepted) -> usize {
    const NODE: usize = chunk(size_of::<Box<[u8]>>() + size_of::<Entry>() + 2 * size_of::<usize>());
    const SHARED: usize = chunk(RC_COUNTS + size_of::<Accepted>());
    let list = chunk(accepted.values.capacity().saturating_mul(size_of::<Option<Rc<[u8]>>>()));
    let values = accepted.values.iter().flatten().map(|value| chunk(value.len().saturating_add(RC_COUNTS)));
    [NODE, SHARED, chunk(token.len()), list].into_iter().chain(values).fold(0, usize::saturating_add)
}

/// The table for so many entries; 0 for none.
///
/// A power of two of buckets, of which seven in eight are used; it doubles when it is full, also of buckets that removed
/// entries left behind, and while it does, the old one is still there: so three times the smallest that would do.
pub(super) fn of_table(entries: usize) -> usize {
    const BUCKET: usize = 2 * size_of::<usize>() + 1;
    if entries == 0 {
        return 0;
    }
    let buckets = entries.saturating_mul(8).div_ceil(7).max(8).checked_next_power_of_two().unwrap_or(usize::MAX);
    chunk(buckets.saturating_mul(BUCKET).saturating_mul(3))
}

/// What an allocation takes in dlmalloc, which is the module's, and in glibc: a header of one word, rounded up to 16 bytes.
pub(super) const fn chunk(bytes: usize) -> usize {
    const HEADER: usize = size_of::<usize>();
    const LEAST: usize = 4 * size_of::<usize>();
    let rounded = bytes.saturating_add(HEADER + 15) / 16;
    let rounded = rounded.saturating_mul(16);
    if rounded > LEAST { rounded } else { LEAST }
}
