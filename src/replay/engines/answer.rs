//! What an engine says, and what comes back from it.

use crate::header_map::Header;

/// The answer of an engine. Anything else is an [`EngineFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This request was the first one to record the `jti`.
    Won,
    /// Another request recorded it before.
    Lost,
}

/// Why a request to an engine is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EngineFailure {
    /// The reply is not complete, is an error, or is something else than the engine's answer.
    NoAnswer,
}

/// The HTTP response of an engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct EngineReply<'a> {
    pub(super) headers: &'a [Header<'a>],
    pub(super) body: &'a [u8],
    pub(super) trailers: &'a [Header<'a>],
}

impl<'a> EngineReply<'a> {
    /// `:status`.
    pub(super) fn status(&self) -> Option<&'a [u8]> {
        value_of(self.headers, ":status")
    }

    /// `grpc-status`, from the trailers, or from the headers of a response without a body.
    pub(super) fn grpc_status(&self) -> Option<&'a [u8]> {
        value_of(self.trailers, "grpc-status").or_else(|| value_of(self.headers, "grpc-status"))
    }
}

fn value_of<'a>(headers: &'a [Header<'a>], wanted: &str) -> Option<&'a [u8]> {
    headers.iter().find_map(|&(name, value)| (name == wanted).then_some(value))
}
