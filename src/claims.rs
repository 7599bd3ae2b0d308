//! The claims of a token whose signature is good, and the rules that they must keep [RFC 7519 §4].

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json::{Object, Value};
use crate::rejection::{Invalid, Rejection};
use crate::signature::Verified;
use crate::token;

/// How deep the claims may nest. Those in use have fewer than ten levels.
pub const MAX_CLAIMS_DEPTH: u32 = 64;

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
    fn parse(digits: &str) -> Option<Self> {
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

    fn minus(self, seconds: f64) -> Self {
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

/// What the configuration demands of the claims.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClaimRules {
    /// `issuer`: `iss` must be one of these.
    pub(crate) issuers: Option<Vec<String>>,
    /// `audiences`: `aud` must name one of these.
    pub(crate) audiences: Option<Vec<String>>,
    /// `clockSkewSeconds`: leeway on `exp` and `nbf`.
    pub(crate) clock_skew: f64,
    /// `maxTokenLifetimeSeconds`: a token must live less than this; `None` for no limit.
    pub(crate) max_lifetime: Option<u32>,
    /// Whether `exp` is looked at: false with `ignoreExpirationCheck`.
    pub(crate) check_expiration: bool,
}

/// The claims of one token.
pub(crate) struct Claims<'a> {
    members: Object<'a>,
    times: Times,
}

/// The time claims of a token [RFC 7519 §4.1.4 to §4.1.6].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    expiration: Option<NumericDate>,
    not_before: Option<NumericDate>,
    issued_at: Option<NumericDate>,
}

impl<'a> Claims<'a> {
    /// Reads the payload. I400JD when it is not one JSON object with unique members, A403JT when `exp`, `nbf` or `iat` is
    /// something else than a number: a claim of a wrong type is never taken for an absent one.
    pub(crate) fn read(verified: &'a Verified) -> Result<Self, Rejection> {
        let members = Object::parse(verified.payload(), MAX_CLAIMS_DEPTH)
            .ok_or_else(|| token::malformed(verified.signing_input()))?;
        let times = Times {
            expiration: numeric_date(&members, "exp")?,
            not_before: numeric_date(&members, "nbf")?,
            issued_at: numeric_date(&members, "iat")?,
        };
        Ok(Self { members, times })
    }

    /// The time claims.
    pub(crate) fn times(&self) -> Times {
        self.times
    }

    /// A claim by its literal name or, when there is none of that name, as a path through objects split at `.`. `null`
    /// counts as missing.
    pub(crate) fn find(&self, name: &str) -> Option<&Value<'a>> {
        let found = match self.members.get(name) {
            Some(literal) => Some(literal),
            None => {
                let mut object = &self.members;
                let mut path = name.split('.').peekable();
                loop {
                    let value = object.get(path.next()?)?;
                    match (path.peek(), value) {
                        (None, value) => break Some(value),
                        (Some(_), Value::Object(inner)) => object = inner,
                        (Some(_), _) => break None,
                    }
                }
            }
        };
        found.filter(|value| **value != Value::Null)
    }

    /// Checks `iss` and `aud` against the configured ones. A403JT.
    pub(crate) fn check_parties(&self, rules: &ClaimRules) -> Result<(), Invalid> {
        if let Some(issuers) = &rules.issuers {
            let issuer = self.members.get("iss").and_then(Value::as_str).ok_or(Invalid::Issuer)?;
            if !issuers.iter().any(|accepted| accepted == issuer) {
                return Err(Invalid::Issuer);
            }
        }
        if let Some(audiences) = &rules.audiences {
            let named = self.audiences().ok_or(Invalid::Audience)?;
            if !audiences.iter().any(|accepted| named.contains(&accepted.as_str())) {
                return Err(Invalid::Audience);
            }
        }
        Ok(())
    }

    /// `aud`: one string, or a list of strings and nothing else [RFC 7519 §4.1.3].
    fn audiences(&self) -> Option<Vec<&str>> {
        match self.members.get("aud")? {
            Value::String(audience) => Some(vec![audience]),
            Value::Array(audiences) => audiences.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }
}

fn numeric_date(members: &Object, claim: &'static str) -> Result<Option<NumericDate>, Invalid> {
    match members.get(claim) {
        None => Ok(None),
        Some(Value::Number(digits)) => NumericDate::parse(digits).map(Some).ok_or(Invalid::NotNumericDate { claim }),
        Some(_) => Err(Invalid::NotNumericDate { claim }),
    }
}

impl Times {
    /// Checks the times against the clock: A403JE when `now >= exp + skew`, A403JT when `exp` is missing,
    /// `now < nbf - skew`, or the token lives as long as the limit.
    pub(crate) fn check(&self, rules: &ClaimRules, now: NumericDate) -> Result<(), Rejection> {
        if rules.check_expiration {
            let expiration = self.expiration.ok_or(Invalid::ExpirationMissing)?;
            if now >= expiration.plus(rules.clock_skew) {
                return Err(Rejection::Expired { at: expiration });
            }
            self.check_lifetime(expiration, rules, now)?;
        }
        if let Some(from) = self.not_before
            && now < from.minus(rules.clock_skew)
        {
            return Err(Invalid::NotYetValid { from }.into());
        }
        Ok(())
    }

    fn check_lifetime(&self, expiration: NumericDate, rules: &ClaimRules, now: NumericDate) -> Result<(), Invalid> {
        let Some(limit) = rules.max_lifetime else {
            return Ok(());
        };
        let born = self.issued_at.unwrap_or(now);
        if expiration.0 - born.0 >= f64::from(limit) {
            return Err(Invalid::LifetimeTooLong { limit });
        }
        Ok(())
    }

    /// `exp`, if the token has one.
    pub(crate) fn expiration(&self) -> Option<NumericDate> {
        self.expiration
    }
}

#[cfg(test)]
mod tests;
