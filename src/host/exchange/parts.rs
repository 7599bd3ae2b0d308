//! The body and the trailers of a request, as they arrive, and how a request that waited goes on.

use proxy_wasm::types::Action;

use super::{Exchange, State};
use crate::host::body::remove_owned_trailers;
use crate::host::calls;
use crate::rejection::Rejection;

impl Exchange {
    /// Pauses a request that waits, and one with a form until the whole form has arrived, which is then edited. A form
    /// of more than `maxFormBytes` is rejected. Envoy itself answers 413 when a body does not fit its buffer.
    ///
    /// To answer "continue" for a request that waits would forward it.
    pub(in crate::host) fn receive_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.body.receive(size, end_of_stream);
        match &self.state {
            State::Edited if self.holds_next_part => return self.forward_held_parts(),
            State::Answered
            | State::Waiting(_)
            | State::Asking(..)
            | State::AskingAgain(_)
            | State::Edited
            | State::Deciding => return Action::Pause,
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
    pub(in crate::host) fn receive_trailers(&mut self) -> Action {
        self.body.receive_trailers();
        if matches!(self.state, State::Edited) && self.holds_next_part {
            let _ = self.forward_held_parts();
        }
        let has_form = match &self.state {
            State::Answered
            | State::Waiting(_)
            | State::Asking(..)
            | State::AskingAgain(_)
            | State::Edited
            | State::Deciding => return Action::Pause,
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

    /// Continues a request that waited. Its headers are edited.
    ///
    /// What Envoy has buffered of the body by now gets no further callback, so a complete form is edited first. A form
    /// that has begun and not ended is edited at its end, and continues the request then.
    ///
    /// Of another body that has begun and not ended, Envoy 1.36 to 1.40 add the next part to the buffer that is already
    /// forwarded, and forget it if the filter continues. So that part is paused, and continued by the next tick.
    pub(super) fn resume(&mut self) -> Result<(), Rejection> {
        if !self.is_forwarded() {
            return Ok(());
        }
        if self.body.has_trailers() {
            self.remove_owned_trailers()?;
        }
        if let State::Forwarded(form @ Some(_)) = &mut self.state {
            if self.body.has_ended() {
                let form = form.take();
                self.check_form_size()?;
                self.body.rewrite(form)?;
            } else if self.body.has_begun() {
                self.count_accepted();
                return self.check_form_size();
            }
        }
        self.holds_next_part = self.body.has_begun() && !self.body.has_ended();
        calls::continue_request().map_err(|_| Rejection::HostFailure)?;
        self.count_accepted();
        Ok(())
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
}
