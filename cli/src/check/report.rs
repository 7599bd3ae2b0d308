//! The results of `check`, as text and as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_auth::{Edits, HeaderEdit, Response};
use serde_json::{Value, json};

use super::excerpt::without_tokens;
use super::explain::explain;
use super::handover::Finding;
use super::jti_store::UsedJtis;
use super::remote::RemoteSet;
use super::request::{Outcome, Verdict};
use super::{Checked, CheckedPlugin};
use crate::terminal::{BAD, GOOD, NOTICE, STRONG, safe, safe_bytes, styled};

/// For people.
pub(super) fn text(checked: &Checked, outcome: Option<&Outcome>) -> String {
    let mut lines = Vec::new();
    for plugin in &checked.plugins {
        findings(checked, plugin, &mut lines);
        lines.extend(plugin.remote.iter().flat_map(RemoteSet::lines));
        lines.extend(plugin.used_jtis.iter().flat_map(UsedJtis::lines));
    }
    for other in &checked.skipped {
        let place = place(&checked.file, other.position.line, other.position.column);
        lines.push(format!("{place}: {}: another Wasm filter, not checked", safe(&other.name)));
    }
    if let Some(outcome) = outcome {
        lines.push(String::new());
        if checked.plugins.len() > 1 {
            lines.push(format!("{} decides", styled(STRONG, safe(&outcome.plugin))));
        }
        decision(outcome, &mut lines);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// For programs: one object.
pub(super) fn json(checked: &Checked, outcome: Option<&Outcome>) -> String {
    let plugins: Vec<Value> = checked.plugins.iter().map(plugin_json).collect();
    let skipped: Vec<Value> =
        checked.skipped.iter().map(|other| json!({"name": other.name, "line": other.position.line})).collect();
    let mut object = json!({"file": checked.file, "plugins": plugins, "skipped": skipped});
    if let Some(outcome) = outcome {
        object["decision"] = decision_json(outcome);
    }
    object.to_string()
}

fn place(file: &str, line: usize, column: usize) -> String {
    styled(STRONG, format!("{}:{line}:{column}", safe(file)))
}

fn findings(checked: &Checked, plugin: &CheckedPlugin, lines: &mut Vec<String>) {
    let errors = plugin.errors.iter().map(|error| ("", error));
    for (kind, finding) in errors.chain(plugin.warnings.iter().map(|warning| ("warning: ", warning))) {
        let field = if finding.field.is_empty() { String::new() } else { format!("{}: ", safe(&finding.field)) };
        let place = place(&checked.file, finding.position.line, finding.position.column);
        lines.push(format!("{place}: {kind}{field}{}", styled(NOTICE, safe(&finding.problem))));
    }
    let position = plugin.found.position;
    let place = place(&checked.file, position.line, position.column);
    let name = format!("{} ({})", safe(&plugin.found.name), plugin.found.form);
    lines.push(match plugin.errors.len() {
        0 => format!("{place}: {name}: {}", styled(GOOD, "no errors")),
        1 => format!("{place}: {name}: {}", styled(BAD, "1 error")),
        count => format!("{place}: {name}: {}", styled(BAD, format!("{count} errors"))),
    });
}

fn decision(outcome: &Outcome, lines: &mut Vec<String>) {
    match &outcome.verdict {
        Verdict::Accepted(edits) => {
            lines.push(format!("{}: the request is forwarded to the backend", styled(GOOD, "accepted")));
            changes(outcome, edits, lines);
        }
        Verdict::Undecided { why, remedy } => {
            lines.push(format!("{}: the answer depends on keys that are fetched", styled(NOTICE, "undecided")));
            lines.push(format!("  why  {}", safe(why)));
            lines.push(format!("  fix  {}", safe(remedy)));
        }
        Verdict::Answered(response) => {
            let answer = "the filter answers with the metadata of the resource";
            lines.push(format!("{}: {}: {answer}", styled(NOTICE, "answered"), response.status));
            lines.extend(response.body.lines().map(|line| format!("  body {}", safe(line))));
        }
        Verdict::Rejected(rejection, response) => {
            let (why, remedy) = explain(rejection);
            let answer = format!("{} {}", response.status, rejection.code());
            lines.push(format!("{}: {answer}: {}", styled(BAD, "rejected"), rejection.message()));
            lines.push(format!("  why  {why}"));
            lines.push(format!("  fix  {remedy}"));
            lines.extend(challenges(response).map(|challenge| format!("  challenge  {}", safe(challenge))));
        }
    }
    lines.extend(outcome.notes.iter().map(|note| format!("  note {note}")));
}

/// The values of `WWW-Authenticate`.
fn challenges(response: &Response) -> impl Iterator<Item = &str> {
    let headers = response.headers.iter().filter(|(name, _)| *name == "www-authenticate");
    headers.map(|(_, value)| value.as_str())
}

fn changes(outcome: &Outcome, edits: &Edits, lines: &mut Vec<String>) {
    let before = lines.len();
    for edit in &edits.headers {
        match edit {
            HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => {
                lines.push(format!("  set header     {name}: {}", without_tokens(&safe_bytes(value))))
            }
            HeaderEdit::Remove(name) => {
                if outcome.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                    lines.push(format!("  remove header  {name}"));
                }
            }
        }
    }
    if let Some(path) = &edits.path {
        lines.push(format!("  set path       {}", without_tokens(&safe_bytes(path))));
    }
    if let Some(body) = &outcome.body {
        lines.push(format!("  set body       {}", without_tokens(&safe_bytes(body))));
    }
    if lines.len() == before {
        lines.push("  without changes".to_owned());
    }
}

fn plugin_json(plugin: &CheckedPlugin) -> Value {
    let list = |findings: &[Finding]| -> Vec<Value> {
        let json = |finding: &Finding| {
            let (line, column) = (finding.position.line, finding.position.column);
            json!({"line": line, "column": column, "field": finding.field, "problem": finding.problem})
        };
        findings.iter().map(json).collect()
    };
    let found = &plugin.found;
    let mut object = json!({
        "name": found.name,
        "form": found.form,
        "line": found.position.line,
        "errors": list(&plugin.errors),
        "warnings": list(&plugin.warnings),
    });
    if !plugin.remote.is_empty() {
        object["remoteJwks"] = plugin.remote.iter().map(RemoteSet::json).collect();
    }
    if let Some(jtis) = &plugin.used_jtis {
        object["jtiStore"] = jtis.store_json();
        object["replayColdStart"] = jtis.cold_start().into();
    }
    object
}

fn decision_json(outcome: &Outcome) -> Value {
    let mut object = match &outcome.verdict {
        Verdict::Undecided { why, remedy } => json!({"accepted": null, "why": why, "remedy": remedy}),
        Verdict::Accepted(edits) => {
            let headers: Vec<Value> = edits.headers.iter().map(header_json).collect();
            let mut object = json!({"accepted": true, "headers": headers});
            for (name, bytes) in [("path", &edits.path), ("body", &outcome.body)] {
                if let Some(bytes) = bytes {
                    insert_bytes(&mut object, name, bytes);
                }
            }
            object
        }
        Verdict::Answered(response) => {
            json!({"accepted": false, "answered": true, "status": response.status, "body": response.body})
        }
        Verdict::Rejected(rejection, response) => {
            let (why, remedy) = explain(rejection);
            let mut object = json!({
                "accepted": false,
                "status": response.status,
                "code": rejection.code(),
                "message": rejection.message(),
                "why": why,
                "remedy": remedy,
            });
            let challenges: Vec<_> = challenges(response).collect();
            if !challenges.is_empty() {
                object["challenges"] = challenges.into();
            }
            object
        }
    };
    object["plugin"] = outcome.plugin.as_str().into();
    object["notes"] = outcome.notes.clone().into();
    object
}

fn header_json(edit: &HeaderEdit) -> Value {
    match edit {
        HeaderEdit::Remove(name) => json!({"remove": &**name}),
        HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => {
            let mut object = json!({"set": &**name});
            insert_bytes(&mut object, "value", value);
            object
        }
    }
}

/// Adds a member with bytes: as a string or, if they are not UTF-8, as base64 with `Base64` after the name.
fn insert_bytes(object: &mut Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object[name] = text.into(),
        Err(_) => object[format!("{name}Base64")] = STANDARD.encode(bytes).into(),
    }
}
