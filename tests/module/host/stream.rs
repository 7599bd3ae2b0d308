//! One request, as Envoy's filter manager handles it: what the filter sees when, and what goes on to the backend.

use std::collections::HashMap;

use super::{Action, BAD_ARGUMENT, Forwarded, Headers, Response};

/// What Envoy does with the rest of a request whose headers wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Holds it back. The callbacks follow when the headers go on.
    Default,
    /// Makes its callbacks (`allow_on_headers_stop_iteration`).
    Hold,
}

/// A request, from its first byte until its context is deleted.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) root: u32,
    mode: Mode,
    /// As edited so far.
    headers: Headers,
    trailers: Option<Headers>,
    pub(crate) filter_state: HashMap<Vec<u8>, Vec<u8>>,
    pub(crate) response: Option<Response>,
    /// The answers to the callbacks, in order.
    pub(crate) actions: Vec<Action>,
    /// What the backend got; `None` as long as the headers have not gone on.
    pub(crate) forwarded: Option<Forwarded>,
    pub(super) violations: Vec<String>,
    /// Whether a callback of this request runs.
    is_in_callback: bool,
    /// Whether the module can reach the headers.
    has_headers: bool,
    /// Whether the last answer was Pause.
    is_paused: bool,
    /// Whether the module called `continue_stream` for this pause.
    is_resumed: bool,
    /// Whether the client has sent the end.
    is_complete: bool,
    /// The part of the body in the running callback, if nothing is buffered.
    part: Option<Vec<u8>>,
    /// The body so far, if the last answer to it was Pause.
    buffer: Option<Vec<u8>>,
    /// What arrived while the headers waited, in [`Mode::Default`].
    held_body: Option<Vec<u8>>,
    held_trailers: Option<Headers>,
}

impl Stream {
    pub(super) fn new(root: u32, mode: Mode) -> Self {
        Self {
            root,
            mode,
            headers: Vec::new(),
            trailers: None,
            filter_state: HashMap::new(),
            response: None,
            actions: Vec::new(),
            forwarded: None,
            violations: Vec::new(),
            is_in_callback: false,
            has_headers: false,
            is_paused: false,
            is_resumed: false,
            is_complete: false,
            part: None,
            buffer: None,
            held_body: None,
            held_trailers: None,
        }
    }

