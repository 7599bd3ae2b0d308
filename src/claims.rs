//! The claims of a token whose signature is verified, and the rules that validate them
//! ([RFC 7519 §4](https://www.rfc-editor.org/rfc/rfc7519#section-4)).

mod required;

pub(crate) use required::RequiredClaim;

use crate::json::{Object, Value};
use crate::numeric_date::NumericDate;
use crate::rejection::{Invalid, Rejection};
use crate::signature::Verified;
use crate::token;

/// How deep the claims may nest. Claims in use have fewer than ten levels.
pub const MAX_CLAIMS_DEPTH: u32 = 64;

/// The rules of the configuration for claims.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClaimRules {
    /// `issuer`: `iss` must be one of these. `None` accepts any, or none.
    pub(crate) issuers: Option<Vec<String>>,
    /// `audiences`: `aud` must contain one of these. `None` accepts any, or none.
    pub(crate) audiences: Option<Vec<String>>,
    /// `clockSkewSeconds`: leeway for `exp` and `nbf`, in seconds.
    pub(crate) clock_skew: f64,
    /// `maxTokenLifetimeSeconds`: the lifetime of a token must be shorter than this. `None` is no limit.
    pub(crate) max_lifetime: Option<u32>,
    /// Whether `exp` is required and checked: false with `ignoreExpirationCheck`.
    pub(crate) check_expiration: bool,
    /// `requiredClaims`: all of these must hold.
    pub(crate) required: Vec<RequiredClaim>,
}

/// The claims of one token.
pub(crate) struct Claims<'a> {
    members: Object<'a>,
    times: Times,
}

/// The time claims of a token: `exp`, `nbf` and `iat`
/// ([RFC 7519 §4.1.4](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4) to §4.1.6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    expiration: Option<NumericDate>,
    not_before: Option<NumericDate>,
    issued_at: Option<NumericDate>,
}

impl<'a> Claims<'a> {
    /// Reads the claims of the payload.
    ///
    /// # Errors
    /// I400JD when the payload is not one JSON object, has a duplicate member at any depth, or nests deeper than
    /// [`MAX_CLAIMS_DEPTH`]. A403JT when `exp`, `nbf` or `iat` is present and not a number: a claim of a wrong type
    /// never counts as missing.
    pub(crate) fn read(verified: &Verified<'a>) -> Result<Self, Rejection> {
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

    /// The claim with exactly this name. If there is none, `name` is read as a path: `a.b` is the member `b` of the
    /// object `a`. `null` counts as missing.
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

    /// The claim with exactly this name.
    pub(crate) fn member(&self, name: &str) -> Option<&Value<'a>> {
        self.members.get(name)
    }

    /// `iss`, if it is a string ([RFC 7519 §4.1.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1)).
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.members.get("iss").and_then(Value::as_str)
    }

    /// Validates `iss` and `aud` ([RFC 7519 §4.1.1](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.1), §4.1.3).
    ///
    /// # Errors
    /// A403JT when one of them is configured and the claim is missing, of a wrong type, or not an accepted one.
    pub(crate) fn check_parties(&self, rules: &ClaimRules) -> Result<(), Invalid> {
        if let Some(issuers) = &rules.issuers {
            let issuer = self.issuer().ok_or(Invalid::Issuer)?;
            if !issuers.iter().any(|accepted| accepted == issuer) {
                return Err(Invalid::Issuer);
            }
        }
        if let Some(audiences) = &rules.audiences {
            let claimed = self.audiences().ok_or(Invalid::Audience)?;
            if !audiences.iter().any(|accepted| claimed.contains(&accepted.as_str())) {
                return Err(Invalid::Audience);
            }
        }
        Ok(())
    }

    /// Validates `requiredClaims`.
    ///
    /// # Errors
    /// A403JC when a claim is not as required.
    pub(crate) fn check_required(&self, rules: &ClaimRules) -> Result<(), Rejection> {
        rules.required.iter().try_for_each(|required| required.check(self.find(required.name())))
    }

    /// `aud`: one string, or an array of only strings
    /// ([RFC 7519 §4.1.3](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3)).
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
    /// Validates the times at the time `now`.
    ///
    /// # Errors
    /// - A403JE when `now >= exp + skew`.
    /// - A403JT when `exp` is missing, or `exp - iat` (without `iat`: `exp - now`) is not less than the lifetime limit.
    /// - A403JT when `now < nbf - skew`.
    ///
    /// With `ignoreExpirationCheck` only the last one applies.
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
        let start = self.issued_at.unwrap_or(now);
        if expiration.as_unix_seconds() - start.as_unix_seconds() >= f64::from(limit) {
            return Err(Invalid::LifetimeTooLong { limit });
        }
        Ok(())
    }

    /// The value of `iat`, if the token has one.
    pub(crate) fn issued_at(&self) -> Option<NumericDate> {
        self.issued_at
    }

    /// The value of `exp`, if the token has one.
    pub(crate) fn expiration(&self) -> Option<NumericDate> {
        self.expiration
    }
}

#[cfg(test)]
mod tests;
