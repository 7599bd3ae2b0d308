//! How many passwords are checked at the same time.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answers::Refusal;

/// How many passwords are checked at the same time: each check takes a processor, and the memory of its hash.
const MAX_CHECKS: usize = 4;

/// How long a request waits for its check to begin.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Bounds the processor time and the memory that password checks take.
pub(super) struct Checks(Arc<Semaphore>);

impl Checks {
    /// One check for each processor, four at most.
    pub(super) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors.min(MAX_CHECKS))))
    }

    /// Waits for a free place; the caller keeps it until the check is done.
    ///
    /// # Errors
    /// `Busy` after 5 s without a free place.
    pub(super) async fn begin(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = timeout(MAX_WAIT, Arc::clone(&self.0).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(Refusal::Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_gets_a_place_that_becomes_free_and_busy_if_none_does() {
        let checks = Checks(Arc::new(Semaphore::new(1)));
        let place = checks.begin().await.expect("a place");
        assert_eq!(checks.begin().await.map(drop), Err(Refusal::Busy));
        let (waiting, ()) = tokio::join!(checks.begin(), async { drop(place) });
        assert!(waiting.is_ok());
    }
}
