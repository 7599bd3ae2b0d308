//! Why an engine gave no answer.

use std::fmt;

/// Why an engine gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineFailure {
    /// Envoy has no cluster of this name.
    NoCluster,
    /// The cluster has no healthy host, or its circuit breaker is open.
    NoHost,
    /// The connection was reset, the answer was not complete in time, or there are no random bytes for a question.
    NoAnswer,
    /// The status is not 200. For a call that is not gRPC, Envoy answers 503 itself when it can't connect or TLS fails, and
    /// 504 after the time.
    Status(u16),
    /// The engine reported an error. For a call of gRPC it may be Envoy that reports it, with status 14.
    Engine(String),
    /// The answer is not one of this engine.
    Malformed,
}

impl EngineFailure {
    /// All names that [`Self::name`] can return.
    pub const NAMES: [&'static str; 6] = ["no_cluster", "no_host", "no_answer", "status", "engine_error", "malformed"];

    /// The name in the counter of the reason.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoCluster => "no_cluster",
            Self::NoHost => "no_host",
            Self::NoAnswer => "no_answer",
            Self::Status(_) => "status",
            Self::Engine(_) => "engine_error",
            Self::Malformed => "malformed",
        }
    }

    /// Whether the call was never sent, so that the same call would fail again.
    pub(super) fn is_before_sending(&self) -> bool {
        matches!(self, Self::NoCluster | Self::NoHost)
    }
}

impl fmt::Display for EngineFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCluster => "Envoy has no such cluster",
            Self::NoHost => "the cluster has no healthy host, or its circuit breaker is open",
            Self::NoAnswer => "there was no complete answer",
            Self::Status(503) => "the status was 503; Envoy answers so when it can't connect or TLS fails",
            Self::Status(504) => "the status was 504; Envoy answers so when the engine does not answer in time",
            Self::Status(status) => return write!(f, "the status was {status}, not 200"),
            Self::Engine(error) => return write!(f, "the engine reported: {error}"),
            Self::Malformed => {
                "the answer is not one of this engine; is `kind` right, and for etcd the cluster HTTP/2?"
            }
        })
    }
}
