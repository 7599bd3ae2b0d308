//! One request: read it, decide, then edit or reject it.

use std::rc::Rc;

use log::Level;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, BufferType, MapType};

use super::calls::{self, LocalResponse};
use super::filter::Filter;
use super::notice::log_once;
use super::services::{self, Envoy};
use crate::header_map::{Header, decode as decode_header_map};
use crate::mapping::{Edits, FormEdit, HeaderEdit};
use crate::plugin::Host;
use crate::rejection::Rejection;
use crate::request::Request;
use crate::signature::SignatureBackend;

/// The context of one request.
pub(super) struct RequestContext {
    filter: Option<Rc<Filter>>,
    /// The edit of the form, until it is applied.
    form: Option<FormEdit>,
    /// Whether any byte of a body has arrived. Then an empty buffer is a failure of the host.
    has_body: bool,
    /// Whether the request was rejected. Then later callbacks must not continue it.
    is_rejected: bool,
}

impl RequestContext {
    pub(super) fn new(filter: Option<Rc<Filter>>) -> Self {
        Self { filter, form: None, has_body: false, is_rejected: false }
    }

    /// The decision of the plugin. S503HF without a filter or a clock.
    fn decide(&self, request: Request) -> Result<Edits, Rejection> {
        let filter = self.filter.as_deref().ok_or(Rejection::HostFailure)?;
        let now = services::now().map_err(|_| Rejection::HostFailure)?;
        let signatures: Option<&dyn crate::signature::HostSignatures> = match filter.backend {
            SignatureBackend::Host => Some(&Envoy),
            SignatureBackend::Wasm => None,
        };
        filter.plugin.decide(request, now, Host { shared_data: &Envoy, signatures }).without_waiting()
    }

    fn count(&self, decision: &Result<(), Rejection>) {
        let Some(filter) = &self.filter else { return };
        match decision {
            Ok(()) => filter.counters.count_accepted(),
            Err(rejection) => filter.counters.count_rejected(rejection),
        }
    }
}

impl Context for RequestContext {}

impl HttpContext for RequestContext {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let serialized = calls::read_header_map(MapType::HttpRequestHeaders).unwrap_or_default();
        // Every request has headers. If there are none, or they can't be read, the host failed.
        let headers = decode_header_map(&serialized).unwrap_or_default();
        let decision = match Request::new(&headers) {
            _ if headers.is_empty() => Err(Rejection::HostFailure),
            request if end_of_stream => self.decide(request),
            request => self.decide(request.with_body()),
        };
        let decision = decision.and_then(|edits| {
            self.write_outcome(Ok(&edits)).map_err(|_| Rejection::HostFailure)?;
            apply(&edits).map_err(|_| Rejection::HostFailure)?;
            self.form = edits.form;
            Ok(())
        });
        self.count(&decision);
        match decision {
            Ok(()) => Action::Continue,
            Err(rejection) => self.reject(&rejection, &headers),
        }
    }

    /// Pauses a request with a form until the whole form has arrived, then edits it. A form of more than `maxFormBytes`
    /// is rejected. Envoy itself answers 413 when a form does not fit its buffer.
    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.is_rejected {
            return Action::Pause;
        }
        self.has_body |= size > 0;
        if let Err(rejection) = self.check_form_size(size) {
            return self.reject(&rejection, &[]);
        }
        if self.form.is_some() && !end_of_stream {
            return Action::Pause;
        }
        self.rewrite_form(size)
    }

    /// With trailers, the last part of the body does not have `end_of_stream`, so the form is edited here.
    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        if self.is_rejected {
            return Action::Pause;
        }
        match self.remove_owned_trailers() {
            Ok(()) => self.rewrite_form(usize::MAX),
            Err(rejection) => self.reject(&rejection, &[]),
        }
    }
}

