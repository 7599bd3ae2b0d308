//! Decisions on any request headers: which requests pass, what changes, and that nothing else changes.
//!
//! Input: a digit for the configuration, one for whether there is a body, then a header `name: value` on each line. In
//! headers, `{token}` means a valid token, `{expired}` an expired one, and `{forged}` one signed with another key.

use std::sync::OnceLock;

use jwt_auth::{Edits, HeaderEdit, Host, Plugin, Rejection};
use kit::host::{Headers, Memory};
use kit::issuer::{Algorithm, SigningKey};
use percent_encoding::percent_decode;
use serde_json::{Value, json};

use super::parameters::stands_for;
use super::world::{self, Input, NOW};

/// The configurations, without the key. The last one has a configuration error.
const CONFIGURATIONS: [&str; 8] = [
    r#"{"parameter": "X-Token", "parameterLocation": "header", "claimParameters": [
        {"claimName": "sub", "parameterName": "X-User", "location": "header"},
        {"claimName": "sub", "parameterName": "userId", "location": "query"}]}"#,
    r#"{"parameter": "X-Token", "parameterLocation": "header", "bypassEmptyToken": true, "claimParameters": [
        {"claimName": "sub", "parameterName": "X-User", "location": "header"},
        {"claimName": "missing", "parameterName": "X_Role", "location": "header"},
        {"claimName": "sub", "parameterName": "userId", "location": "query"},
        {"claimName": "sub", "parameterName": "userId", "location": "formData"}]}"#,
    r#"{"parameter": "t", "parameterLocation": "cookie", "forwardToken": false, "claimParameters": [
        {"claimName": "sub", "parameterName": "X-User", "location": "header"}]}"#,
    r#"{"parameter": "t", "parameterLocation": "query", "forwardToken": false, "backendPath": "/u/{id}{path}",
        "claimParameters": [{"claimName": "sub", "parameterName": "id", "location": "path"}]}"#,
    r#"{"parameter": "Authorization", "claimParameters": [
        {"claimName": "sub", "parameterName": "userId", "location": "formData"}]}"#,
    r#"{"parameter": "X-Token", "preventJtiReplay": true, "forwardToken": false}"#,
    r#"{"parameter": "t", "parameterLocation": "query", "bypassEmptyToken": true, "claimParameters": [
        {"claimName": "sub", "parameterName": "X-User", "location": "header"}]}"#,
    r#"{"parameter": "X-Token", "bypasEmptyToken": true}"#,
];

/// A plugin, and the settings of its configuration.
struct Case {
    /// The plugin, with a cache for two tokens. It is used for all inputs.
    plugin: Plugin,
    /// The same plugin without a cache.
    uncached: Plugin,
    parameter: String,
    locations: Vec<&'static str>,
    bypass: bool,
    forward: bool,
    replay: bool,
    has_backend_path: bool,
    /// Claim, parameter, location.
    targets: Vec<[String; 3]>,
}

impl Case {
    fn new(text: &str) -> Self {
        let mut json: Value = serde_json::from_str(text).expect("JSON");
        json["jwk"] = world::key().public_jwk(None, false);
        let plugin = |tokens: u32| {
            let mut json = json.clone();
            json["tokenCache"] = json!({"maxEntries": tokens});
            Plugin::new(json.to_string().as_bytes(), b"")
        };
        let flag = |name: &str, default| json[name].as_bool().unwrap_or(default);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let targets = json["claimParameters"].as_array().cloned().unwrap_or_default();
        let locations = ["header", "query", "cookie"].into_iter();
        Self {
            plugin: plugin(2),
            uncached: plugin(0),
            parameter: text(&json["parameter"]),
            locations: match json["parameterLocation"].as_str() {
                None => vec!["header", "query"],
                Some(place) => locations.filter(|other| *other == place).collect(),
            },
            bypass: flag("bypassEmptyToken", false),
            forward: flag("forwardToken", true),
            replay: flag("preventJtiReplay", false),
            has_backend_path: !json["backendPath"].is_null(),
            targets: targets.iter().map(|t| ["claimName", "parameterName", "location"].map(|m| text(&t[m]))).collect(),
        }
    }

