//! What came of a request.

use super::Headers;

/// What the backend got of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Forwarded {
    /// As they were when they went on.
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Headers>,
    /// Whether this is the whole request.
    pub(crate) is_complete: bool,
}

/// A response that the module sent instead of the backend's response.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u32,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) grpc_status: i32,
    /// How many callbacks of the request had been answered before.
    pub(crate) answers_before: usize,
}

impl Response {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        std::str::from_utf8(value).ok()
    }
}
