//! T7 and T8: claims whose text could have a meaning in a header, a query, a form or a path.

use kit::rows::{Request, Row, Step, World, get, header_config, key, post, row};
use serde_json::json;

use crate::encodings::percent_encoded;
use crate::trials::single;

attacks! {
    t07_control_characters_in_a_header: CHOSEN, control_characters_in_a_header;
    t07_text_that_means_something_in_query_form_and_path: CHOSEN, text_that_means_something_in_query_form_and_path;
    t07_a_path_that_leads_somewhere_else: CHOSEN, a_path_that_leads_somewhere_else;
    t07_a_claim_at_the_longest_that_goes_out_and_beyond: CHOSEN, a_claim_at_the_longest_that_goes_out_and_beyond;
    t07_text_that_is_not_unicode: CHOSEN, text_that_is_not_unicode;
    t07_targets_that_frame_the_request: CHOSEN, targets_that_frame_the_request;
    t08_claims_that_are_not_plain_strings: CHOSEN, claims_that_are_not_plain_strings;
}

const FORM: &str = "application/x-www-form-urlencoded";

fn with_text(world: &World, request: Request, text: &str) -> Request {
    request.token(world.token(&json!({"v": text})))
}

fn mapped(place: &str) -> String {
    let template = if place == "path" { "backendPath: /u/{v}{path}\n" } else { "" };
    header_config(&format!("{template}claimParameters: [{{claimName: v, parameterName: v, location: {place}}}]"))
}

/// Each byte that could end a header line or be dropped on the way: at the beginning, in the middle and at the end.
fn control_characters_in_a_header(world: &World) -> Vec<Row> {
    single(&mapped("header"), || {
        let controls = (0..0x20).chain(0x7f..0xa0).filter_map(char::from_u32);
        let texts = controls.flat_map(|byte| [format!("{byte}a"), format!("a{byte}b"), format!("a{byte}")]);
        let splitting = ["a\r\nset-cookie: b", "a\n b", "a\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n", "\u{85}"];
        texts
            .chain(splitting.map(str::to_owned))
            .map(|text| {
                with_text(world, get(), &text).invalid("claim v has control characters, which a header can't carry")
            })
            .collect()
    })
}

/// Text with a meaning in a query, a form, a path or a header. The backend must decode it to the same text.
const TEXTS: [&str; 22] = [
    "a&v=b",
    "a;v=b",
    "a=b",
    "a#b",
    "a?b",
    "a%26v%3Db",
    "a%",
    "%00",
    "a+b",
    "a b",
    "../admin",
    "..\\admin",
    "/admin",
    "//evil.example",
    "a/../../admin",
    "..%2fadmin",
    "%2e%2e/admin",
    "..;/admin",
    "<script>alert(1)</script>",
    "${jndi:ldap://x}",
    "\u{e9}\u{202e}\u{2028}\u{1f600}\u{fffd}",
    "'\"`\\|^[]{}<>",
];

fn text_that_means_something_in_query_form_and_path(world: &World) -> Vec<Row> {
    let place = |place: &str, step: &dyn Fn(&str) -> Step| {
        let controls = ["a\r\nb", "\0", "\u{7f}", "\u{85}", "\u{1}"];
        row(place, mapped(place), TEXTS.into_iter().chain(controls).map(step).collect())
    };
    vec![
        place("query", &|text| {
            let target = format!("/p?a=1&v={}", percent_encoded(text));
            with_text(world, get().target("/p?a=1"), text).passes_to(target, &[], &[])
        }),
        place("formData", &|text| {
            let body = format!("a=1&v={}", percent_encoded(text));
            with_text(world, post(FORM, "a=1"), text).passes_with_body(&body)
        }),
        place("path", &|text| {
            let target = format!("/u/{}/p?a=1", percent_encoded(text));
            with_text(world, get().target("/p?a=1"), text).passes_to(target, &[], &[])
        }),
        row(
            "header",
            mapped("header"),
            TEXTS.into_iter().map(|text| with_text(world, get(), text).passes_to("/p", &[], &[("v", text)])).collect(),
        ),
    ]
}

