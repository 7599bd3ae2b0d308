//! `maxFormBytes`: how large a form may be.

use crate::rejection::Rejection;
use crate::request::Request;

/// The most bytes of a form that is edited. The filter can't ask Envoy how much it buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FormLimit {
    max_bytes: u32,
}

impl FormLimit {
    /// No limit.
    pub(super) const NONE: Self = Self { max_bytes: u32::MAX };

    pub(super) fn new(max_bytes: u32) -> Self {
        Self { max_bytes }
    }

    /// Checks the size that the head of a request gives for its body, so that a form that is too large uses no `jti` up.
    /// I413FD; I415FD for a `content-length` that is not one number [RFC 9110 §8.6], which Envoy does not let by.
    pub(super) fn check_head(self, request: Request) -> Result<(), Rejection> {
        let mut sizes = request.values("content-length");
        let Some(first) = sizes.next() else { return Ok(()) };
        if first.is_empty() || !first.iter().all(u8::is_ascii_digit) || sizes.any(|other| other != first) {
            return Err(Rejection::OpaqueForm);
        }
        // Digits only, so what is no number of this size is larger.
        let size = str::from_utf8(first).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
        self.check(size)
    }

    /// Checks how many bytes of the body have come. I413FD.
    pub(crate) fn check(self, size: usize) -> Result<(), Rejection> {
        if size > self.max_bytes as usize { Err(Rejection::FormTooLarge { limit: self.max_bytes }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_refused_by_the_size_that_it_gives() {
        let check = |sizes: &[&str]| {
            let headers: Vec<_> = sizes.iter().map(|size| ("content-length", size.as_bytes())).collect();
            FormLimit::new(1024).check_head(Request::new(&headers)).map_err(|rejection| rejection.code())
        };
        for good in [&[][..], &["0"], &["1024"], &["01024"], &["7", "7"]] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        for large in ["1025", "1048576", "4294967296", "18446744073709551616", "99999999999999999999999999"] {
            assert_eq!(check(&[large]), Err("I413FD"), "{large}");
        }
        for unreadable in [&[""][..], &["-1"], &["+1"], &["1 "], &["0x10"], &["1,1"], &["1", "2"], &["1e3"]] {
            assert_eq!(check(unreadable), Err("I415FD"), "{unreadable:?}");
        }
    }

    #[test]
    fn a_form_is_refused_as_soon_as_more_has_come() {
        let limit = FormLimit::new(1024);
        assert_eq!(limit.check(1024), Ok(()));
        assert_eq!(limit.check(1025), Err(Rejection::FormTooLarge { limit: 1024 }));
        assert_eq!(FormLimit::NONE.check(1 << 31), Ok(()));
    }
}
