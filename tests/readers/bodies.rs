//! Content types: the filter edits or rejects exactly the bodies that some server reads parameters from.

use std::collections::BTreeSet;

use properties::world;
use serde_json::json;

use crate::ask::run_all;
use crate::generate::Chance;

const SEED: u64 = 7519;

const PROGRAMS: [(&str, &str); 3] = [("ruby", "bodies.rb"), ("node", "bodies.cjs"), ("python", "bodies.py")];

const MULTIPART: &str = "--b\r\nContent-Disposition: form-data; name=\"userId\"\r\n\r\nforged\r\n--b--\r\n";

/// Content types, some of which servers read as forms; then text that is put around them.
const TYPES: [&str; 14] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/mixed",
    "multipart/related",
    "application/x-url-encoded",
    "application/x-www-form-urlencodedx",
    "x-www-form-urlencoded",
    "text/urlencoded",
    "application/json",
    "text/plain",
    "application/octet-stream",
    "application/grpc",
    "a/b",
    "",
];
const PIECES: [&str; 24] = [
    " ",
    "\t",
    ";",
    ",",
    "; charset=utf-8",
    ";charset=UTF-16",
    "; charset=\"utf-8\"",
    "; boundary=b",
    ";boundary=\"b\"",
    "x",
    "/",
    "; a=b",
    ", text/plain",
    "text/plain, ",
    "application/json; ",
    "*",
    "\"",
    "=",
    "-",
    "%",
    ";;",
    " ;",
    "q=1;",
    "\u{a0}",
];

fn content_types() -> Vec<Option<String>> {
    let mut chance = Chance(SEED);
    let mut types: BTreeSet<String> = TYPES.iter().map(|kind| (*kind).to_owned()).collect();
    while types.len() < 1500 {
        let mut text = String::new();
        let front = chance.below(4).saturating_sub(2);
        (0..front).for_each(|_| text += PIECES[chance.below(PIECES.len())]);
        let kind = TYPES[chance.below(TYPES.len())];
        text += &if chance.below(4) == 0 { kind.to_uppercase() } else { kind.to_owned() };
        (0..chance.below(4)).for_each(|_| text += PIECES[chance.below(PIECES.len())]);
        types.insert(text);
    }
    types.into_iter().map(Some).chain([None]).collect()
}

/// The filter's decision on a body of this type. `Ok` is whether it edits the body.
fn decide(plugin: &jwt_auth::Plugin, method: &str, content_type: Option<&str>) -> Result<bool, &'static str> {
    let mut headers = vec![(":method", method.as_bytes()), (":path", b"/p")];
    headers.extend(content_type.map(|kind| ("content-type", kind.as_bytes())));
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    let decided = world::decide(plugin, &headers, true);
    decided.map(|edits| edits.form.is_some()).map_err(|rejected| rejected.code())
}

#[test]
fn a_body_that_a_server_reads_as_a_form_is_edited_or_rejected_and_all_others_pass() {
    let plugin = world::plugin(json!({
        "parameter": "X-Token", "bypassEmptyToken": true,
        "claimParameters": [{"claimName": "v", "parameterName": "userId", "location": "formData"}],
    }));
    let types = content_types();
    let cases: Vec<_> = types.iter().flat_map(|kind| ["POST", "PUT"].map(|method| (method, kind.as_deref()))).collect();
    let question = |(method, kind): &(&str, Option<&str>)| {
        ["userId=forged", MULTIPART].map(|body| json!({"method": method, "type": kind, "body": body}).to_string())
    };
    let lines: Vec<String> = cases.iter().flat_map(question).collect();
    let answers = run_all(&PROGRAMS, &lines);
    let (mut wrong, mut read, mut servers) = (Vec::new(), 0, 0);
    for ((method, kind), answers) in cases.iter().zip(answers.chunks(2)) {
        servers = answers[0].len();
        let shown =
            || format!("{method} {}", kind.map_or_else(|| "without a type".to_owned(), |kind| format!("{kind:?}")));
        let readers: Vec<_> =
            answers.iter().flatten().filter(|(_, found)| **found == true).map(|(name, _)| name).collect();
        // Bottle reads every body that is not multipart as a form, even JSON.
        let is_known = |name: &&&String| **name == "Bottle" && kind.is_some_and(|kind| !kind.trim().is_empty());
        let is_read = !readers.iter().all(|name| is_known(&name));
        read += usize::from(is_read);
        let has_word = kind.is_none_or(|kind| {
            let letters: String = kind.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
            letters.is_empty() || letters.contains("urlencoded") || letters.contains("multipart")
        });
        let decision = decide(&plugin, method, *kind);
        let is_multipart = answers[1].values().any(|found| *found == true);
        let is_right = match decision {
            // No server may read an edited body as multipart.
            Ok(true) => !is_multipart,
            Ok(false) => !is_read && !has_word,
            Err(code) => code == "I415FD" && (is_read || has_word),
        };
        if !is_right {
            wrong.push(format!("{}: {decision:?}, read as a form by {readers:?}", shown()));
        }
    }
    println!(
        "seed {SEED}: {} types and methods, {servers} servers; {read} read as a form by some; {} wrong",
        cases.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} wrong, among them:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}