/// The defect of lura's `GeneratePath`: a claim that is a dot segment, and a request path with dot segments.
fn a_path_that_leads_somewhere_else(world: &World) -> Vec<Row> {
    single(&mapped("path"), || {
        let unmappable =
            |text: &str, problem: &str| with_text(world, get(), text).invalid(&format!("claim v {problem}"));
        let mut steps = vec![
            unmappable("", "is empty, which a path segment can't be"),
            unmappable(".", "is a dot segment"),
            unmappable("..", "is a dot segment"),
            get().token(world.token(&json!({}))).invalid("claim v is missing, and backendPath needs it"),
            get().token(world.token(&json!({"v": null}))).invalid("claim v is missing, and backendPath needs it"),
        ];
        for path in [
            "/..",
            "/../",
            "/.",
            "/./",
            "/a/../../b",
            "/a/..",
            "/%2e%2e/b",
            "/%2E./b",
            "/.%2e",
            "/..%2fb",
            "/a%2f..%2fb",
            "/..\\b",
            "/a\\..\\b",
            "/..%5cb",
            "/%5c..%5cb",
            "/..;/b",
            "/..;x=y/b",
            "/.;/b",
            "/a/%2e%2e;x",
            "/..%3bx/b",
        ] {
            let reason = "the request path has a dot segment, so backendPath can't be made";
            steps.push(with_text(world, get().target(path), "7").invalid(reason));
            steps.push(with_text(world, get().target(format!("{path}?a=..")), "7").invalid(reason));
        }
        for path in ["/...", "/..a", "/a..", "//", "//b", "/a//b", "/%2f", "/;", "/%00", "/a?/../b", "/a?b=%2e%2e"] {
            steps.push(with_text(world, get().target(path), "7").passes_to(format!("/u/7{path}"), &[], &[]));
        }
        steps
    })
}

fn a_claim_at_the_longest_that_goes_out_and_beyond(world: &World) -> Vec<Row> {
    let place = |place: &str, letter: &str, longest: usize| -> Row {
        let request = |length: usize| {
            let request = if place == "formData" { post(FORM, "a=1") } else { get() };
            with_text(world, request, &letter.repeat(length))
        };
        let too_long = |length: usize| request(length).invalid("claim v is too long for its target");
        let whole = letter.repeat(longest);
        let passes = match place {
            "header" => request(longest).passes_to("/p", &[], &[("v", &whole)]),
            "query" => request(longest).passes_to(format!("/p?v={}", percent_encoded(&whole)), &[], &[]),
            "path" => request(longest).passes_to(format!("/u/{}/p", percent_encoded(&whole)), &[], &[]),
            _ => request(longest).passes_with_body(&format!("a=1&v={}", percent_encoded(&whole))),
        };
        let steps = vec![passes, too_long(longest + 1), too_long(12_000 / letter.len())];
        row(format!("{letter} in {place}"), mapped(place), steps)
    };
    vec![
        place("header", "a", 8000),
        place("header", "\u{e9}", 4000),
        place("query", "a", 8000),
        place("query", "&", 2666),
        place("path", "a", 8000),
        place("path", "/", 2666),
        place("formData", "a", 8000),
        place("formData", "\u{1f600}", 666),
    ]
}

fn text_that_is_not_unicode(world: &World) -> Vec<Row> {
    single(&mapped("header"), || {
        let claims = world.claims(&json!({})).to_string();
        let bytes: [&[u8]; 8] =
            [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\x80", b"\xe2\x82", br"\ud800", br"\udfff\ud800", br"\u00zz"];
        bytes
            .into_iter()
            .map(|bytes| {
                let payload = [b"{\"v\":\"", bytes, b"\",", &claims.as_bytes()[1..]].concat();
                let token = key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, &payload);
                get().token(token).rejected("I400JD", "JWT Deserialize Failed: eyJhbGciOiJFUzI1...")
            })
            .collect()
    })
}

