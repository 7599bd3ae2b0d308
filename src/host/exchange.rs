//! One request: read it, decide, then edit, reject or hold it.

use std::rc::Rc;

use proxy_wasm::types::{Action, MapType};

use super::body::{Body, remove_owned_trailers};
use super::calls;
use super::edits::apply;
use super::filter::Filter;
use super::response::send_rejection;
use super::services::{self, Envoy};
use crate::header_map::{Header, decode as decode_header_map};
use crate::mapping::{Edits, FormEdit};
use crate::numeric_date::NumericDate;
use crate::plugin::{Decision, Host, Wait};
use crate::rejection::Rejection;
use crate::remote_keys::Place;
use crate::request::Request;
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
    /// The headers are edited. The form has still to be, if there is an edit.
    Forwarded(Option<FormEdit>),
    /// Everything is edited, and the next tick continues the request.
    Edited,
    /// The response is sent. Later callbacks must not continue the request.
    Rejected,
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

    /// Whether a tick must go on with it.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Edited)
    }

    /// Whether this tick must go on with it.
    pub(super) fn is_ready(&self, news: u32, now: NumericDate) -> bool {
        match &self.state {
            // If the clock was set back, the end of the wait may be hours away, so it is decided anew.
            State::Waiting(held) => held.news != news || now >= held.until || now < held.decided_at,
            State::Edited => true,
            State::Deciding | State::Forwarded(_) | State::Rejected => false,
        }
    }

    /// Decides on a request whose headers have come.
    pub(super) fn receive_headers(&mut self, end_of_stream: bool) -> Action {
        self.is_more_announced = !end_of_stream;
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let now = services::now();
        let decision = match now {
            Ok(now) => self.decide(&headers, now),
            Err(_) => Decision::Reject(Rejection::HostFailure),
        };
        let decided = match decision {
            Decision::Forward(edits) => self.forward(edits),
            Decision::Reject(rejection) => Err(rejection),
            Decision::Wait(wait) => now.map_err(|_| Rejection::HostFailure).and_then(|now| self.hold(&wait, now)),
        };
        match decided {
            Ok(()) if self.is_waiting() => Action::Pause,
            Ok(()) => {
                self.count_accepted();
                Action::Continue
            }
            Err(rejection) => self.reject(&rejection, &headers),
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
            State::Edited => {
                self.state = State::Forwarded(None);
                if calls::continue_request().is_err() {
                    self.reject(&Rejection::HostFailure, &[]);
                }
            }
            State::Deciding | State::Forwarded(_) | State::Rejected => {}
        }
    }

    fn decide_again(&mut self, now: NumericDate, is_over: bool) {
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let decided = match self.decide(&headers, now) {
            Decision::Forward(edits) => {
                self.forward(edits).and_then(|()| self.resume()).map(|()| self.count_accepted())
            }
            Decision::Reject(rejection) => Err(rejection),
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
        };
        if let Err(rejection) = decided {
            self.reject(&rejection, &headers);
        }
    }

    /// Pauses a request that waits, and one with a form until the whole form has arrived, which is then edited. A form
    /// of more than `maxFormBytes` is rejected. Envoy itself answers 413 when a body does not fit its buffer.
    ///
    /// To answer "continue" for a request that waits would forward it.
    pub(super) fn receive_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.body.receive(size, end_of_stream);
        match &self.state {
            State::Edited if self.holds_next_part => return self.forward_held_parts(),
            State::Rejected | State::Waiting(_) | State::Edited | State::Deciding => return Action::Pause,
            State::Forwarded(None) if self.holds_next_part => {
                self.state = State::Edited;
                return Action::Pause;
            }
            State::Forwarded(None) => return Action::Continue,
            State::Forwarded(Some(_)) => {}
        }
        if let Err(rejection) = self.check_form_size() {
            return self.reject(&rejection, &[]);
        }
        if !end_of_stream {
            return Action::Pause;
        }
        self.finish_form()
    }

    /// With trailers, the last part of the body does not have `end_of_stream`, so the form is edited here.
    ///
    /// A request that waited pauses here once more, until the next tick. If the trailers were there when it was
    /// continued, Envoy would otherwise call again and forward an empty body.
    pub(super) fn receive_trailers(&mut self) -> Action {
        self.body.receive_trailers();
        if matches!(self.state, State::Edited) && self.holds_next_part {
            let _ = self.forward_held_parts();
        }
        let has_form = match &self.state {
            State::Rejected | State::Waiting(_) | State::Edited | State::Deciding => return Action::Pause,
            State::Forwarded(form) => form.is_some(),
        };
        if let Err(rejection) = self.remove_owned_trailers() {
            return self.reject(&rejection, &[]);
        }
        let action = self.finish_form();
        if has_form && self.has_waited && action == Action::Continue {
            self.state = State::Edited;
            return Action::Pause;
        }
        action
    }

    /// Forwards the part of the body that Envoy holds back and the one that has come now. "Continue" after "pause" does
    /// that, and from then on Envoy holds nothing back.
    fn forward_held_parts(&mut self) -> Action {
        self.holds_next_part = false;
        self.state = State::Forwarded(None);
        Action::Continue
    }

    /// The decision of the plugin. S503HF without a filter.
    fn decide(&self, headers: &[Header], now: NumericDate) -> Decision {
        // Every request has headers. If there are none, or they can't be read, the host failed.
        let Some(filter) = self.filter.as_deref().filter(|_| !headers.is_empty()) else {
            return Decision::Reject(Rejection::HostFailure);
        };
        let signatures: Option<&dyn HostSignatures> = match filter.backend {
            SignatureBackend::Host => Some(&Envoy),
            SignatureBackend::Wasm => None,
        };
        let request = Request::new(headers);
        let request = if self.is_more_announced { request.with_body() } else { request };
        filter.plugin.decide(request, now, Host { shared_data: &Envoy, signatures })
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

    /// Continues a request that waited. Its headers are edited.
    ///
    /// What Envoy has buffered of the body by now gets no further callback, so a complete form is edited first. A form
    /// that has begun and not ended is edited at its end, and continues the request then.
    ///
    /// Of another body that has begun and not ended, Envoy 1.36 to 1.40 add the next part to the buffer that is already
    /// forwarded, and forget it if the filter continues. So that part is paused, and continued by the next tick.
    fn resume(&mut self) -> Result<(), Rejection> {
        if self.body.has_trailers() {
            self.remove_owned_trailers()?;
        }
        if let State::Forwarded(form @ Some(_)) = &mut self.state {
            if self.body.has_ended() {
                let form = form.take();
                self.check_form_size()?;
                self.body.rewrite(form)?;
            } else if self.body.has_begun() {
                return self.check_form_size();
            }
        }
        self.holds_next_part = self.body.has_begun() && !self.body.has_ended();
        calls::continue_request().map_err(|_| Rejection::HostFailure)
    }

    fn remove_owned_trailers(&self) -> Result<(), Rejection> {
        self.filter.as_deref().map_or(Ok(()), remove_owned_trailers)
    }

    /// Checks the size of the form so far. Without `content-length` the size is known only while the form arrives,
    /// after the head of the request was accepted.
    fn check_form_size(&self) -> Result<(), Rejection> {
        let Some(filter) = &self.filter else { return Ok(()) };
        filter.plugin.check_form_size(self.body.size())
    }

    fn finish_form(&mut self) -> Action {
        let State::Forwarded(form) = &mut self.state else { return Action::Pause };
        let form = form.take();
        match self.body.rewrite(form) {
            Ok(()) => Action::Continue,
            Err(rejection) => self.reject(&rejection, &[]),
        }
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

    /// Sends the response of a rejection. Even if that fails, the request is not forwarded.
    fn reject(&mut self, rejection: &Rejection, headers: &[Header]) -> Action {
        self.state = State::Rejected;
        if let Some(filter) = &self.filter {
            filter.counters.count_rejected(rejection);
        }
        // A failure only loses the entry.
        let _ = self.write_outcome(Err(rejection));
        send_rejection(rejection, headers);
        Action::Pause
    }
}
