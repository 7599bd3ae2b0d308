//! What asking the engine reports to operators.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::failure::EngineFailure;
use crate::notice::Notice;

/// What happened since the last call of [`crate::Plugin::take_engine_events`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineEvents {
    /// Requests for which the engine was asked.
    pub asked: u32,
    /// The HTTP calls for them.
    pub calls: u32,
    /// Requests without an answer, by [`EngineFailure::name`].
    pub failed: BTreeMap<&'static str, u32>,
    /// Requests that this process decided on without the engine: `onFailure: local`.
    pub decided_alone: u32,
    /// A log line, when the engine begins to fail or answers again.
    pub notice: Option<Notice>,
}

/// Counts the events of one configuration in one worker.
#[derive(Debug, Default)]
pub(crate) struct EngineTally {
    events: RefCell<EngineEvents>,
    last_failure: RefCell<Option<EngineFailure>>,
    answered: Cell<bool>,
    is_failing: Cell<bool>,
}

impl EngineTally {
    pub(crate) fn count_asked(&self) {
        self.count(|events| events.asked = events.asked.saturating_add(1));
    }

    pub(crate) fn count_call(&self) {
        self.count(|events| events.calls = events.calls.saturating_add(1));
    }

    pub(crate) fn count_answered(&self) {
        self.answered.set(true);
    }

    pub(crate) fn count_decided_alone(&self) {
        self.count(|events| events.decided_alone = events.decided_alone.saturating_add(1));
    }

    pub(crate) fn count_failed(&self, failure: EngineFailure) {
        self.count(|events| {
            let count = events.failed.entry(failure.name()).or_default();
            *count = count.saturating_add(1);
        });
        self.last_failure.replace(Some(failure));
    }

    /// The events since the last call. `engine` names the engine in the log line.
    pub(crate) fn take(&self, engine: &str) -> EngineEvents {
        let mut events = self.events.take();
        let answered = self.answered.take();
        events.notice = match self.last_failure.take() {
            Some(failure) if !self.is_failing.replace(true) => {
                Some(Notice::warning(format!("{engine} does not say whether a jti was used: {failure}")))
            }
            None if answered && self.is_failing.replace(false) => {
                Some(Notice::information(format!("{engine} says again whether a jti was used")))
            }
            _ => None,
        };
        events
    }

    fn count(&self, change: impl FnOnce(&mut EngineEvents)) {
        if let Ok(mut events) = self.events.try_borrow_mut() {
            change(&mut events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_logged_when_the_engine_begins_to_fail_and_when_it_answers_again() {
        let tally = EngineTally::default();
        let line = || tally.take("etcd").notice.map(|notice| notice.text);
        tally.count_answered();
        assert_eq!(line(), None);
        for _ in 0..3 {
            tally.count_failed(EngineFailure::Status(503));
            tally.count_answered();
            tally.count_failed(EngineFailure::NoHost);
        }
        let expected = "etcd does not say whether a jti was used: the cluster has no healthy host, or its circuit \
                        breaker is open";
        assert_eq!(line().as_deref(), Some(expected));
        tally.count_failed(EngineFailure::NoHost);
        assert_eq!(line(), None, "it fails still");
        assert_eq!(line(), None, "nobody asked");
        tally.count_answered();
        assert_eq!(line().as_deref(), Some("etcd says again whether a jti was used"));
        tally.count_answered();
        assert_eq!(line(), None);
    }

    #[test]
    fn the_events_of_each_kind_are_counted_once() {
        let tally = EngineTally::default();
        tally.count_asked();
        for _ in 0..2 {
            tally.count_call();
        }
        tally.count_failed(EngineFailure::NoAnswer);
        tally.count_decided_alone();
        let events = tally.take("etcd");
        assert_eq!((events.asked, events.calls, events.decided_alone), (1, 2, 1));
        assert_eq!(events.failed, [("no_answer", 1)].into());
        assert_eq!(tally.take("etcd"), EngineEvents::default());
    }
}
