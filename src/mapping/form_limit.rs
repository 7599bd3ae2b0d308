//! `maxFormBytes`: the size limit of forms.

use crate::rejection::Rejection;
use crate::request::Request;

/// The most bytes of a form that is edited. A filter can't read Envoy's own buffer limit.
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

    /// Checks `content-length` before the body arrives, so that a form that is too large does not use up a `jti`.
    ///
    /// # Errors
    ///
    /// I413FD if it exceeds the limit. I415FD if it is not one number
    /// ([RFC 9110 §8.6](https://www.rfc-editor.org/rfc/rfc9110#section-8.6)); Envoy rejects such a request itself.
    pub(super) fn check_head(self, request: Request) -> Result<(), Rejection> {
        let mut sizes = request.values("content-length");
        let Some(first) = sizes.next() else { return Ok(()) };
        if first.is_empty() || !first.iter().all(u8::is_ascii_digit) || sizes.any(|other| other != first) {
            return Err(Rejection::OpaqueForm);
        }
        // Only digits, so the number can fail to parse only because it is too large.
        let size = str::from_utf8(first).ok().and_then(|digits| digits.parse().ok()).unwrap_or(usize::MAX);
        self.check(size)
    }

    /// Checks the number of bytes received of the body.
    ///
    /// # Errors
    ///
    /// I413FD if `size` exceeds the limit.
    pub(crate) fn check(self, size: usize) -> Result<(), Rejection> {
        if size > self.max_bytes as usize { Err(Rejection::FormTooLarge { limit: self.max_bytes }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_rejected_by_its_content_length() {
        let check = |sizes: &[&str]| {
            let headers: Vec<_> = sizes.iter().map(|size| ("content-length", size.as_bytes())).collect();
            FormLimit::new(1024).check_head(Request::new(&headers)).map_err(|rejection| rejection.code())
        };
        for valid in [&[][..], &["0"], &["1024"], &["01024"], &["7", "7"]] {
            assert_eq!(check(valid), Ok(()), "{valid:?}");
        }
        for large in ["1025", "1048576", "4294967296", "18446744073709551616", "99999999999999999999999999"] {
            assert_eq!(check(&[large]), Err("I413FD"), "{large}");
        }
        for unreadable in [&[""][..], &["-1"], &["+1"], &["1 "], &["0x10"], &["1,1"], &["1", "2"], &["1e3"]] {
            assert_eq!(check(unreadable), Err("I415FD"), "{unreadable:?}");
        }
    }

    #[test]
    fn a_form_is_rejected_when_more_bytes_arrive() {
        let limit = FormLimit::new(1024);
        assert_eq!(limit.check(1024), Ok(()));
        assert_eq!(limit.check(1025), Err(Rejection::FormTooLarge { limit: 1024 }));
        assert_eq!(FormLimit::NONE.check(1 << 31), Ok(()));
    }
}