/// A claim in one of these headers could split the request in two, or change where it goes.
fn targets_that_frame_the_request(world: &World) -> Vec<Row> {
    let token = world.token(&json!({"v": "0"}));
    let framing = "expected a header that is not for the connection or the framing of the message";
    let characters = "expected a header name of letters, digits and !#$%&'*+-.^_`|~";
    let named = [
        "content-length",
        "Content-Length",
        "CONTENT_LENGTH",
        "content_length",
        "transfer-encoding",
        "Transfer_Encoding",
        "host",
        "HOST",
        "connection",
        "te",
        "TE",
        "trailer",
        "upgrade",
        "keep-alive",
        "keep_alive",
        "proxy-connection",
        "expect",
        "http2-settings",
    ];
    let malformed =
        [":path", ":authority", ":method", ":", "a b", "a:", "a\\r\\nb", "\u{e9}", "a\\0", "a,b", "a/b", "(a)"];
    named
            .into_iter()
            .map(|name| (name, framing))
            .chain(malformed.into_iter().map(|name| (name, characters)))
            .map(|(name, problem)| {
                let config = header_config(&format!(
                    "bypassEmptyToken: true\nclaimParameters: [{{claimName: v, parameterName: \"{name}\", location: header}}]"
                ));
                let error = format!("Invalid JWT plugin config: claimParameters[0].parameterName: {problem}");
                let error = error.replace('&', r"\x26");
                let rejected = |request: Request| request.rejected("I400JP", &error);
                row(name, config, vec![rejected(get()), rejected(get().token(&token))])
            })
            .collect()
}

/// H9: numbers keep their digits, nested values are sent as JSON, and the literal claim name is tried before the path.
fn claims_that_are_not_plain_strings(world: &World) -> Vec<Row> {
    let lines = "claimParameters:
- {claimName: v, parameterName: X-V, location: header}
- {claimName: a.b.c, parameterName: X-Path, location: header}
- {claimName: https://x.example/v, parameterName: X-Url, location: header}
- {claimName: __proto__, parameterName: X-Proto, location: header}";
    single(&header_config(lines), || {
        let claims = world.claims(&json!({})).to_string();
        let with = |member: &str, header: &'static str, value: &str| {
            let payload = format!("{{{member},{}", &claims[1..]);
            let token = key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, payload.as_bytes());
            get().header(header, "forged").token(token).passes_to("/p", &[header], &[(header, value)])
        };
        let without = |member: &str, header: &'static str| {
            let payload = format!("{{{member},{}", &claims[1..]);
            let token = key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, payload.as_bytes());
            get().header(header, "forged").token(token).passes_to("/p", &[header], &[])
        };
        vec![
            with(r#""v":9007199254740993"#, "x-v", "9007199254740993"),
            with(r#""v":18446744073709551616"#, "x-v", "18446744073709551616"),
            with(r#""v":-0"#, "x-v", "-0"),
            with(r#""v":1.0e+2"#, "x-v", "1.0e+2"),
            with(r#""v":1e400"#, "x-v", "1e400"),
            with(r#""v":0.1000"#, "x-v", "0.1000"),
            with(r#""v":[1,"a",true,null,2.50]"#, "x-v", "1,a,true,null,2.50"),
            with(r#""v":[[1],"a"]"#, "x-v", r#"[[1],"a"]"#),
            with(r#""v":{"a":{"b":[{}]}}"#, "x-v", r#"{"a":{"b":[{}]}}"#),
            with(r#""v":{"a":"\r\n"}"#, "x-v", r#"{"a":"\r\n"}"#),
            with(r#""a":{"b":{"c":"x"}}"#, "x-path", "x"),
            with(r#""a.b.c":"literal","a":{"b":{"c":"x"}}"#, "x-path", "literal"),
            with(r#""https://x.example/v":"y""#, "x-url", "y"),
            with(r#""__proto__":"z""#, "x-proto", "z"),
            without(r#""a":{"b.c":"x"}"#, "x-path"),
            without(r#""a":{"b":[{"c":1}]}"#, "x-path"),
            without(r#""a":{"b":"c"}"#, "x-path"),
            without(r#""a.b.c":null,"a":{"b":{"c":"x"}}"#, "x-path"),
            without(r#""V":1,"v ":2"#, "x-v"),
        ]
    })
}
