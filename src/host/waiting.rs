//! The requests that wait for keys, and how they are woken.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::calls;
use super::exchange::Exchange;
use super::ticker::Ticker;
use crate::numeric_date::NumericDate;

/// How many requests are decided on in one tick. Each may need a signature check, so more would delay other requests of
/// the worker.
const MAX_DECISIONS: usize = 100;

/// The waiting requests of one root context.
#[derive(Debug)]
pub(super) struct WaitingRequests {
    requests: RefCell<Vec<Waiting>>,
    /// Those that the root context has sent a call for.
    asking: RefCell<Vec<Waiting>>,
    ticker: Rc<Ticker>,
}

#[derive(Debug)]
struct Waiting {
    context_id: u32,
    /// Without a strong count: Envoy deletes a request whose client has gone, and then it must not be touched.
    exchange: Weak<RefCell<Exchange>>,
}

/// What is left after a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// No request waits.
    Nothing,
    /// Requests wait for news.
    Waiting,
    /// Some requests were not decided on yet.
    Backlog,
}

impl WaitingRequests {
    /// An empty list. Requests that are added to it make `ticker` tick soon.
    pub(super) fn new(ticker: Rc<Ticker>) -> Self {
        Self { requests: RefCell::default(), asking: RefCell::default(), ticker }
    }

    /// Whether no request waits for a tick.
    pub(super) fn is_empty(&self) -> bool {
        self.requests.try_borrow().is_ok_and(|requests| requests.is_empty())
    }

    /// Lets the next tick go on with a request.
    pub(super) fn add(&self, context_id: u32, exchange: &Rc<RefCell<Exchange>>) {
        if let Ok(mut requests) = self.requests.try_borrow_mut() {
            requests.push(Waiting { context_id, exchange: Rc::downgrade(exchange) });
        }
        self.ticker.hurry();
    }

    /// Decides again on the requests for which there is news or whose time is over. Call it in the root context
    /// `root_id`.
    pub(super) fn wake(&self, root_id: u32, news: u32, now: NumericDate) -> Left {
        let all = self.requests.try_borrow_mut().map(|mut requests| std::mem::take(&mut *requests)).unwrap_or_default();
        if all.is_empty() {
            return Left::Nothing;
        }
        let mut decisions = 0_usize;
        let mut left = Left::Nothing;
        let mut still_waiting = Vec::with_capacity(all.len());
        for waiting in all {
            let Some(exchange) = waiting.exchange.upgrade() else { continue };
            let Ok(mut exchange) = exchange.try_borrow_mut() else { continue };
            if !exchange.is_waiting() {
                // A callback of its own has continued it.
                continue;
            }
            if !exchange.is_ready(news, now) {
                still_waiting.push(waiting);
                continue;
            }
            if decisions >= MAX_DECISIONS {
                left = Left::Backlog;
                still_waiting.push(waiting);
                continue;
            }
            decisions = decisions.saturating_add(1);
            // This fails if the request is gone.
            if calls::set_effective_context(waiting.context_id).is_err() {
                continue;
            }
            exchange.go_on(news, now);
            self.keep(waiting, &exchange, &mut still_waiting);
        }
        if decisions > 0 {
            // The root always exists while it runs.
            let _ = calls::set_effective_context(root_id);
        }
        if left == Left::Nothing && !still_waiting.is_empty() {
            left = Left::Waiting;
        }
        if let Ok(mut requests) = self.requests.try_borrow_mut() {
            *requests = still_waiting;
        }
        left
    }

    /// Takes the answer to a call that the root context has sent for a request.
    pub(super) fn answer(&self, root_id: u32, token: u32, body_size: usize) {
        let asking = self.asking.try_borrow_mut().map(|mut asking| std::mem::take(&mut *asking)).unwrap_or_default();
        let (mut still_waiting, mut others) = (Vec::new(), Vec::with_capacity(asking.len()));
        for waiting in asking {
            let Some(exchange) = waiting.exchange.upgrade() else { continue };
            let Ok(mut exchange) = exchange.try_borrow_mut() else { continue };
            if exchange.token() != Some(token) {
                others.push(waiting);
            } else if calls::set_effective_context(waiting.context_id).is_ok() {
                exchange.receive_reply(token, body_size);
                let _ = calls::set_effective_context(root_id);
                self.keep(waiting, &exchange, &mut still_waiting);
            }
        }
        if !still_waiting.is_empty() {
            self.ticker.hurry();
        }
        if let (Ok(mut asking), Ok(mut requests)) = (self.asking.try_borrow_mut(), self.requests.try_borrow_mut()) {
            asking.append(&mut others);
            requests.append(&mut still_waiting);
        }
    }

    /// Keeps a request that waits for a tick or for the answer to a call.
    fn keep(&self, waiting: Waiting, exchange: &Exchange, still_waiting: &mut Vec<Waiting>) {
        if exchange.is_waiting() {
            still_waiting.push(waiting);
        } else if exchange.token().is_some()
            && let Ok(mut asking) = self.asking.try_borrow_mut()
        {
            asking.push(waiting);
        }
    }
}
