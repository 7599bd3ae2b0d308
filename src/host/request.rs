//! The context of one request: passes Envoy's callbacks on.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::exchange::Exchange;
use super::filter::Filter;
use super::waiting::WaitingRequests;

/// The context of one request. Envoy deletes it with the request.
pub(super) struct RequestContext {
    id: u32,
    waiting: Rc<WaitingRequests>,
    /// Shared with the root context while the request waits, because only its timer can wake a request.
    exchange: Rc<RefCell<Exchange>>,
}

impl RequestContext {
    pub(super) fn new(id: u32, filter: Option<Rc<Filter>>, waiting: Rc<WaitingRequests>) -> Self {
        Self { id, waiting, exchange: Rc::new(RefCell::new(Exchange::new(filter))) }
    }

    /// Runs a callback, and lets the next tick go on with the request if it must. The exchange is never in use at that
    /// time, because callbacks do not nest.
    fn with(&self, callback: impl FnOnce(&mut Exchange) -> Action) -> Action {
        let Ok(mut exchange) = self.exchange.try_borrow_mut() else { return Action::Pause };
        let was_waiting = exchange.is_waiting();
        let action = callback(&mut exchange);
        if exchange.is_waiting() && !was_waiting {
            self.waiting.add(self.id, &self.exchange);
        }
        action
    }
}

impl Context for RequestContext {
    /// The answer to a call of this request.
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let _ = self.with(|exchange| {
            exchange.receive_reply(token, body_size);
            Action::Pause
        });
    }
}

impl HttpContext for RequestContext {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.with(|exchange| exchange.receive_headers(end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.with(|exchange| exchange.receive_body(size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.with(Exchange::receive_trailers)
    }
}