impl RequestContext {
    /// Removes the trailers with the name of a header that the mapping sets: some backends merge trailers into headers.
    fn remove_owned_trailers(&self) -> Result<(), Rejection> {
        let Some(filter) = &self.filter else { return Ok(()) };
        let serialized = calls::read_header_map(MapType::HttpRequestTrailers).map_err(|_| Rejection::HostFailure)?;
        let trailers = decode_header_map(&serialized).ok_or(Rejection::HostFailure)?;
        for (name, _) in trailers.into_iter().filter(|(name, _)| filter.plugin.owns_header(name)) {
            calls::remove_header(MapType::HttpRequestTrailers, name).map_err(|_| Rejection::HostFailure)?;
        }
        Ok(())
    }

    /// Checks the size of the form so far. Without `content-length` the size is known only while the form arrives,
    /// after the head of the request was accepted.
    fn check_form_size(&self, size: usize) -> Result<(), Rejection> {
        match &self.filter {
            Some(filter) if self.form.is_some() => {
                let checked = filter.plugin.check_form_size(size);
                checked.inspect_err(|rejection| filter.counters.count_rejected(rejection))
            }
            _ => Ok(()),
        }
    }

    /// Edits the form in the first `size` bytes of the buffered body, unless there is no edit left.
    fn rewrite_form(&mut self, size: usize) -> Action {
        let Some(form) = self.form.take() else {
            return Action::Continue;
        };
        let rewritten = calls::read_buffer(BufferType::HttpRequestBody, size).and_then(|body| match body.as_slice() {
            [] if self.has_body => Err(calls::Failed),
            [] => Ok(()),
            _ => calls::write_buffer(BufferType::HttpRequestBody, body.len(), &form.rewrite(&body)),
        });
        match rewritten {
            Ok(()) => Action::Continue,
            Err(_) => self.reject(&Rejection::HostFailure, &[]),
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
        self.is_rejected = true;
        // A failure only loses the entry.
        let _ = self.write_outcome(Err(rejection));
        send_rejection(rejection, headers);
        Action::Pause
    }
}

fn apply(edits: &Edits) -> Result<(), calls::Failed> {
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Remove(name) => calls::remove_header(MapType::HttpRequestHeaders, name)?,
            HeaderEdit::Set(name, value) => {
                calls::set_header(MapType::HttpRequestHeaders, name, value)?;
            }
            HeaderEdit::Add(name, value) => {
                calls::add_header(MapType::HttpRequestHeaders, name, value)?;
            }
        }
    }
    if let Some(path) = &edits.path {
        calls::set_header(MapType::HttpRequestHeaders, ":path", path)?;
    }
    if edits.form.is_some() {
        // The edit changes the length of the body. With the old `content-length`, the backend could read the rest of
        // the body as the next request on the connection.
        calls::remove_header(MapType::HttpRequestHeaders, "content-length")?;
    }
    Ok(())
}

fn send_rejection(rejection: &Rejection, headers: &[Header]) {
    if *rejection == Rejection::ReplayStoreFull {
        log_once(Level::Warn, "the replay store is full: tokens are rejected with S503JF until used ones expire");
    }
    let message = rejection.message();
    let details = rejection.details();
    let mut fields: Vec<Header> =
        vec![("x-ca-error-code", rejection.code().as_bytes()), ("x-ca-error-message", message.as_bytes())];
    let sent = if is_grpc(headers) {
        calls::send_local_response(&LocalResponse {
            status: 200,
            details: &details,
            headers: &fields,
            body: &message,
            grpc_status: Some(rejection.grpc_status()),
        })
    } else {
        fields.push(("content-type", b"application/json"));
        calls::send_local_response(&LocalResponse {
            status: rejection.status(),
            details: &details,
            headers: &fields,
            body: &rejection.body(),
            grpc_status: None,
        })
    };
    if sent.is_err() {
        log_once(Level::Error, "Envoy could not send the response of a rejection; the request stays paused");
    }
}

/// Whether Envoy would convert a local response to a gRPC response. This must be the same rule as Envoy's own.
fn is_grpc(headers: &[Header]) -> bool {
    let value_of = |wanted| headers.iter().find_map(|&(name, value)| (name == wanted).then_some(value));
    value_of(":path").is_some()
        && value_of("content-type")
            .and_then(|value| value.strip_prefix(b"application/grpc"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}