    /// The values that the client sent where a token can be, found by a simple parser.
    fn sent(&self, headers: &Headers) -> Vec<Vec<u8>> {
        let values = |name: &str| -> Vec<Vec<u8>> {
            headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone()).collect()
        };
        let split = |values: Vec<Vec<u8>>, at: u8| -> Vec<Vec<u8>> {
            values.iter().flat_map(|value| value.split(move |byte| *byte == at)).map(<[u8]>::to_vec).collect()
        };
        let query = world::target(headers).and_then(|target| world::split_target(target).1).unwrap_or_default();
        let of_place = |place: &str| match place {
            "header" => split(values(&self.parameter), b','),
            "query" => form_urlencoded::parse(query)
                .filter(|(name, _)| *name == self.parameter)
                .map(|(_, value)| value.into_owned().into_bytes())
                .collect(),
            _ => split(values("cookie"), b';')
                .iter()
                .filter_map(|cookie| {
                    let at = cookie.iter().position(|byte| *byte == b'=')?;
                    (cookie[..at].trim_ascii() == self.parameter.as_bytes()).then(|| cookie[at + 1..].to_vec())
                })
                .collect(),
        };
        self.locations.iter().flat_map(|place| of_place(place)).collect()
    }
}

struct Tokens {
    good: String,
    expired: String,
    forged: String,
}

fn tokens() -> &'static Tokens {
    static TOKENS: OnceLock<Tokens> = OnceLock::new();
    TOKENS.get_or_init(|| Tokens {
        good: world::token(&json!({})).expect("a short token"),
        expired: world::token(&json!({"exp": NOW})).expect("a short token"),
        forged: SigningKey::from_shared_secret(Algorithm::HS256, &[0x5b; 64]).token(None, &world::claims(&json!({}))),
    })
}

/// The property.
pub fn holds(input: &[u8]) {
    thread_local!(static CASES: Vec<Case> = CONFIGURATIONS.into_iter().map(Case::new).collect());
    CASES.with(|cases| check(cases, input));
}

fn check(cases: &[Case], input: &[u8]) {
    let mut input = Input::new(input);
    let (number, has_body) = (input.choice(cases.len()), input.choice(2) == 1);
    let (case, headers) = (&cases[number], headers(input.rest()));
    let decision = world::decide(&case.plugin, &headers, has_body);
    // The cache changes no decision, now or at any other time.
    for now in [NOW, NOW + 3599, NOW + 3600, NOW] {
        let of = |plugin: &Plugin| world::decide_at(now, plugin, &headers, has_body);
        assert_eq!(of(&case.plugin), of(&case.uncached), "at {now}");
    }
    if number == cases.len() - 1 {
        assert_eq!(decision.map_err(|rejected| rejected.code()), Err("I400JP"));
        return;
    }
    let sent = case.sent(&headers);
    let has_good = sent.iter().any(|text| contains(text, tokens().good.as_bytes()));
    match decision {
        Ok(edits) => {
            assert!(has_good || case.bypass, "passed without a valid token");
            let is_blank = sent.iter().all(|text| is_blank(text));
            assert!(has_good || is_blank, "an invalid token counted as a missing one: {sent:?}");
            check_edits(case, &headers, &edits, has_good);
            check_replay(case, &headers, has_body);
        }
        Err(rejection) => {
            let message = rejection.message();
            let has_secret = [&tokens().good, &tokens().expired, &tokens().forged]
                .into_iter()
                .any(|token| message.contains(token.rsplit('.').next().unwrap_or(token)));
            assert!(!has_secret, "{message}");
            assert!(!sent.is_empty() || !case.bypass || rejection == Rejection::OpaqueForm, "{message}");
        }
    }
}

/// The headers in a text. There is one `:path`, as in every request.
fn headers(text: &[u8]) -> Headers {
    let mut headers = Headers::new();
    for line in text.split(|&byte| byte == b'\n') {
        let colon = line.iter().skip(1).position(|&byte| byte == b':').map_or(line.len(), |at| at + 1);
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let value = line.get(colon + 1..).unwrap_or_default();
        if !name.is_empty() && (name != ":path" || world::target(&headers).is_none()) {
            headers.push((name, filled(value.strip_prefix(b" ").unwrap_or(value))));
        }
    }
    headers
}

