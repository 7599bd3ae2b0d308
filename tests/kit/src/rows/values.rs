//! The text that the backend gets for a claim.

use serde_json::json;

use super::{Row, World, get, header_config, key, post, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    [texts(world), identities(world)].into_iter().flatten().collect()
}

/// A token with this JSON as its claim `v`.
fn with_claim(world: &World, value: &str) -> String {
    let claims = world.claims(&json!({})).to_string();
    let payload = format!(r#"{{"v":{value},{}"#, &claims[1..]);
    key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, payload.as_bytes())
}

/// Different claims must not arrive as the same text, and `format: json` keeps all of them apart.
fn identities(world: &World) -> Vec<Row> {
    let request = |value: &str| get().token(with_claim(world, value));
    let rejected = |value: &str, problem: &str| request(value).invalid(&format!("claim v {problem}"));
    let header = |format: &str| {
        header_config(&format!(
            "claimParameters: [{{claimName: v, parameterName: X-V, location: header, format: {format}}}]"
        ))
    };
    let arrives = |value: &str, text: &str| request(value).passes_to("/p", &[], &[("x-v", text)]);
    let comma = "is an array with a comma in an element, so it can't be joined; use format: json";
    let trimmed = "begins or ends with a space, which HTTP removes from a header";
    let empty = "is an array of one empty string, which would arrive as an empty array; use format: json";
    let query = |value: &str, encoded: &str| request(value).passes_to(format!("/p?v={encoded}"), &[], &[]);
    let long = |length: usize| format!("\"{}\"", "a".repeat(length));
    let form_type = "application/x-www-form-urlencoded";
    vec![
        row(
            "different arrays or strings never arrive as the same header",
            header("text"),
            vec![
                arrives("[\"x\",\"admin\"]", "x,admin"),
                rejected("[\"x,admin\"]", comma),
                rejected("[\"x\",\"\\u002c\"]", comma),
                arrives("\"admin\"", "admin"),
                rejected("\"  admin  \"", trimmed),
                rejected("\"admin \"", trimmed),
                rejected("\" \"", trimmed),
                rejected("[\" admin\"]", trimmed),
                rejected("[\"x\",\"admin \"]", trimmed),
                rejected("\"\\tadmin\"", "has control characters, which a header can't carry"),
                arrives("[]", ""),
                rejected("[\"\"]", empty),
                arrives("[\"\",\"\"]", ","),
                arrives("[null,1]", "null,1"),
                arrives("[[\"x,y\"],1]", "[[\"x,y\"],1]"),
                request("null").passes(),
            ],
        ),
        row(
            "different arrays never arrive as the same parameter, and spaces are kept",
            header_config("claimParameters: [{claimName: v, parameterName: v, location: query}]"),
            vec![
                query("[\"x\",\"admin\"]", "x%2Cadmin"),
                rejected("[\"x,admin\"]", comma),
                rejected("[\"\"]", empty),
                query("\" admin \"", "%20admin%20"),
                query("\"x,admin\"", "x%2Cadmin"),
            ],
        ),
        row(
            "format: json sends any claim as JSON in a header",
            header("json"),
            vec![
                arrives("[\"x,admin\"]", "[\"x,admin\"]"),
                arrives("[ \"x\", \"admin\" ]", "[\"x\",\"admin\"]"),
                arrives("\"  admin  \"", "\"  admin  \""),
                arrives("\"1\"", "\"1\""),
                arrives("1", "1"),
                arrives("[1]", "[1]"),
                arrives("[\"1\"]", "[\"1\"]"),
                arrives("[]", "[]"),
                arrives("[\"\"]", "[\"\"]"),
                arrives("[null]", "[null]"),
                arrives("\"\"", "\"\""),
                arrives("true", "true"),
                arrives("1.10", "1.10"),
                arrives("9007199254740993", "9007199254740993"),
                arrives("\"\\u00e9\"", "\"é\""),
                arrives("\"\\r\\n\\t\\u0000\\u007f\\u0085\"", "\"\\r\\n\\t\\u0000\\u007f\\u0085\""),
                arrives("{\"b\": [1, 2.0], \"a\": \"x\"}", "{\"b\":[1,2.0],\"a\":\"x\"}"),
                request("null").header("X-V", "forged").passes_to("/p", &["x-v"], &[]),
                request("\"a\"").header("X_V", "forged").passes_to("/p", &["x_v"], &[("x-v", "\"a\"")]),
                arrives(&long(7998), &long(7998)),
                rejected(&long(7999), "is too long for its target"),
            ],
        ),
        row(
            "format: json in the query, in the path and in a form",
            header_config(
                "backendPath: /u/{v}{path}
claimParameters:
- {claimName: v, parameterName: v, location: query, format: json}
- {claimName: v, parameterName: v, location: path, format: json}
- {claimName: v, parameterName: v, location: formData, format: json}",
            ),
            vec![
                request("[\"x,y\"]").passes_to("/u/%5B%22x%2Cy%22%5D/p?v=%5B%22x%2Cy%22%5D", &[], &[]),
                request("\"é\"").passes_to("/u/%22%C3%A9%22/p?v=%22%C3%A9%22", &[], &[]),
                request("\"\"").passes_to("/u/%22%22/p?v=%22%22", &[], &[]),
                request("\"..\"").passes_to("/u/%22..%22/p?v=%22..%22", &[], &[]),
                request("null").invalid("claim v is missing, and backendPath needs it"),
                super::Step {
                    request: post(form_type, "a=1&v=forged").token(with_claim(world, "[1,\"1\"]")),
                    expected: super::Expected::Passes {
                        target: b"/u/%5B1%2C%221%22%5D/p?v=%5B1%2C%221%22%5D".to_vec(),
                        without: Vec::new(),
                        with: Vec::new(),
                        body: b"a=1&v=%5B1%2C%221%22%5D".to_vec(),
                    },
                },
            ],
        ),
        row(
            "an unknown format is a configuration error",
            header("yaml"),
            vec![
                get().rejected("I400JP", "Invalid JWT plugin config: claimParameters[0].format: expected text or json"),
            ],
        ),
    ]
}

