//! One request: read it, decide, then edit, reject or hold it.

mod parts;

use std::rc::Rc;

use log::Level;
use proxy_wasm::types::{Action, MapType};

use super::body::Body;
use super::calls;
use super::edits::apply;
use super::filter::Filter;
use super::notice::log_once;
use super::received::Received;
use super::response;
use super::services::{self, Envoy};
use crate::header_map::{Header, decode as decode_header_map};
use crate::mapping::{Edits, FormEdit};
use crate::numeric_date::NumericDate;
use crate::plugin::{Ask, Decision, Host, Wait};
use crate::rejection::Rejection;
use crate::remote_keys::Place;
use crate::replay::MAX_ANSWER_BYTES;
use crate::request::Request;
use crate::response::Response;
use crate::signature::{HostSignatures, SignatureBackend};

/// A request and what has been decided on it.
#[derive(Debug)]
pub(super) struct Exchange {
    filter: Option<Rc<Filter>>,
    state: State,
    /// Whether a body or trailers follow the headers.
    is_more_announced: bool,
    body: Body,
    /// Whether Envoy has held it. Such a request continues only when the filter continues it.
    has_waited: bool,
    /// Whether Envoy holds back the next part of the body, because the request was continued in the middle of it.
    holds_next_part: bool,
}

#[derive(Debug)]
enum State {
    /// The headers have not come yet.
    Deciding,
    /// Envoy holds the request. Nothing was changed.
    Waiting(Held),
    /// Envoy holds the request, and the call with this token decides on it. Nothing was changed.
    Asking(Box<Ask>, u32),
    /// Envoy holds the request, and the next tick makes another call that decides on it. Nothing was changed.
    AskingAgain(Box<Ask>),
    /// The headers are edited. The form has still to be, if there is an edit.
    Forwarded(Option<FormEdit>),
    /// Everything is edited, and the next tick continues the request.
    Edited,
    /// The response is sent. Later callbacks must not continue the request.
    Answered,
}

/// A request that waits.
#[derive(Debug)]
struct Held {
    until: NumericDate,
    /// The time of the last decision, and the number of the news that were there.
    decided_at: NumericDate,
    news: u32,
    _place: Place,
}

impl Exchange {
    pub(super) fn new(filter: Option<Rc<Filter>>) -> Self {
        Self {
            filter,
            state: State::Deciding,
            is_more_announced: false,
            body: Body::default(),
            has_waited: false,
            holds_next_part: false,
        }
    }

    /// Whether its headers are edited, and it may continue.
    fn is_forwarded(&self) -> bool {
        matches!(self.state, State::Forwarded(_))
    }

    /// The token of the call that decides on it.
    pub(super) fn token(&self) -> Option<u32> {
        if let State::Asking(_, token) = self.state { Some(token) } else { None }
    }

