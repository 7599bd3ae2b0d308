//! The HTTP calls that a fetch needs, and what comes back.

use super::failure::FetchFailure;
use crate::call::{Call, Reply};

/// The longest body that is read, in bytes. JWK sets have up to 20 KiB.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A call of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCall {
    /// For [`super::RemoteKeys::answer`].
    pub id: CallId,
    /// What the host sends.
    pub call: Call,
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

/// The parts of a good answer that matter.
pub(super) struct Answer<'a> {
    pub(super) body: &'a [u8],
    /// `max-age` of `cache-control`, in seconds
    /// ([RFC 9111 §5.2.2.1](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.1)).
    pub(super) max_age_seconds: Option<u64>,
}

impl<'a> Answer<'a> {
    /// The answer if its status is 200 and its body is not too long.
    ///
    /// # Errors
    /// Why it counts as failed.
    pub(super) fn of(reply: Reply<'a>) -> Result<Self, FetchFailure> {
        let (headers, body) = match reply {
            Reply::NoCluster => return Err(FetchFailure::NoCluster),
            Reply::NoHost => return Err(FetchFailure::NoHost),
            Reply::NoAnswer => return Err(FetchFailure::NoAnswer),
            Reply::Answer { headers, body, .. } => (headers, body),
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
        Ok(Self { body, max_age_seconds })
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
        Answer::of(Reply::Answer { headers: &headers, body, trailers: &[] }).map(|answer| answer.max_age_seconds)
    }

    #[test]
    fn only_a_200_with_a_body_of_limited_size_counts() {
        assert_eq!(answer(b"200", b"", &[b' '; MAX_BODY_BYTES]), Ok(None));
        assert_eq!(answer(b"200", b"", &[b' '; MAX_BODY_BYTES + 1]), Err(FetchFailure::TooLarge));
        for status in [201, 204, 206, 301, 302, 304, 404, 500, 503] {
            assert_eq!(answer(status.to_string().as_bytes(), b"", b""), Err(FetchFailure::Status(status)));
        }
        assert_eq!(answer(b"2xx", b"", b""), Err(FetchFailure::NoAnswer));
        assert_eq!(
            Answer::of(Reply::Answer { headers: &[], body: b"", trailers: &[] }).err(),
            Some(FetchFailure::NoAnswer)
        );
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
