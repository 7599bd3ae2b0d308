//! The results of `inspect`, as text and as JSON.

use std::fmt::Write as _;

use jwt_auth::{MAX_CLAIMS_DEPTH, NumericDate, Rejection};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::parts::Unreadable;
use super::proof::Proof;
use super::signer::{Signer, Verification};
use super::{Inspection, Note};
use crate::json::{Json, number};
use crate::moment::relative;
use crate::terminal::{BAD, GOOD, NOTICE, STRONG, safe, safe_json, styled};

const NOT_VERIFIED: &str = "not verified: anyone can write such a token";

/// The claims that are times: of RFC 7519, and of OpenID Connect Core.
const TIMES: [&str; 5] = ["iat", "nbf", "exp", "auth_time", "updated_at"];

/// For people.
pub(super) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    match &inspection.parts {
        Ok(parts) => {
            line(&mut text, verdict(inspection));
            object(&mut text, "header", &parts.header);
            object(&mut text, "claims", &parts.claims);
            if let Some(proof) = &inspection.proof {
                purpose(&mut text, proof);
            }
            times(&mut text, &parts.claims, inspection.now);
            if let Some(thumbprint) = &inspection.binding {
                line(&mut text, "");
                let key = safe(thumbprint);
                line(&mut text, format!("{}: to the key with the thumbprint {key} (cnf.jkt)", styled(STRONG, "bound")));
            }
            line(&mut text, "");
            let state = match (&inspection.verification, &inspection.proof) {
                (None, Some(Proof { failure: None, .. })) => "valid",
                (None, Some(_)) => "not verified",
                (None, None) => "not checked",
                (Some(_), _) if inspection.is_verified() => "valid",
                (Some(_), _) => "not verified",
            };
            line(&mut text, format!("{}: {} bytes, {state}", styled(STRONG, "signature"), parts.signature_bytes));
        }
        Err(Unreadable { part, problem, header }) => {
            let what = if *part == "token" { "it".to_owned() } else { format!("the {part}") };
            let verdict = if header.is_some() { "no claims" } else { "not a JWT" };
            line(&mut text, format!("{}: {what} {}", styled(BAD, verdict), safe(problem)));
            if let Some(header) = header {
                object(&mut text, "header (not verified)", header);
            }
        }
    }
    if inspection.parts.is_ok() || !inspection.notes.0.is_empty() {
        notes(&mut text, &inspection.notes.0);
    }
    if let Some(Verification { keys, .. }) = &inspection.verification {
        line(&mut text, "");
        line(&mut text, styled(STRONG, "keys"));
        keys.lines().iter().for_each(|of_keys| line(&mut text, format!("  {of_keys}")));
    }
    if inspection.proof.is_some() {
        line(&mut text, "");
        line(&mut text, styled(STRONG, "the filter"));
        line(&mut text, "  to check it with your configuration: jwt-auth check --config FILE --token TOKEN --dpop -");
    } else {
        answers(&mut text, inspection);
    }
    text
}

/// Whether the token is verified, and with which key.
fn verdict(inspection: &Inspection) -> String {
    if let Some(proof) = &inspection.proof {
        return match proof.failure {
            None => format!("{}: signed with the key in its header", styled(GOOD, "DPoP proof")),
            Some(reason) => format!("{}: {reason}", styled(BAD, "not a valid DPoP proof")),
        };
    }
    let Some(Verification { keys, signer }) = &inspection.verification else { return styled(BAD, NOT_VERIFIED) };
    let file = safe(keys.file());
    match signer {
        Ok(Signer { field, id }) => {
            let id = id.as_ref().map_or("without kid".to_owned(), |id| format!("kid {}", safe(id)));
            format!("{}: signed with {field} of {file}, {id}", styled(GOOD, "verified"))
        }
        Err(rejection) => {
            format!("{} with {file}: {} {}", styled(BAD, "not verified"), rejection.code(), safe(&rejection.message()))
        }
    }
}