fn filled(value: &[u8]) -> Vec<u8> {
    let Tokens { good, expired, forged } = tokens();
    let mut value = value.to_vec();
    for (name, token) in [("{token}", good), ("{expired}", expired), ("{forged}", forged)] {
        while let Some(at) = value.windows(name.len()).position(|window| window == name.as_bytes()) {
            value.splice(at..at + name.len(), token.bytes());
        }
    }
    value
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Whether a value counts as a missing token.
fn is_blank(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let text = text.trim_matches(|letter: char| letter.is_ascii_whitespace() || letter == '"');
    text.is_empty() || text == "bearer"
}

/// The name of a header with every special character as `-`, because CGI servers don't distinguish them.
fn canonical(name: &str) -> String {
    name.to_ascii_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

/// The edits set each claim once, remove everything that could be read as one, and change nothing else.
fn check_edits(case: &Case, headers: &Headers, edits: &Edits, has_token: bool) {
    let targets = |place: &'static str| case.targets.iter().filter(move |[_, _, other]| other == place);
    let is_hidden = |name: &str| {
        let hides = |place| !case.forward && has_token && case.locations.contains(&place);
        (hides("header") && name == canonical(&case.parameter)) || (hides("cookie") && name == "cookie")
    };
    let is_ours = |name: &str| {
        is_hidden(&canonical(name)) || targets("header").any(|[_, other, _]| canonical(other) == canonical(name))
    };
    for (name, _) in headers {
        let is_target = targets("header").any(|[_, other, _]| canonical(other) == canonical(name));
        assert_eq!(case.plugin.owns_header(name), is_target, "{name}");
    }
    for HeaderEdit::Remove(name) | HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _) in &edits.headers {
        assert!(is_ours(name), "{name}");
    }
    let mut edited = headers.clone();
    edits.apply(&mut edited);
    let others = |headers: &Headers| -> Headers {
        headers.iter().filter(|(name, _)| !is_ours(name) && name != ":path").cloned().collect()
    };
    assert_eq!(others(&edited), others(headers));
    for [claim, name, _] in targets("header") {
        let sent: Vec<_> = edited.iter().filter(|(other, _)| canonical(other) == canonical(name)).collect();
        let expected =
            if has_token && claim == "sub" { vec![(name.to_ascii_lowercase(), b"alice".to_vec())] } else { vec![] };
        assert_eq!(sent, expected.iter().collect::<Vec<_>>(), "{name}");
    }
    let (query_targets, edits_path) = (targets("query").count(), case.has_backend_path || !case.forward);
    assert!(edits.path.is_none() || query_targets > 0 || edits_path, "{:?}", edits.path);
    assert!(edits.form.is_none() || targets("formData").count() > 0);
    if let Some(target) = world::target(&edited) {
        let (path, query) = world::split_target(target);
        for [claim, name, _] in targets("query") {
            let parameters = query.into_iter().flat_map(|query| query.split(|&byte| byte == b'&'));
            let found: Vec<_> = parameters.filter(|raw| stands_for(raw, name)).collect();
            let expected = format!("{name}=alice");
            let is_set = has_token && claim == "sub";
            assert_eq!(found, if is_set { vec![expected.as_bytes()] } else { vec![] }, "{name}");
        }
        if case.has_backend_path {
            assert!(path.starts_with(b"/u/alice"), "{}", path.escape_ascii());
            assert!(!percent_decode(path).collect::<Vec<_>>().split(|&byte| byte == b'/').any(|s| s == b".."));
        }
    }
}

/// A token passes only once, and any bytes in the shared data are handled.
fn check_replay(case: &Case, headers: &Headers, has_body: bool) {
    if case.replay {
        let memory = Memory::default();
        let decide_with = |memory: &Memory| {
            let host = Host { shared_data: memory, signatures: None, random: || None };
            world::decide_on(NOW, &case.plugin, headers, has_body, host).map_err(|rejection| rejection.code())
        };
        assert_eq!(decide_with(&memory).map(drop), Ok(()));
        assert_eq!(decide_with(&memory).map(drop), Err("S403JU"));
        for (_, value) in headers {
            let code = decide_with(&Memory::filled_with(value)).err().unwrap_or("pass");
            assert!(["pass", "S403JU", "S503JF"].contains(&code), "{code}");
        }
    }
}
