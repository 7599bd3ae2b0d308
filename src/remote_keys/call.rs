//! The HTTP calls that a fetch needs, and what comes back.

use std::time::Duration;

use super::failure::FetchFailure;
use crate::header_map::Header;

/// The longest body that is read, in bytes. JWK sets have up to 20 KiB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// An HTTP request for the host to send. It has no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// For [`super::RemoteKeys::answer`].
    pub id: CallId,
    /// The name of the Envoy cluster.
    pub cluster: String,
    /// `https` or `http`, for `:scheme`. Whether the connection has TLS is up to the cluster.
    pub scheme: &'static str,
    /// For `:authority`.
    pub authority: String,
    /// For `:path`.
    pub path: String,
    /// How long the host waits for the whole answer; not zero.
    pub timeout: Duration,
}

impl Call {
    /// The headers of the request.
    pub fn headers(&self) -> [(&str, &str); 6] {
        [
            (":method", "GET"),
            (":scheme", self.scheme),
            (":authority", &self.authority),
            (":path", &self.path),
            ("accept", "application/json"),
            ("user-agent", "jwt-auth"),
        ]
    }
}

/// Identifies a call in one worker: the number of its set, of the fetch and of the call within the fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallId {
    pub(super) set: usize,
    pub(super) attempt: u64,
    pub(super) step: u8,
}

impl CallId {
    /// Whether both calls fetch the same set. At most one of them can still be answered.
    pub fn is_for_set_of(self, other: Self) -> bool {
        self.set == other.set
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
        /// The body, or at least the first [`MAX_BODY_BYTES`] and one byte more of it.
        body: &'a [u8],
    },
}

/// The parts of a good answer that matter.
pub(super) struct Answer<'a> {
    pub(super) body: &'a [u8],
    /// `max-age` of `cache-control`, in seconds
    /// ([RFC 9111 §5.2.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.1)).
    pub(super) max_age_seconds: Option<u64>,
}

impl<'a> Reply<'a> {
    /// The answer if its status is 200 and its body is not too long.
    ///
    /// # Errors
    /// Why it counts as failed.
    pub(super) fn answer(self) -> Result<Answer<'a>, FetchFailure> {
        let (headers, body) = match self {
            Self::NoCluster => return Err(FetchFailure::NoCluster),
            Self::NoHost => return Err(FetchFailure::NoHost),
            Self::NoAnswer => return Err(FetchFailure::NoAnswer),
            Self::Answer { headers, body } => (headers, body),
        };
        let values = |wanted| headers.iter().filter(move |(name, _)| *name == wanted).map(|&(_, value)| value);
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
        match values(":status").next().and_then(number) {
            None => return Err(FetchFailure::NoAnswer),
            Some(200) => {}
            Some(status) => return Err(FetchFailure::Status(status)),
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(FetchFailure::TooLarge);
        }
        let max_age_seconds = values("cache-control").filter_map(max_age).min();
        Ok(Answer { body, max_age_seconds })
    }
}

/// The smallest `max-age` of a `cache-control` header.
fn max_age(value: &[u8]) -> Option<u64> {
    let directives = std::str::from_utf8(value).ok()?.split(',').filter_map(|directive| directive.split_once('='));
    let ages = directives.filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
    ages.filter_map(|(_, age)| age.trim().trim_matches('"').parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: &[u8], cache_control: &[u8], body: &[u8]) -> Result<Option<u64>, FetchFailure> {
        let headers = [(":status", status), ("cache-control", cache_control)];
        Reply::Answer { headers: &headers, body }.answer().map(|answer| answer.max_age_seconds)
    }

    #[test]
    fn only_a_200_with_a_body_of_limited_size_counts() {
        assert_eq!(answer(b"200", b"", &[b' '; MAX_BODY_BYTES]), Ok(None));
        assert_eq!(answer(b"200", b"", &[b' '; MAX_BODY_BYTES + 1]), Err(FetchFailure::TooLarge));
        for status in [201, 204, 206, 301, 302, 304, 404, 500, 503] {
            assert_eq!(answer(status.to_string().as_bytes(), b"", b""), Err(FetchFailure::Status(status)));
        }
        assert_eq!(answer(b"2xx", b"", b""), Err(FetchFailure::NoAnswer));
        assert_eq!(Reply::Answer { headers: &[], body: b"" }.answer().err(), Some(FetchFailure::NoAnswer));
    }

    #[test]
    fn max_age_is_read_from_cache_control() {
        for (value, expected) in [
            ("max-age=60", Some(60)),
            ("public, Max-Age = 300 , must-revalidate", Some(300)),
            ("max-age=\"5\"", Some(5)),
            ("max-age=0", Some(0)),
            ("max-age=7, max-age=5", Some(5)),
            ("s-maxage=9", None),
            ("max-age=-1", None),
            ("max-age", None),
            ("max-age=99999999999999999999", None),
            ("no-store", None),
        ] {
            assert_eq!(answer(b"200", value.as_bytes(), b""), Ok(expected), "{value}");
        }
        assert_eq!(answer(b"200", b"max-age=\xff", b""), Ok(None));
    }
}
