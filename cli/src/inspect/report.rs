//! An inspection as text and as JSON.

use std::fmt::Write as _;

use jwt_auth::{MAX_CLAIMS_DEPTH, NumericDate, Rejection};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::parts::Unreadable;
use super::{Inspection, Oddity};
use crate::json::{Json, number};
use crate::moment::relative;
use crate::terminal::{BAD, GOOD, ODD, STRONG, safe, safe_json, styled};

const NOT_VERIFIED: &str = "not verified: anybody can write such a token";

/// The claims that are times: of RFC 7519, and of OpenID Connect Core.
const TIMES: [&str; 5] = ["iat", "nbf", "exp", "auth_time", "updated_at"];

/// For people.
pub(super) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    match &inspection.parts {
        Ok(parts) => {
            line(&mut text, styled(BAD, NOT_VERIFIED));
            object(&mut text, "header", &parts.header);
            object(&mut text, "claims", &parts.claims);
            times(&mut text, &parts.claims, inspection.now);
            line(&mut text, "");
            line(&mut text, format!("{}: {} bytes, not checked", styled(STRONG, "signature"), parts.signature_bytes));
        }
        Err(Unreadable { part, problem, header }) => {
            let what = if *part == "token" { "it".to_owned() } else { format!("the {part}") };
            let verdict = if header.is_some() { "no claims to be read" } else { "not a JWT" };
            line(&mut text, format!("{}: {what} {}", styled(BAD, verdict), safe(problem)));
            if let Some(header) = header {
                object(&mut text, "header (not verified)", header);
            }
        }
    }
    if inspection.parts.is_ok() || !inspection.oddities.is_empty() {
        oddities(&mut text, &inspection.oddities);
    }
    answers(&mut text, inspection);
    text
}

/// For programs: one object.
pub(super) fn json(inspection: &Inspection) -> String {
    let mut members = vec![("verified", "false".to_owned())];
    match &inspection.parts {
        Ok(parts) => members.extend([
            own_json(["header", "headerText"], &parts.header),
            own_json(["claims", "claimsText"], &parts.claims),
            ("times", times_json(&parts.claims, inspection.now).to_string()),
            ("signatureBytes", parts.signature_bytes.to_string()),
        ]),
        Err(Unreadable { part, problem, header }) => {
            members.push(("error", json!({"part": part, "problem": problem}).to_string()));
            members.extend(header.as_ref().map(|header| own_json(["header", "headerText"], header)));
        }
    }
    let odd: Vec<Value> = inspection.oddities.iter().map(|odd| json!({"id": odd.id, "what": odd.what})).collect();
    let answer = |rejection: &Rejection| json!({"code": rejection.code(), "message": rejection.message()});
    let mut filter = json!({
        "readable": inspection.filter.unreadable.is_none(),
        "refusal": inspection.filter.unreadable.as_ref().map(answer),
        "refusalOfClaims": inspection.filter.claims.as_ref().and_then(|claims| claims.as_ref().err()).map(answer),
    });
    if let Some(code) = inspection.oddities.iter().find_map(Oddity::code) {
        filter["codeForHeader"] = code.into();
    }
    members.extend([("odd", Value::from(odd).to_string()), ("filter", filter.to_string())]);
    // Put together as text, since the token's own JSON is to keep its digits, its order and its duplicates.
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The token's own JSON under the first name or, where common parsers would not read it (too deep, half a surrogate pair, a
/// number that no double can hold), its text under the second.
fn own_json(names: [&'static str; 2], json: &Json) -> (&'static str, String) {
    let [value, text] = names;
    // Common parsers give up at 100 levels or more.
    if json.depth <= MAX_CLAIMS_DEPTH as usize && serde_json::from_str::<Value>(&json.compact).is_ok() {
        (value, json.compact.clone())
    } else {
        (text, Value::from(json.compact.as_str()).to_string())
    }
}

fn line(text: &mut String, line: impl AsRef<str>) {
    text.push_str(line.as_ref());
    text.push('\n');
}

fn object(text: &mut String, title: &str, json: &Json) {
    line(text, "");
    line(text, styled(STRONG, title));
    line(text, safe_json(&json.pretty));
}

/// The times among the claims.
fn dates(claims: &Json) -> Vec<(&'static str, NumericDate)> {
    let members = claims.members();
    let date = |json: &&RawValue| number(json.get()).map(NumericDate::from_unix_seconds);
    TIMES.into_iter().filter_map(|name| Some((name, members.get(name).and_then(date)?))).collect()
}

fn times(text: &mut String, claims: &Json, now: NumericDate) {
    let dates = dates(claims);
    if dates.is_empty() {
        return;
    }
    line(text, "");
    line(text, format!("{} in UTC; it is {now}", styled(STRONG, "times")));
    for (name, date) in dates {
        line(text, format!("  {name:<10}  {date}  {}", relative(date, now)));
    }
}

fn times_json(claims: &Json, now: NumericDate) -> Value {
    let describe = |(name, date): (&str, NumericDate)| {
        let seconds = date.as_unix_seconds();
        (name.to_owned(), json!({"unix": seconds, "utc": date.to_string(), "relative": relative(date, now)}))
    };
    Value::Object(dates(claims).into_iter().map(describe).collect())
}

fn oddities(text: &mut String, oddities: &[Oddity]) {
    line(text, "");
    if oddities.is_empty() {
        line(text, format!("{}: nothing", styled(STRONG, "odd")));
        return;
    }
    line(text, styled(STRONG, "odd"));
    for odd in oddities {
        line(text, format!("  {}", styled(ODD, safe(&odd.what))));
    }
}

fn answers(text: &mut String, inspection: &Inspection) {
    line(text, "");
    line(text, styled(STRONG, "the filter"));
    let refusal = |rejection: &Rejection| styled(BAD, format!("{} {}", rejection.code(), rejection.message()));
    let answers = &inspection.filter;
    let header = inspection.oddities.iter().find(|odd| odd.code().is_some());
    let _ = match (&answers.unreadable, header, &answers.claims) {
        (Some(rejection), _, _) => writeln!(text, "  can't read it: {}", refusal(rejection)),
        (None, Some(odd), _) => {
            writeln!(text, "  {} it under any configuration: {}", styled(BAD, "rejects"), safe(&odd.what))
        }
        (None, None, Some(Err(rejection))) => {
            writeln!(text, "  rejects the claims even if the signature is valid: {}", refusal(rejection))
        }
        (None, None, Some(Ok(()))) => writeln!(
            text,
            "  {} these claims under its default rules if the signature is valid",
            styled(GOOD, "accepts")
        ),
        (None, None, None) => writeln!(text, "  checks the signature first"),
    };
    line(text, "  its answer under your configuration: jwt-auth check --config FILE --token -");
}