/// For programs: one object.
pub(super) fn json(inspection: &Inspection) -> String {
    let mut members = vec![("verified", inspection.is_verified().to_string())];
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
    if let Some(Proof { thumbprint, method, url, token_hash, id, failure }) = &inspection.proof {
        let failure = failure.map(|reason| reason.to_string());
        let proof = json!({
            "thumbprint": thumbprint, "htm": method, "htu": url, "ath": token_hash, "jti": id, "failure": failure,
        });
        members.push(("proof", proof.to_string()));
    }
    members.extend(inspection.binding.as_ref().map(|key| ("bound", json!({"jkt": key}).to_string())));
    let list: Vec<Value> = inspection.notes.0.iter().map(|note| json!({"id": note.id, "what": note.what})).collect();
    let answer = |rejection: &Rejection| json!({"code": rejection.code(), "message": rejection.message()});
    let mut filter = json!({
        "readable": inspection.filter.unreadable.is_none(),
        "rejection": inspection.filter.unreadable.as_ref().map(answer),
        "rejectionOfClaims": inspection.filter.claims.as_ref().and_then(|claims| claims.as_ref().err()).map(answer),
    });
    if let Some(code) = inspection.notes.0.iter().find_map(Note::code) {
        filter["codeForHeader"] = code.into();
    }
    members.extend(inspection.verification.as_ref().map(|Verification { keys, signer }| {
        let mut set = keys.json();
        set["signer"] = signer.as_ref().ok().map(|Signer { field, id }| json!({"field": field, "kid": id})).into();
        set["rejection"] = signer.as_ref().err().map(answer).into();
        ("set", set.to_string())
    }));
    members.push(("notes", Value::from(list).to_string()));
    if inspection.proof.is_none() {
        members.push(("filter", filter.to_string()));
    }
    // Joined as text, to keep the digits, the order and the duplicates of the token's JSON.
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// The token's own JSON under the first name. If common parsers would reject it (too deep, half of a surrogate pair, a
/// number that does not fit a double), a string with the JSON under the second name.
fn own_json(names: [&'static str; 2], json: &Json) -> (&'static str, String) {
    let [value, text] = names;
    // Common parsers have a limit of 100 levels or more.
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

/// What a proof is for.
fn purpose(text: &mut String, proof: &Proof) {
    let part = |part: &Option<String>| part.as_deref().map_or("(none)".to_owned(), safe);
    let token = match &proof.token_hash {
        Some(hash) => format!("the one with the SHA-256 {}", safe(hash)),
        None => "none, so it can only ask for one".to_owned(),
    };
    line(text, "");
    line(text, styled(STRONG, "proof"));
    line(text, format!("  key      {}, the cnf.jkt of its tokens", part(&proof.thumbprint)));
    line(text, format!("  request  {} {}", part(&proof.method), part(&proof.url)));
    line(text, format!("  token    {token}"));
    line(text, format!("  jti      {}", part(&proof.id)));
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
    line(text, format!("{} (UTC; now {now})", styled(STRONG, "times")));
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

fn notes(text: &mut String, notes: &[Note]) {
    line(text, "");
    if notes.is_empty() {
        line(text, format!("{}: none", styled(STRONG, "notes")));
        return;
    }
    line(text, styled(STRONG, "notes"));
    for note in notes {
        line(text, format!("  {}", styled(NOTICE, safe(&note.what))));
    }
}

fn answers(text: &mut String, inspection: &Inspection) {
    line(text, "");
    line(text, styled(STRONG, "the filter"));
    let reason = |rejection: &Rejection| styled(BAD, format!("{} {}", rejection.code(), rejection.message()));
    let answers = &inspection.filter;
    let header = inspection.notes.0.iter().find(|note| note.code().is_some());
    let _ = match (&answers.unreadable, header, &answers.claims) {
        (Some(rejection), _, _) => writeln!(text, "  can't read the token: {}", reason(rejection)),
        (None, Some(note), _) => {
            writeln!(text, "  {} the token under any configuration: {}", styled(BAD, "rejects"), safe(&note.what))
        }
        (None, None, Some(Err(rejection))) => {
            writeln!(text, "  rejects the claims even if the signature is valid: {}", reason(rejection))
        }
        (None, None, Some(Ok(()))) => writeln!(
            text,
            "  {} these claims under its default rules{}",
            styled(GOOD, "accepts"),
            if inspection.is_verified() { "" } else { " if the signature is valid" }
        ),
        (None, None, None) => writeln!(text, "  verifies the signature first"),
    };
    line(text, "  to check it with your configuration: jwt-auth check --config FILE --token -");
}
