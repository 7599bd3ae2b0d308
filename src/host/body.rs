//! The body and trailers of a request.

use proxy_wasm::types::{BufferType, MapType};

use super::calls;
use super::filter::Filter;
use crate::header_map::decode as decode_header_map;
use crate::mapping::FormEdit;
use crate::rejection::Rejection;

/// What has arrived of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Body {
    has_begun: bool,
    has_ended: bool,
    /// Whether any byte has arrived. Then an empty buffer is a failure of the host.
    has_bytes: bool,
    has_trailers: bool,
    size: usize,
}

impl Body {
    /// Notes that Envoy has buffered `size` bytes.
    pub(super) fn receive(&mut self, size: usize, end_of_stream: bool) {
        let Self { has_begun, has_ended, has_bytes, .. } = self;
        (*has_begun, *has_ended) = (true, end_of_stream);
        *has_bytes |= size > 0;
        self.size = size;
    }

    /// Notes that the trailers have arrived, which follow the whole body.
    pub(super) fn receive_trailers(&mut self) {
        self.has_trailers = true;
    }

    /// Whether a callback for the body was made.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether all of it has arrived.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended || self.has_trailers
    }

    pub(super) fn has_trailers(&self) -> bool {
        self.has_trailers
    }

    /// How many bytes Envoy had buffered at the last callback.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Edits the form in the buffered body, if there is an edit. S503HF if the host fails.
    pub(super) fn rewrite(&self, form: Option<FormEdit>) -> Result<(), Rejection> {
        let Some(form) = form else { return Ok(()) };
        let rewritten =
            calls::read_buffer(BufferType::HttpRequestBody, usize::MAX).and_then(|body| match body.as_slice() {
                [] if self.has_bytes => Err(calls::Failed),
                [] => Ok(()),
                _ => calls::write_buffer(BufferType::HttpRequestBody, body.len(), &form.rewrite(&body)),
            });
        rewritten.map_err(|_| Rejection::HostFailure)
    }
}

/// Removes the trailers with the name of a header that the mapping sets: some backends merge trailers into headers.
/// S503HF if the host fails.
pub(super) fn remove_owned_trailers(filter: &Filter) -> Result<(), Rejection> {
    let serialized = calls::read_header_map(MapType::HttpRequestTrailers).map_err(|_| Rejection::HostFailure)?;
    let trailers = decode_header_map(&serialized).ok_or(Rejection::HostFailure)?;
    for (name, _) in trailers.into_iter().filter(|(name, _)| filter.plugin.owns_header(name)) {
        calls::remove_header(MapType::HttpRequestTrailers, name).map_err(|_| Rejection::HostFailure)?;
    }
    Ok(())
}
