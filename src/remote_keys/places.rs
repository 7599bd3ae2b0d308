//! How many requests may wait for keys at once.

use std::cell::Cell;
use std::rc::Rc;

/// The most requests that wait in one worker. A waiting request uses about 10 KiB in Envoy, and its body is not read.
const MAX_WAITING: usize = 1000;

/// The most of them that wait for a `kid` that no key has. Anyone can invent one, and must not be able to use up the
/// places of requests that wait for a missing set.
const MAX_WAITING_FOR_KID: usize = 100;

/// The places of one worker. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Places(Rc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: Cell<usize>,
    for_kid: Cell<usize>,
}

/// A place of a waiting request. Dropping it makes room for another one.
#[derive(Debug)]
pub struct Place {
    taken: Rc<Taken>,
    is_for_kid: bool,
}

impl Places {
    /// Takes a place, for a request with an unknown `kid` or another one. `None` if none is left: 1,000 requests wait,
    /// or 100 with an unknown `kid`.
    pub fn take(&self, is_for_unknown_kid: bool) -> Option<Place> {
        let Taken { all, for_kid } = &*self.0;
        let is_full = all.get() >= MAX_WAITING || is_for_unknown_kid && for_kid.get() >= MAX_WAITING_FOR_KID;
        if is_full {
            return None;
        }
        all.set(all.get().saturating_add(1));
        for_kid.set(for_kid.get().saturating_add(usize::from(is_for_unknown_kid)));
        Some(Place { taken: Rc::clone(&self.0), is_for_kid: is_for_unknown_kid })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Taken { all, for_kid } = &*self.taken;
        all.set(all.get().saturating_sub(1));
        for_kid.set(for_kid.get().saturating_sub(usize::from(self.is_for_kid)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_kids_cannot_take_the_places_of_others() {
        let places = Places::default();
        let take =
            |is_for_kid, count: usize| -> Vec<Place> { (0..count).filter_map(|_| places.take(is_for_kid)).collect() };
        let mut for_kid = take(true, 1001);
        assert_eq!(for_kid.len(), 100);
        let others = take(false, 1001);
        assert_eq!(others.len(), 900);
        assert!(places.take(true).is_none());
        for_kid.pop();
        assert!(places.take(true).is_some(), "a place is free again");
        drop(for_kid);
        assert_eq!(take(false, 1001).len(), 100);
    }
}
