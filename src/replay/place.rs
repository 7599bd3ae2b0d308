//! A place in the store for a `jti` whose question is not answered yet.

use std::rc::Rc;

use super::ledger::{Permit, Reserve};

/// A permit to record one `jti`. If it is not used, because the client has gone or the engine gave no answer, it is
/// given back: otherwise a client could fill the store with questions that it does not wait for.
#[derive(Debug)]
pub(super) struct Place {
    permit: Option<Permit>,
    reserve: Rc<Reserve>,
}

impl Place {
    pub(super) fn new(permit: Permit, reserve: &Rc<Reserve>) -> Self {
        Self { permit: Some(permit), reserve: Rc::clone(reserve) }
    }

    /// The permit, to use it.
    pub(super) fn take(mut self) -> Option<Permit> {
        self.permit.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.reserve.give_back(permit);
        }
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.permit == other.permit
    }
}
