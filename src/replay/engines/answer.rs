//! The HTTP response of an engine, and what it says.

use super::failure::EngineFailure;
use crate::header_map::Header;

/// The longest body of an engine's answer, in bytes. Those of the engines have less than 1 KiB. A host must give one byte
/// more of a longer body, so that it is noticed.
pub const MAX_ANSWER_BYTES: usize = 4096;

/// How much of an engine's own error is logged, in bytes.
const MAX_ERROR_BYTES: usize = 128;

/// The answer of an engine. Anything else is an [`EngineFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This request was the first one to record the `jti`.
    Won,
    /// Another request recorded it before.
    Lost,
}

/// The HTTP response of an engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct EngineReply<'a> {
    pub(super) headers: &'a [Header<'a>],
    pub(super) body: &'a [u8],
    pub(super) trailers: &'a [Header<'a>],
}

impl<'a> EngineReply<'a> {
    /// Checks that the status is 200.
    pub(super) fn check_status(&self) -> Result<(), EngineFailure> {
        match value_of(self.headers, ":status") {
            Some(b"200") => Ok(()),
            status => {
                let status = status.and_then(|digits| std::str::from_utf8(digits).ok());
                Err(status
                    .and_then(|digits| digits.parse().ok())
                    .map_or(EngineFailure::NoAnswer, EngineFailure::Status))
            }
        }
    }

    /// The body, if it is not too long. A longer one may not have been read to its end, so it could only look right.
    pub(super) fn whole_body(&self) -> Result<&'a [u8], EngineFailure> {
        if self.body.len() > MAX_ANSWER_BYTES { Err(EngineFailure::Malformed) } else { Ok(self.body) }
    }

    /// `grpc-status`, from the trailers, or from the headers of a response without a body.
    pub(super) fn grpc_status(&self) -> Option<&'a [u8]> {
        self.in_trailers_or_headers("grpc-status")
    }

    /// The failure that `grpc-status` and `grpc-message` report.
    pub(super) fn grpc_failure(&self) -> EngineFailure {
        let Some(status) = self.grpc_status() else { return EngineFailure::Malformed };
        let message = self.in_trailers_or_headers("grpc-message").unwrap_or_default();
        engine_error(&[b"gRPC status ", status, b" ", message].concat())
    }

    fn in_trailers_or_headers(&self, name: &str) -> Option<&'a [u8]> {
        value_of(self.trailers, name).or_else(|| value_of(self.headers, name))
    }
}

/// The engine's own error. The log escapes it.
pub(super) fn engine_error(text: &[u8]) -> EngineFailure {
    let text = text.trim_ascii();
    let beginning = text.get(..MAX_ERROR_BYTES).unwrap_or(text);
    EngineFailure::Engine(String::from_utf8_lossy(beginning).into_owned())
}

fn value_of<'a>(headers: &'a [Header<'a>], wanted: &str) -> Option<&'a [u8]> {
    headers.iter().find_map(|&(name, value)| (name == wanted).then_some(value))
}
