//! `jwt-auth check` gives the results in `kit::rows`, like the live Envoys in `tests/conformance`.

mod support;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use kit::rows::{self, Expected, Row, Step};
use serde_json::Value;
use support::{Answer, Folder, bytes, jwt_auth, now};

/// The options for a request.
fn options(request: &rows::Request) -> Vec<OsString> {
    let mut options: Vec<OsString> = vec!["--method".into(), request.method.into()];
    options.extend(["--path".into(), OsString::from_vec(request.target.clone())]);
    for (name, value) in &request.headers {
        options.extend(["--header".into(), OsString::from_vec([name.as_bytes(), b": ", value].concat())]);
    }
    options.extend(request.body.iter().flat_map(|body| ["--data".into(), OsString::from_vec(body.clone())]));
    options
}

fn check(config: &Path, step: &Step, now: u64, more: &[&str]) -> Answer {
    let mut arguments: Vec<OsString> = vec!["check".into(), "--json".into(), "--config".into(), config.into()];
    arguments.extend(["--time".into(), now.to_string().into()]);
    arguments.extend(more.iter().map(OsString::from));
    arguments.extend(options(&step.request));
    jwt_auth(&arguments, b"")
}

type Headers = Vec<(String, Vec<u8>)>;

/// The backend's request after the edits of a decision: target, headers without pseudo-headers, body.
fn backend(step: &Step, decision: &Value) -> (Vec<u8>, Headers, Vec<u8>) {
    let mut headers: Headers =
        step.request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    for edit in decision["headers"].as_array().unwrap() {
        let name = edit["set"].as_str().or(edit["remove"].as_str()).unwrap().to_owned();
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        headers.extend(bytes(edit, "value").map(|value| (name.to_ascii_lowercase(), value)));
    }
    headers.sort();
    let target = bytes(decision, "path").unwrap_or_else(|| step.request.target.clone());
    let body = bytes(decision, "body").or(step.request.body.clone()).unwrap_or_default();
    (target, headers, body)
}

/// The difference between an answer and the row's expectation, if any.
fn difference(step: &Step, answer: &Answer) -> Option<String> {
    let decision = &answer.json()["decision"];
    match &step.expected {
        Expected::Rejected { code, message } => {
            let expected = serde_json::json!([1, false, rows::status_of(code), code, message]);
            let found = serde_json::json!([
                answer.status,
                decision["accepted"],
                decision["status"],
                decision["code"],
                decision["message"]
            ]);
            (found != expected).then(|| format!("{found}, expected {expected}"))
        }
        Expected::Challenged { status, code, message, challenges } => {
            let expected = serde_json::json!([1, false, status, code, message, challenges]);
            let challenges = match &decision["challenges"] {
                serde_json::Value::Null => serde_json::json!([]),
                challenges => challenges.clone(),
            };
            let found = serde_json::json!([
                answer.status,
                decision["accepted"],
                decision["status"],
                decision["code"],
                decision["message"],
                challenges
            ]);
            (found != expected).then(|| format!("{found}, expected {expected}"))
        }
        Expected::Answered { status, body, .. } => {
            let expected = serde_json::json!([1, true, status, body]);
            let found = serde_json::json!([answer.status, decision["answered"], decision["status"], decision["body"]]);
            (found != expected).then(|| format!("{found}, expected {expected}"))
        }
        Expected::Passes { .. } if decision["accepted"] != true || answer.status != 0 => {
            Some(format!("not accepted: {decision}"))
        }
        Expected::Passes { target, body, .. } => {
            let found = backend(step, decision);
            let expected = (target.clone(), step.expected.backend_headers(&step.request.headers), body.clone());
            (found != expected).then(|| format!("{found:?}, expected {expected:?}"))
        }
    }
}

/// Whether a step needs used `jti`s or proofs. `check` starts without any.
fn needs_what_was_before(step: &Step) -> bool {
    match &step.expected {
        Expected::Rejected { code, message } | Expected::Challenged { code, message, .. } => {
            ["S403JU", "S503JF"].contains(code) || message.ends_with("proof: it was used before")
        }
        Expected::Answered { .. } | Expected::Passes { .. } => false,
    }
}