    /// Whether a tick must go on with it.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::AskingAgain(_) | State::Edited)
    }

    /// Whether this tick must go on with it.
    pub(super) fn is_ready(&self, news: u32, now: NumericDate) -> bool {
        match &self.state {
            // If the clock was set back, the end of the wait may be hours away, so it is decided anew.
            State::Waiting(held) => held.news != news || now >= held.until || now < held.decided_at,
            State::AskingAgain(_) | State::Edited => true,
            State::Deciding | State::Asking(..) | State::Forwarded(_) | State::Answered => false,
        }
    }

    /// Decides on a request whose headers have come.
    pub(super) fn receive_headers(&mut self, end_of_stream: bool) -> Action {
        self.is_more_announced = !end_of_stream;
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let decided = match services::now() {
            Ok(now) => self.decide(&headers, now).and_then(|decision| self.follow(decision, now)),
            Err(_) => Err(Rejection::HostFailure),
        };
        match decided {
            Ok(()) if self.is_forwarded() => {
                self.count_accepted();
                Action::Continue
            }
            Ok(()) => Action::Pause,
            Err(rejection) => self.reject(&rejection, &headers),
        }
    }

    /// Takes the answer to the call with this token, whose body has `body_size` bytes, in a callback that acts on the
    /// request.
    pub(super) fn receive_reply(&mut self, token: u32, body_size: usize) {
        if self.token() != Some(token) {
            return;
        }
        let State::Asking(ask, _) = std::mem::replace(&mut self.state, State::Deciding) else { return };
        let received = Received::read(body_size, MAX_ANSWER_BYTES.saturating_add(1));
        let decided = match (&self.filter, services::now()) {
            (Some(filter), Ok(now)) => {
                match received.give(|reply| filter.plugin.answer(*ask, reply, now, host(filter))) {
                    // Not here: if the connection was closed, Envoy still considers it open during this callback, and
                    // the call would fail with it.
                    Decision::Ask(ask) => {
                        self.state = State::AskingAgain(ask);
                        Ok(())
                    }
                    decision => self.follow(decision, now).and_then(|()| self.resume()),
                }
            }
            _ => Err(Rejection::HostFailure),
        };
        if let Err(rejection) = decided {
            self.reject_with_its_headers(&rejection);
        }
    }

    /// Goes on with a waiting request, in a callback of the root context that acts on it. At the end of its time it is
    /// rejected if it would have to wait longer.
    pub(super) fn go_on(&mut self, news: u32, now: NumericDate) {
        match &mut self.state {
            State::Waiting(held) => {
                (held.decided_at, held.news) = (now, news);
                let is_over = now >= held.until;
                self.decide_again(now, is_over);
            }
            State::AskingAgain(_) => self.ask_again(now),
            State::Edited => {
                self.state = State::Forwarded(None);
                if calls::continue_request().is_err() {
                    self.reject(&Rejection::HostFailure, &[]);
                }
            }
            State::Deciding | State::Asking(..) | State::Forwarded(_) | State::Answered => {}
        }
    }

    fn ask_again(&mut self, now: NumericDate) {
        let State::AskingAgain(ask) = std::mem::replace(&mut self.state, State::Deciding) else { return };
        if let Err(rejection) = self.ask(ask, now).and_then(|()| self.resume()) {
            self.reject_with_its_headers(&rejection);
        }
    }

    fn decide_again(&mut self, now: NumericDate, is_over: bool) {
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let decided = self.decide(&headers, now).and_then(|decision| match decision {
            Decision::Wait(wait) if is_over => Err(wait.otherwise),
            Decision::Wait(wait) => {
                // The first end stays, unless the clock was set back since.
                if let State::Waiting(held) = &mut self.state
                    && wait.until < held.until
                {
                    held.until = wait.until;
                }
                Ok(())
            }
            decision => self.follow(decision, now).and_then(|()| self.resume()),
        });
        if let Err(rejection) = decided {
            self.reject(&rejection, &headers);
        }
    }

    /// The decision of the plugin.
    fn decide(&self, headers: &[Header], now: NumericDate) -> Result<Decision, Rejection> {
        // Every request has headers. If there are none, or they can't be read, the host failed.
        let filter = self.filter.as_deref().filter(|_| !headers.is_empty()).ok_or(Rejection::HostFailure)?;
        let request = Request::new(headers);
        let request = if self.is_more_announced { request.with_body() } else { request };
        Ok(filter.plugin.decide(request, now, host(filter)))
    }

    /// Does what is decided, except for continuing the request.
    fn follow(&mut self, decision: Decision, now: NumericDate) -> Result<(), Rejection> {
        match decision {
            Decision::Forward(edits) => self.forward(edits),
            Decision::Reject(rejection) => Err(rejection),
            Decision::Respond(response) => {
                self.state = State::Answered;
                response::send(&response);
                Ok(())
            }
            Decision::Wait(wait) => self.hold(&wait, now),
            Decision::Ask(ask) => self.ask(ask, now),
        }
    }

    /// Makes the call that decides. A call that can't be sent is answered at once.
    fn ask(&mut self, ask: Box<Ask>, now: NumericDate) -> Result<(), Rejection> {
        let filter = self.filter.clone().ok_or(Rejection::HostFailure)?;
        match calls::send_http_call(&ask.call) {
            Ok(token) => {
                self.has_waited = true;
                self.state = State::Asking(ask, token);
                Ok(())
            }
            // There are at most three attempts, so this ends.
            Err(not_sent) => self.follow(filter.plugin.answer(*ask, not_sent.reply(), now, host(&filter)), now),
        }
    }

    /// Edits the headers.
    fn forward(&mut self, edits: Edits) -> Result<(), Rejection> {
        self.write_outcome(Ok(&edits)).map_err(|_| Rejection::HostFailure)?;
        apply(&edits).map_err(|_| Rejection::HostFailure)?;
        self.state = State::Forwarded(edits.form);
        Ok(())
    }

    /// Makes the request wait, if there is a place for it.
    fn hold(&mut self, wait: &Wait, now: NumericDate) -> Result<(), Rejection> {
        let filter = self.filter.as_deref().ok_or(Rejection::HostFailure)?;
        let place = filter.places.take(wait.is_for_unknown_kid).ok_or(Rejection::KeysUnavailable)?;
        filter.key_metrics.count_waiting();
        self.has_waited = true;
        self.state = State::Waiting(Held { until: wait.until, decided_at: now, news: filter.news(), _place: place });
        Ok(())
    }

    fn count_accepted(&self) {
        if let Some(filter) = &self.filter {
            filter.counters.count_accepted();
        }
    }

    /// Writes the decision to filter state, if `outcome` is configured.
    fn write_outcome(&self, decision: Result<&Edits, &Rejection>) -> Result<(), calls::Failed> {
        match self.filter.as_deref().and_then(|filter| filter.plugin.outcome(decision)) {
            Some((name, value)) => calls::write_filter_state(name, value),
            None => Ok(()),
        }
    }

    fn reject_with_its_headers(&mut self, rejection: &Rejection) {
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        self.reject(rejection, &decode_header_map(&serialized).unwrap_or_default());
    }

    /// Sends the response of a rejection. Even if that fails, the request is not forwarded.
    fn reject(&mut self, rejection: &Rejection, headers: &[Header]) -> Action {
        self.state = State::Answered;
        if let Some(filter) = &self.filter {
            filter.counters.count_rejected(rejection);
        }
        // A failure only loses the entry.
        let _ = self.write_outcome(Err(rejection));
        if *rejection == Rejection::ReplayStoreFull {
            log_once(Level::Warn, "the replay store is full: tokens are rejected with S503JF until used ones expire");
        }
        let request = Request::new(headers);
        response::send(&self.filter.as_deref().map_or_else(
            || Response::to(request, rejection, None, Vec::new()),
            |filter| filter.plugin.response(request, rejection),
        ));
        Action::Pause
    }
}

/// What a decision needs of Envoy.
fn host(filter: &Filter) -> Host<'static> {
    let signatures: Option<&dyn HostSignatures> = match filter.backend {
        SignatureBackend::Host => Some(&Envoy),
        SignatureBackend::Wasm => None,
    };
    Host { shared_data: &Envoy, signatures, random: services::random }
}
