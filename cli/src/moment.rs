//! Reads and shows times.

use std::time::SystemTime;

use jwt_auth::NumericDate;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The current time.
pub(crate) fn now() -> NumericDate {
    // A clock before 1970 counts as 1970.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    NumericDate::from_unix_seconds(since.as_secs_f64())
}

/// Reads a time in RFC 3339 format, with any offset, or in seconds since 1970.
pub(crate) fn parse(text: &str) -> Result<NumericDate, String> {
    if let Some(seconds) = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite()) {
        return Ok(NumericDate::from_unix_seconds(seconds));
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .map(|date| NumericDate::from_unix_seconds(date.unix_timestamp() as f64 + f64::from(date.nanosecond()) / 1e9))
        .map_err(|_| "expected a time like 2026-11-21T13:00:00Z, or seconds since 1970".to_owned())
}

/// The difference from `now` to `date`: `in 2 h`, `5 min ago` or `now`. Both are rounded down to seconds.
pub(crate) fn relative(date: NumericDate, now: NumericDate) -> String {
    let seconds = date.as_unix_seconds().floor() - now.as_unix_seconds().floor();
    match seconds {
        0.0 => "now".to_owned(),
        ahead if ahead > 0.0 => format!("in {}", duration(ahead)),
        behind => format!("{} ago", duration(-behind)),
    }
}

/// A duration of whole seconds in its two largest units. The smaller one is left out if it is zero or negligible.
pub(crate) fn duration(seconds: f64) -> String {
    const UNITS: [(f64, &str); 5] =
        [(365.25 * 86_400.0, "y"), (86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s")];
    /// From here on the smaller unit is negligible.
    const MANY: f64 = 10.0;
    let Some(index) = UNITS.iter().position(|(length, _)| seconds >= *length) else {
        return "0 s".to_owned();
    };
    let (length, unit) = UNITS[index];
    let count = (seconds / length).floor();
    let smaller = UNITS.get(index + 1).map(|(small, name)| ((seconds % length / small).floor(), name));
    match smaller {
        Some((rest, name)) if rest > 0.0 && count < MANY => format!("{count} {unit} {rest} {name}"),
        Some(_) | None if count < 1e6 => format!("{count} {unit}"),
        Some(_) | None => format!("more than a million {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_two_largest_units() {
        let now = NumericDate::from_unix_seconds(1_700_000_000.5);
        for (offset, expected) in [
            (0.4, "now"),
            (-0.5, "now"),
            (3599.5, "in 1 h"),
            (-3600.5, "1 h ago"),
            (0.5, "in 1 s"),
            (5.0, "in 5 s"),
            (-59.0, "59 s ago"),
            (-60.0, "1 min ago"),
            (-300.0, "5 min ago"),
            (7200.0, "in 2 h"),
            (5400.0, "in 1 h 30 min"),
            (40_000.0, "in 11 h"),
            (604_800.0, "in 7 d"),
            (604_799.0, "in 6 d 23 h"),
            (-31_557_600.0, "1 y ago"),
            (-1_700_000_000.0, "53 y ago"),
            (1e300, "in more than a million y"),
        ] {
            let date = NumericDate::from_unix_seconds(now.as_unix_seconds() + offset);
            assert_eq!(relative(date, now), expected, "{offset}");
        }
    }

    #[test]
    fn a_time_is_read_in_either_form() {
        for (text, seconds) in [
            ("0", 0.0),
            ("-1.5", -1.5),
            ("1700000000", 1_700_000_000.0),
            ("2023-11-14T22:13:20Z", 1_700_000_000.0),
            ("2023-11-14T23:13:20.25+01:00", 1_700_000_000.25),
        ] {
            assert_eq!(parse(text).map(NumericDate::as_unix_seconds), Ok(seconds), "{text}");
        }
        for text in ["", "now", "inf", "NaN", "2023-11-14", "2023-11-14T22:13:20"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
