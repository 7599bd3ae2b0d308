//! A point in time as JSON Web Tokens write it. It imports no other module of the crate.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Seconds since 1970-01-01T00:00:00Z, whole or not; always finite [RFC 7519 §2].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct NumericDate(f64);

impl NumericDate {
    /// A date from seconds since the epoch. An infinite or undefined number is taken as the epoch.
    pub fn from_unix_seconds(seconds: f64) -> Self {
        Self(if seconds.is_finite() { seconds } else { 0.0 })
    }

    /// Seconds since the epoch.
    pub fn as_unix_seconds(self) -> f64 {
        self.0
    }

    /// Reads the digits of a JSON number; `None` when it is larger than any number of 64 bits can be.
    pub(crate) fn parse(digits: &str) -> Option<Self> {
        // As good as every date in use; the general way takes several times as long.
        if let Ok(seconds) = digits.parse::<u32>() {
            return Some(Self(f64::from(seconds)));
        }
        digits.parse().ok().filter(|seconds: &f64| seconds.is_finite()).map(Self)
    }

    /// The date so many seconds later.
    pub(crate) fn plus(self, seconds: f64) -> Self {
        Self::from_unix_seconds(self.0 + seconds)
    }

    /// The date so many seconds earlier.
    pub(crate) fn minus(self, seconds: f64) -> Self {
        Self::from_unix_seconds(self.0 - seconds)
    }
}

/// RFC 3339 in UTC, cut to whole seconds. A date outside the years 0 to 9999, which RFC 3339 can't write, is shown as the
/// nearest that it can.
impl fmt::Display for NumericDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_0: f64 = -62_167_219_200.0;
        const YEAR_9999: f64 = 253_402_300_799.0;
        // In range after the clamp, so the cast only drops the fraction.
        let seconds = self.0.floor().clamp(YEAR_0, YEAR_9999) as i64;
        let text = OffsetDateTime::from_unix_timestamp(seconds)
            .ok()
            .and_then(|date| date.format(&Rfc3339).ok())
            .ok_or(fmt::Error)?;
        f.write_str(&text)
    }
}
