//! Which characters of a claim are percent-encoded in a path, a query or a form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// In path, query and form everything is encoded but the unreserved characters [RFC 3986 §2.3], so that no value can become
/// two.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
