//! `tokenType: at+jwt`: what an access token must have ([RFC 9068 §2.2](https://www.rfc-editor.org/rfc/rfc9068#section-2.2)).

use crate::claims::Claims;
use crate::json::Value;
use crate::rejection::Invalid;

/// The required claims that are strings. `exp` and `iat` are required, too, and `aud` is compared with the configuration.
const STRINGS: [&str; 4] = ["iss", "sub", "client_id", "jti"];

/// Checks that the required claims are there.
///
/// # Errors
/// A403JT when one of them is missing, or is not a string where it must be.
pub(super) fn check(claims: &Claims) -> Result<(), Invalid> {
    for claim in STRINGS {
        let value = claims.find(claim).and_then(Value::as_str);
        value.filter(|text| !text.is_empty()).ok_or(Invalid::ClaimRequired { claim })?;
    }
    claims.times().expiration().ok_or(Invalid::ClaimRequired { claim: "exp" })?;
    claims.times().issued_at().ok_or(Invalid::ClaimRequired { claim: "iat" })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Verified;

    #[test]
    fn each_required_claim_must_be_there() {
        let all = [
            ("iss", r#""a""#),
            ("sub", r#""b""#),
            ("client_id", r#""c""#),
            ("jti", r#""d""#),
            ("exp", "2"),
            ("iat", "1"),
        ];
        let check = |changed: &str, value: Option<&str>| {
            let members: Vec<_> = all
                .iter()
                .filter_map(|&(name, usual)| {
                    let value = if name == changed { value? } else { usual };
                    Some(format!("\"{name}\":{value}"))
                })
                .collect();
            let text = format!("{{{}}}", members.join(","));
            let verified = Verified::for_test(&text);
            super::check(&Claims::read(&verified).unwrap())
        };
        assert_eq!(check("", None), Ok(()));
        for (claim, _) in all {
            assert_eq!(check(claim, None), Err(Invalid::ClaimRequired { claim }));
        }
        for claim in STRINGS {
            for value in ["null", "1", r#""""#, r#"["a"]"#, "{}"] {
                assert_eq!(check(claim, Some(value)), Err(Invalid::ClaimRequired { claim }), "{value}");
            }
        }
    }
}