/// Claims of each type, in a header and percent-encoded in the query.
fn texts(world: &World) -> Vec<Row> {
    let mapped = header_config(
        "claimParameters:
- {claimName: v, parameterName: X-V, location: header}
- {claimName: v, parameterName: v, location: query}
- {claimName: a.b, parameterName: X-Nested, location: header}
- {claimName: https://x.example/roles, parameterName: X-Roles, location: header}",
    );
    let with_text = |value: &str| get().token(with_claim(world, value));
    let sent = |value: &str, header: &str, query: &str| {
        with_text(value).passes_to(format!("/p?v={query}"), &[], &[("x-v", header)])
    };
    let rejected = |value: &str, problem: &str| with_text(value).invalid(&format!("claim v {problem}"));
    let control = "has control characters, which a header can't carry";
    let long = |length: usize| format!("\"{}\"", "a".repeat(length));
    vec![
        row(
            "a claim keeps all digits and characters",
            mapped.clone(),
            vec![
                sent("\"a b&c=d/../e?f#g%\"", "a b&c=d/../e?f#g%", "a%20b%26c%3Dd%2F..%2Fe%3Ff%23g%25"),
                sent("\"\\u00e9\"", "é", "%C3%A9"),
                sent("9007199254740993", "9007199254740993", "9007199254740993"),
                sent("1.10", "1.10", "1.10"),
                sent("-1.5E+10", "-1.5E+10", "-1.5E%2B10"),
                sent("true", "true", "true"),
                sent("[\"a\",1,false]", "a,1,false", "a%2C1%2Cfalse"),
                sent(
                    "{\"b\": [1, 2.0], \"a\": \"x\"}",
                    "{\"b\":[1,2.0],\"a\":\"x\"}",
                    "%7B%22b%22%3A%5B1%2C2.0%5D%2C%22a%22%3A%22x%22%7D",
                ),
                sent("\"\"", "", ""),
                with_text("null").passes(),
            ],
        ),
        row(
            "a claim is looked up by its literal name, then as a path",
            mapped.clone(),
            vec![
                get().token(world.token(&json!({"a": {"b": 1}, "https://x.example/roles": ["r", "s"]}))).passes_to(
                    "/p",
                    &[],
                    &[("x-nested", "1"), ("x-roles", "r,s")],
                ),
                get().token(world.token(&json!({"a.b": "literal", "a": {"b": 1}}))).passes_to(
                    "/p",
                    &[],
                    &[("x-nested", "literal")],
                ),
            ],
        ),
        row(
            "a claim that its target can't carry is rejected",
            mapped,
            vec![
                rejected("\"a\\r\\nset-cookie: b\"", control),
                rejected("\"a\\u0000\"", control),
                rejected("\"\\t\"", control),
                rejected("\"\\u007f\"", control),
                rejected("\"\\u0085\"", control),
                sent(&long(2000), &"a".repeat(2000), &"a".repeat(2000)),
                rejected(&long(8001), "is too long for its target"),
            ],
        ),
    ]
}
