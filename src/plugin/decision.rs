//! What is decided on a request.

use crate::mapping::Edits;
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};

/// The decision on a request.
#[derive(Debug, PartialEq)]
pub enum Decision {
    /// Apply these edits, then forward the request.
    Forward(Edits),
    /// Send this rejection; the request goes no further.
    Reject(Rejection),
    /// Hold the request, and decide on it again later. Nothing was changed yet.
    Wait(Wait),
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
    Wait(Wait),
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
        }
    }
}

impl From<Result<Edits, Stop>> for Decision {
    fn from(result: Result<Edits, Stop>) -> Self {
        match result {
            Ok(edits) => Self::Forward(edits),
            Err(Stop::Reject(rejection)) => Self::Reject(rejection),
            Err(Stop::Wait(wait)) => Self::Wait(wait),
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