    /// Whether the request waits: the last answer was Pause, and neither a response nor `continue_stream` followed.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_paused && !self.is_resumed && self.response.is_none()
    }

    // Events. A method `receive_…` returns the arguments of the callback that follows, or `None` if there is none. Then
    // `answer_…` takes what the module answered.

    pub(super) fn receive_headers(&mut self, headers: Headers, is_end: bool) -> usize {
        (self.headers, self.is_complete) = (headers, is_end);
        (self.has_headers, self.is_in_callback) = (true, true);
        self.headers.len()
    }

    pub(super) fn answer_headers(&mut self, action: Action) {
        if self.answered(action) == Action::Continue {
            self.has_headers = false;
            self.forward_headers();
            self.forward_end();
        }
    }

    pub(super) fn receive_body(&mut self, bytes: &[u8], is_end: bool) -> Option<(usize, bool)> {
        self.is_complete |= is_end;
        if self.holds_back() {
            self.held_body.get_or_insert_default().extend(bytes);
            return None;
        }
        self.is_in_callback = true;
        match &mut self.buffer {
            Some(buffer) => buffer.extend(bytes),
            None => self.part = Some(bytes.to_vec()),
        }
        Some((self.body().map_or(0, |body| body.len()), is_end))
    }

    pub(super) fn answer_body(&mut self, action: Action) {
        let body = self.buffer.take().or(self.part.take());
        match self.answered(action) {
            // This also lets the headers go on, if they have waited until now.
            Action::Continue => {
                self.forward_headers();
                self.forward_body(body);
                self.forward_end();
            }
            Action::Pause => self.buffer = body,
        }
    }

    pub(super) fn receive_trailers(&mut self, trailers: Headers) -> Option<usize> {
        self.is_complete = true;
        if self.holds_back() {
            self.held_trailers = Some(trailers);
            return None;
        }
        self.is_in_callback = true;
        Some(self.trailers.insert(trailers).len())
    }

    pub(super) fn answer_trailers(&mut self, action: Action) {
        if self.answered(action) == Action::Continue {
            self.forward_headers();
            let body = self.buffer.take();
            self.forward_body(body);
            self.forward_end();
        }
    }

    /// Lets a request go on after `continue_stream`. What was held back then gets its callbacks; what the module had
    /// buffered goes on without another one.
    pub(super) fn resume(&mut self) {
        (self.is_paused, self.is_resumed) = (false, false);
        self.forward_headers();
        if self.held_body.is_none() && self.held_trailers.is_none() {
            let body = self.buffer.as_mut().map(std::mem::take);
            self.forward_body(body);
            self.forward_end();
        }
    }

    /// After [`Self::resume`], the body that was held back: the arguments of its callback.
    pub(super) fn receive_held_body(&mut self) -> Option<(usize, bool)> {
        let body = self.held_body.take()?;
        let is_end = self.is_complete && self.held_trailers.is_none();
        self.receive_body(&body, is_end)
    }

    /// After [`Self::receive_held_body`], the trailers that were held back: the argument of their callback.
    pub(super) fn receive_held_trailers(&mut self) -> Option<usize> {
        let trailers = self.held_trailers.take()?;
        self.receive_trailers(trailers)
    }

    /// A bug of Envoy: when body and trailers were both held back, and the answers are Pause and Continue, Envoy makes
    /// the trailers' callback twice and loses the body. Returns the argument of the second callback.
    pub(super) fn receive_held_trailers_again(&mut self, action: Action) -> Option<usize> {
        if self.response.is_some() || action == Action::Pause || self.buffer.take().is_none() {
            return None;
        }
        self.actions.push(action);
        self.trailers.as_ref().map(Vec::len)
    }

    // Calls of the module.

    /// The headers, to read; `None` when they have gone on.
    pub(super) fn headers(&self) -> Option<&Headers> {
        self.has_headers.then_some(&self.headers)
    }

    /// The headers, to edit. Late edits fail in Envoy, or have no effect.
    pub(super) fn headers_to_edit(&mut self) -> Result<&mut Headers, u32> {
        if !self.has_headers || self.forwarded.is_some() {
            self.violations.push("a header was edited after the headers had gone on".to_owned());
        }
        if self.has_headers { Ok(&mut self.headers) } else { Err(BAD_ARGUMENT) }
    }

    /// The trailers, to read; `None` before they arrive and after they have gone on.
    pub(super) fn trailers(&self) -> Option<&Headers> {
        let is_gone = self.is_resumed || self.forwarded.as_ref().is_some_and(|forwarded| forwarded.is_complete);
        self.trailers.as_ref().filter(|_| !is_gone)
    }

    pub(super) fn trailers_to_edit(&mut self) -> Result<&mut Headers, u32> {
        if self.trailers().is_none() {
            self.violations
                .push("a trailer was edited before the trailers arrived, or after they had gone on".to_owned());
            return Err(BAD_ARGUMENT);
        }
        self.trailers.as_mut().ok_or(BAD_ARGUMENT)
    }

    /// The bytes of the body that the module can reach.
    pub(super) fn body(&self) -> Option<&Vec<u8>> {
        self.buffer.as_ref().or(self.part.as_ref())
    }

    /// Writes to the body as Envoy does, which replaces only all of it, and accepts a write to no body, which is lost.
    pub(super) fn write_body(&mut self, start: usize, size: usize, bytes: &[u8]) -> Result<(), u32> {
        let Some(body) = self.buffer.as_mut().or(self.part.as_mut()) else {
            self.violations.push("a body was written where there is none".to_owned());
            return Ok(());
        };
        match (start, size) {
            (0, 0) => drop(body.splice(..0, bytes.iter().copied())),
            (0, size) if size >= body.len() => *body = bytes.to_vec(),
            (start, _) if start > 0 && start >= body.len() => body.extend(bytes),
            _ => return Err(BAD_ARGUMENT),
        }
        Ok(())
    }

    /// `continue_stream`: the request goes on when the callback of the other context has returned.
    pub(super) fn continue_stream(&mut self) {
        let violation = match self {
            _ if self.is_in_callback => "continue_stream in a callback of the stream itself",
            _ if self.is_resumed => "continue_stream twice",
            _ if self.response.is_some() => "continue_stream after a response",
            _ if !self.is_paused => "continue_stream on a stream that is not paused",
            _ => {
                (self.is_resumed, self.has_headers) = (true, false);
                return;
            }
        };
        self.violations.push(violation.to_owned());
    }

    pub(super) fn respond(&mut self, mut response: Response) {
        if self.is_resumed || !(self.is_in_callback || self.is_paused) {
            self.violations.push("a response to a request that had gone on".to_owned());
        }
        response.answers_before = self.actions.len();
        if self.response.replace(response).is_some() {
            self.violations.push("two responses".to_owned());
        }
    }

    fn holds_back(&self) -> bool {
        self.mode == Mode::Default && self.is_paused && self.forwarded.is_none() && self.response.is_none()
    }

    /// Records an answer. Returns what it means: after a response nothing goes on.
    fn answered(&mut self, action: Action) -> Action {
        self.is_in_callback = false;
        self.actions.push(action);
        let is_over = self.response.is_some();
        self.is_paused = action == Action::Pause || is_over;
        if is_over { Action::Pause } else { action }
    }

    fn forward_headers(&mut self) {
        let headers = &self.headers;
        self.forwarded.get_or_insert_with(|| Forwarded { headers: headers.clone(), ..Forwarded::default() });
    }

    fn forward_body(&mut self, body: Option<Vec<u8>>) {
        if let (Some(forwarded), Some(body)) = (&mut self.forwarded, body) {
            forwarded.body.extend(body);
        }
    }

    /// Completes the request if the client has sent all of it. The module must not have changed the length of a body
    /// whose length the headers state: the backend would read the rest as another request.
    fn forward_end(&mut self) {
        let is_end = self.is_complete && self.held_trailers.is_none();
        let Some(forwarded) = self.forwarded.as_mut().filter(|_| is_end) else { return };
        forwarded.is_complete = true;
        forwarded.trailers = self.trailers.clone();
        let stated = forwarded.headers.iter().find(|(name, _)| name == "content-length");
        if let Some((_, length)) = stated
            && *length != forwarded.body.len().to_string().into_bytes()
        {
            let (length, size) = (String::from_utf8_lossy(length), forwarded.body.len());
            self.violations.push(format!("content-length {length} and a body of {size} bytes"));
        }
    }
}
