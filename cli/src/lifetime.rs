//! The lifetime of a token.

use std::time::Duration;

use jwt_auth::DEFAULT_MAX_TOKEN_LIFETIME_SECONDS;

/// The filter rejects tokens with a lifetime of seven days or more, as the gateway does.
const LIMIT: Duration = Duration::from_secs(DEFAULT_MAX_TOKEN_LIFETIME_SECONDS);

/// The time from `iat` to `exp`: whole seconds, at least one, less than seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime(Duration);

impl Lifetime {
    /// Reads `2h`, `90m` or `1d 12h` from the command line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let duration = seconds(text)?;
        if duration.is_zero() {
            return Err("a token without lifetime is never accepted".to_owned());
        }
        if duration >= LIMIT {
            return Err("expected less than 7 days: the filter rejects a longer lifetime (A403JT)".to_owned());
        }
        Ok(Self(duration))
    }

    /// The number of seconds.
    pub(crate) fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

/// Reads a duration of whole seconds from the command line.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}: expected a number and a unit, such as 30s, 90m, 2h or 1d 12h"))?;
    if duration.subsec_nanos() > 0 {
        return Err("expected whole seconds".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_whole_seconds_from_one_to_just_below_seven_days() {
        for (text, expected) in [
            ("1s", Some(1)),
            ("90m", Some(5400)),
            ("2h", Some(7200)),
            ("1d12h", Some(129_600)),
            ("1d 12h", Some(129_600)),
            ("6d 23h 59m 59s", Some(604_799)),
            ("604799s", Some(604_799)),
            ("7d", None),
            ("604800s", None),
            ("1w", None),
            ("1month", None),
            ("0s", None),
            ("500ms", None),
            ("1s 1ms", None),
            ("-5m", None),
            ("2", None),
            ("", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(Lifetime::parse(text).ok().map(Lifetime::as_secs), expected, "{text}");
        }
    }
}
