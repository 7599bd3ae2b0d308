use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long [`Gate::wait`] waits at most, so that no thread stays for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What threads wait for until a test opens it. A clone is the same gate. It is closed at first, and stays open once it
/// is.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets all threads pass, now and later.
    pub fn open(&self) {
        let (_, changed) = &*self.0;
        *self.is_open() = true;
        changed.notify_all();
    }

    /// Waits until the gate is open, or for a minute.
    pub fn wait(&self) {
        let (_, changed) = &*self.0;
        let waited = changed.wait_timeout_while(self.is_open(), PATIENCE, |is_open| !*is_open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn is_open(&self) -> MutexGuard<'_, bool> {
        let (is_open, _) = &*self.0;
        is_open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
