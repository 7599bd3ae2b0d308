//! The HTTP calls that a module makes, and their answers.

use std::time::Duration;

use super::Headers;

/// A call that the module made and the host accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HttpCall {
    pub(crate) token: u32,
    /// The root context that gets the answer.
    pub(crate) root: u32,
    pub(crate) cluster: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
    pub(crate) timeout: Duration,
    /// The time of the host's clock when it was made.
    pub(crate) at: Duration,
}

impl HttpCall {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// An answer to a call. [`Reply::default`], without headers, is what Envoy makes of a connection that broke.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Headers,
}

impl Reply {
    /// An answer with this `:status` and body.
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }.header(":status", status.to_string())
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
