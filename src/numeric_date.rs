//! Times as JSON Web Tokens write them.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A NumericDate: seconds since 1970-01-01T00:00:00Z, with or without a fraction, and always finite
/// ([RFC 7519 §2](https://www.rfc-editor.org/rfc/rfc7519#section-2)).
///
/// ```
/// use jwt_auth::NumericDate;
///
/// let date = NumericDate::from_unix_seconds(1_300_819_380.5);
/// assert_eq!(date.to_string(), "2011-03-22T18:43:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

impl NumericDate {
    /// A date from seconds since the epoch. Infinity and NaN become the epoch.
    pub fn from_unix_seconds(seconds: f64) -> Self {
        Self(if seconds.is_finite() { seconds } else { 0.0 })
    }

    /// The seconds since the epoch; negative for an earlier date.
    pub fn as_unix_seconds(self) -> f64 {
        self.0
    }

    /// Reads a JSON number. `None` if it is out of the range of `f64`.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        // Nearly every date in use is a `u32`, which is several times faster to parse.
        if let Ok(seconds) = digits.parse::<u32>() {
            return Some(Self(f64::from(seconds)));
        }
        digits.parse().ok().filter(|seconds: &f64| seconds.is_finite()).map(Self)
    }

    /// The date this many seconds later.
    pub(crate) fn plus(self, seconds: f64) -> Self {
        Self::from_unix_seconds(self.0 + seconds)
    }

    /// The date this many seconds earlier.
    pub(crate) fn minus(self, seconds: f64) -> Self {
        Self::from_unix_seconds(self.0 - seconds)
    }
}

/// [RFC 3339 §5.6](https://www.rfc-editor.org/rfc/rfc3339#section-5.6) in UTC, rounded down to whole seconds. That
/// format has only the years 0 to 9999; any other date is shown as the nearest one in them.
impl fmt::Display for NumericDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_0: f64 = -62_167_219_200.0;
        const YEAR_9999: f64 = 253_402_300_799.0;
        // After `floor` and `clamp` the number is whole and in range, so the cast loses nothing.
        let seconds = self.0.floor().clamp(YEAR_0, YEAR_9999) as i64;
        let text = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .and_then(|date| date.format(&Rfc3339).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}