fn fail_if_any(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn check_gives_the_result_of_every_row() {
    let now = now();
    let folder = Folder::new();
    let (mut answered, mut left_out, mut failures) = (0, 0, Vec::new());
    for (index, Row { name, config, steps }) in rows::all(now).into_iter().enumerate() {
        let config = folder.file(&format!("row{index}.yaml"), &config);
        for (number, step) in (1..).zip(&steps) {
            if needs_what_was_before(step) {
                left_out += 1;
                continue;
            }
            answered += 1;
            let difference = difference(step, &check(&config, step, now, &[]));
            failures.extend(difference.map(|difference| format!("{name}, request {number}: {difference}")));
        }
    }
    println!("{answered} requests answered, {left_out} left out");
    fail_if_any(&failures);
    // There are 9 uses of a used jti and one of a used proof, which `check` can't know.
    assert_eq!(left_out, 10);
    assert!(answered > 800, "only {answered} requests were compared");
}

/// The kinds of files that contain a plugin, each with a file for a configuration in block style. Kubernetes reads `n`
/// as a boolean unless it is in quotes.
fn containers(config: &str) -> [(&'static str, String); 3] {
    let indented = |by: usize| {
        let lines = config.lines().filter(|line| !line.starts_with("---"));
        lines.map(|line| format!("{}{line}\n", " ".repeat(by))).collect::<String>()
    };
    let any = |form: &str| {
        format!(
            "name: jwt-auth\nvm_config: {{}}\nconfiguration:\n  '@type': type.googleapis.com/google.protobuf.{form}\n"
        )
    };
    [
        ("StringValue", format!("{}  value: |\n{}", any("StringValue"), indented(4))),
        ("Struct", format!("{}  value:\n{}", any("Struct"), indented(4))),
        (
            "WasmPlugin",
            format!(
                "kind: WasmPlugin\nmetadata: {{name: jwt-auth}}\nspec:\n  pluginConfig:\n{}",
                indented(4).replace(" n: ", " \"n\": ")
            ),
        ),
    ]
}

/// Rows that need a configuration as a string. A map has no order in which a list of errors could be cut, Envoy reads a
/// fraction in YAML as a string, and Envoy itself rejects this depth and these aliases.
const TEXT_ONLY: [&str; 4] = [
    "a long list of errors is cut to fit a header",
    "JSON is read like YAML",
    "a document with too many levels is a configuration error",
    "aliases that expand too much are a configuration error",
];

#[test]
fn a_plugin_inside_another_file_gives_the_same_result_as_alone() {
    let now = now();
    let folder = Folder::new();
    let (mut answered, mut failures) = (0, Vec::new());
    for Row { name, config, steps } in rows::all(now) {
        let Some(step) = steps.iter().find(|step| !needs_what_was_before(step)) else { continue };
        let is_text_only = TEXT_ONLY.contains(&name.as_str());
        for (form, file) in containers(&config) {
            if is_text_only && form != "StringValue" {
                continue;
            }
            let config = folder.file("container.yaml", &file);
            let answer = check(&config, step, now, &[]);
            answered += 1;
            assert_eq!(answer.json()["plugins"][0]["form"], form, "{name}");
            failures
                .extend(difference(step, &answer).map(|difference| format!("{name} as {form}: {difference}\n{file}")));
        }
    }
    fail_if_any(&failures);
    println!("{answered} requests answered");
    assert!(answered > 200, "only {answered} requests were compared");
}

#[test]
fn a_token_option_is_put_where_the_filter_looks_for_it() {
    let world = rows::World { now: now() };
    let token = world.token(&serde_json::json!({}));
    let folder = Folder::new();
    for (lines, more) in [
        ("parameter: X-Token", &[][..]),
        ("parameter: Authorization\nparameterLocation: header", &["--header", "cookie: a=b"]),
        ("parameter: 'a b&='\nparameterLocation: query", &["--path", "/p?x=1"]),
        ("parameter: t\nparameterLocation: query", &[]),
        ("parameter: jwt\nparameterLocation: cookie", &["--header", "cookie: a=b"]),
    ] {
        let config = folder.file("plugin.yaml", &rows::config(lines));
        let arguments = ["check", "--config", config.to_str().unwrap(), "--json", "--token", "-"];
        let with = |token: &str| {
            let arguments: Vec<OsString> = arguments.iter().chain(more).map(OsString::from).collect();
            jwt_auth(&arguments, format!("{token}\r\n").as_bytes())
        };
        assert_eq!(
            (with(&token).status, &with(&token).json()["decision"]["accepted"]),
            (0, &Value::from(true)),
            "{lines}"
        );
        let forged = with(&format!("{token}.x"));
        assert_eq!((forged.status, &forged.json()["decision"]["code"]), (1, &Value::from("I400JD")), "{lines}");
    }
    let config = folder.file("plugin.yaml", &rows::config("parameter: X-Token"));
    for own in [["--header", "x-token: junk"], ["--path", "/?X-Token=junk"]] {
        let arguments = ["check", "--config", config.to_str().unwrap(), "--json", "--token", &token];
        let answer = jwt_auth(&arguments.iter().chain(&own).map(OsString::from).collect::<Vec<_>>(), b"");
        assert_eq!(answer.json()["decision"]["message"], "JWT Deserialize Failed: junk");
        assert_eq!(
            answer.json()["decision"]["notes"],
            serde_json::json!(["the request already has a token, so --token was not used"])
        );
    }
}
