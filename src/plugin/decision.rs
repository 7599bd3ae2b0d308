//! What is decided on a request.

use crate::call::Call;
use crate::mapping::Edits;
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};
use crate::replay::{Entry, Question};
use crate::response::Response;

/// The decision on a request.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// Apply these edits, then forward the request.
    Forward(Edits),
    /// Send this rejection; the request goes no further.
    Reject(Rejection),
    /// Send this response, which is not a rejection; the request goes no further.
    Respond(Response),
    /// Hold the request, and decide on it again later. Nothing was changed yet.
    Wait(Wait),
    /// Hold the request, make the call, and give the reply to [`crate::Plugin::answer`]. Nothing was changed yet.
    Ask(Box<Ask>),
}

/// A request for which everything is decided but whether its proof or its `jti` was used.
#[derive(Debug, PartialEq)]
pub struct Ask {
    /// The call that the host must make.
    pub call: Call,
    /// The edits if it turns out to be new.
    pub edits: Edits,
    pub(super) question: Question,
    pub(super) about: About,
}

/// What a question is about.
#[derive(Debug, PartialEq)]
pub(super) enum About {
    /// A proof, and then the token with this entry, if that is used once, too.
    Proof(Option<Entry>),
    Token,
}

/// How long to hold a request, because keys that may verify its token are being fetched.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// When the wait is over. A request that waits already keeps its first deadline.
    pub until: NumericDate,
    /// Whether all sets are known and none has the `kid` of the token. Fewer of these requests may wait at once, because
    /// anyone can invent a `kid`.
    pub is_for_unknown_kid: bool,
    /// The rejection when the wait is over.
    pub otherwise: Rejection,
}

/// Why a request is not forwarded now.
#[derive(Debug)]
pub(super) enum Stop {
    Reject(Rejection),
    Respond(Response),
    Wait(Wait),
    Ask(Box<Ask>),
}

impl Decision {
    /// The decision for a host that can't hold requests: a request that would wait is rejected.
    ///
    /// # Errors
    /// The rejection.
    pub fn without_waiting(self) -> Result<Edits, Rejection> {
        match self {
            Self::Forward(edits) => Ok(edits),
            Self::Reject(rejection) => Err(rejection),
            Self::Wait(wait) => Err(wait.otherwise),
            Self::Ask(_) => Err(Rejection::EngineUnavailable),
            // A request for the metadata has no token.
            Self::Respond(_) => Err(Rejection::TokenMissing),
        }
    }
}

impl From<Result<Edits, Stop>> for Decision {
    fn from(result: Result<Edits, Stop>) -> Self {
        match result {
            Ok(edits) => Self::Forward(edits),
            Err(Stop::Reject(rejection)) => Self::Reject(rejection),
            Err(Stop::Respond(response)) => Self::Respond(response),
            Err(Stop::Wait(wait)) => Self::Wait(wait),
            Err(Stop::Ask(ask)) => Self::Ask(ask),
        }
    }
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

impl From<Invalid> for Stop {
    fn from(reason: Invalid) -> Self {
        Self::Reject(reason.into())
    }
}
