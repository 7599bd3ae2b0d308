//! The answer to a call, as the host has it during its callback.

use proxy_wasm::types::{BufferType, MapType};

use super::calls;
use crate::call::Reply;
use crate::header_map::decode as decode_header_map;

/// The bytes of an answer.
pub(super) struct Received {
    headers: Vec<u8>,
    trailers: Vec<u8>,
    /// `None` if it can't be read, or not completely: that is no answer.
    body: Option<Vec<u8>>,
}

impl Received {
    /// Reads the answer whose body has `body_size` bytes, of which the first `max_body` are enough.
    pub(super) fn read(body_size: usize, max_body: usize) -> Self {
        let size = body_size.min(max_body);
        let body = calls::read_buffer(BufferType::HttpCallResponseBody, size).ok();
        Self {
            headers: calls::read_header_map(MapType::HttpCallResponseHeaders).unwrap_or_default(),
            // Most answers have none.
            trailers: calls::read_header_map(MapType::HttpCallResponseTrailers).unwrap_or_default(),
            body: body.filter(|body| body.len() == size),
        }
    }

    /// Gives the answer to `take`.
    pub(super) fn give<T>(&self, take: impl FnOnce(Reply) -> T) -> T {
        let headers = decode_header_map(&self.headers).unwrap_or_default();
        let trailers = decode_header_map(&self.trailers).unwrap_or_default();
        match &self.body {
            Some(body) => take(Reply::Answer { headers: &headers, body, trailers: &trailers }),
            None => take(Reply::NoAnswer),
        }
    }
}
