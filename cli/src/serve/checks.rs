//! How many passwords are checked at once, and how many requests wait for that.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answers::Refusal;

/// How many passwords are checked at once: each takes a processor, and the memory that its hash names. At most as many as
/// wrong tries are free, so that right ones side by side are never refused.
const MAX_RUNNING: usize = 4;

/// How many requests wait for a check. A longer queue would only keep each of them waiting longer.
const MAX_WAITING: usize = 32;

/// How long a request waits for its check to begin.
const PATIENCE: Duration = Duration::from_secs(5);

/// The places for checks, and the ones before them.
pub(super) struct Checks {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Checks {
    /// As many as this machine has processors, and four at most.
    pub(super) fn new() -> Self {
        Self::at_once(thread::available_parallelism().map_or(1, |processors| processors.get().min(MAX_RUNNING)))
    }

    fn at_once(running: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running)), waiting: Semaphore::new(MAX_WAITING) }
    }

    /// A place, to be held until the check is done. `Busy` at once while enough others wait, and after 5 s without one.
    pub(super) async fn begin(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Refusal::Busy)?;
        let place = timeout(PATIENCE, Arc::clone(&self.running).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(Refusal::Busy)
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::{JoinSet, yield_now};

    use super::*;

    #[test]
    fn who_finds_the_queue_full_is_told_so_at_once_and_who_is_in_it_gets_a_place() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let checks = Arc::new(Checks::at_once(1));
            let place = checks.begin().await.expect("a place");
            let mut waiting = JoinSet::new();
            for _ in 0..MAX_WAITING {
                let checks = Arc::clone(&checks);
                waiting.spawn(async move { checks.begin().await.map(drop) });
            }
            yield_now().await;
            let refused = timeout(Duration::ZERO, checks.begin()).await.expect("an answer at once");
            assert_eq!(refused.map(drop), Err(Refusal::Busy));
            drop(place);
            assert_eq!(waiting.join_all().await, [Ok(()); MAX_WAITING]);
            assert_eq!(checks.begin().await.map(drop), Ok(()));
        });
    }
}
