//! An HTTP call that a decision or a fetch needs. The host makes it.

use std::time::Duration;

use crate::header_map::Header;

/// An HTTP request for the host to send to an Envoy cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name of the cluster.
    pub cluster: String,
    /// With `:method`, `:path` and `:authority`.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// How long the host waits for the whole answer; not zero.
    pub timeout: Duration,
}

impl Call {
    /// The value of a header, or `None` if it has none of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|(other, value)| (*other == name).then_some(value.as_str()))
    }
}

/// What came of a [`Call`].
#[derive(Clone, Copy, Debug)]
pub enum Reply<'a> {
    /// The host could not send it: it has no cluster of this name.
    NoCluster,
    /// The host could not send it: the cluster has no host, or its circuit breaker is open.
    NoHost,
    /// It was sent, and there is no answer, or only a part of one.
    NoAnswer,
    /// The answer.
    Answer {
        /// With `:status`.
        headers: &'a [Header<'a>],
        /// The body, or at least its beginning, if it is longer than the caller reads.
        body: &'a [u8],
        /// Empty for none.
        trailers: &'a [Header<'a>],
    },
}
