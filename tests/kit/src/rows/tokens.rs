//! Which values can be read as a token.

use serde_json::json;

use super::{Row, World, get, header_config, key, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({})).to_string();
    let header = r#"{"alg":"ES256","kid":"k1"}"#;
    let raw = |header: &str, payload: &str| key().token_raw(header.as_bytes(), payload.as_bytes());
    let token = raw(header, &claims);
    let unreadable = |token: &str| {
        let shown: String = token.chars().take(16).collect();
        let cut = if token.len() > 16 { "..." } else { "" };
        get().token(token).rejected("I400JD", format!("JWT Deserialize Failed: {shown}{cut}"))
    };
    let segments: Vec<&str> = token.split('.').collect();
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    vec![
        row(
            "only three segments of strict base64url are a token",
            header_config(""),
            vec![
                get().token(&token).passes(),
                unreadable("junk"),
                unreadable("."),
                unreadable(".."),
                unreadable(&format!("{}.{}", segments[0], segments[1])),
                unreadable(&format!("{token}.")),
                unreadable(&format!("{token}.{}", segments[2])),
                unreadable(&format!("{token}.a.b")),
                unreadable(&format!("{token}=")),
                unreadable(&format!("{}=.{}.{}", segments[0], segments[1], segments[2])),
                unreadable(&format!("{}.{}!.{}", segments[0], segments[1], segments[2])),
                unreadable(&format!("{}.{} .{}", segments[0], segments[1], segments[2])),
                unreadable(&".".repeat(20_000)),
                unreadable(&format!("{}.{}.{}", segments[0], "A".repeat(16 * 1024), segments[2])),
            ],
        ),
        row(
            "the header must be a JSON object with unique members",
            header_config(""),
            ["", "[]", "\"a\"", "null", "{", "{} {}", "\u{feff}{}", r#"{"alg":"ES256","alg":"ES256"}"#, &deep(300)]
                .into_iter()
                .map(|header| unreadable(&raw(header, &claims)))
                .collect(),
        ),
        row(
            "the payload of a verified token must be a JSON object with unique members",
            header_config(""),
            [
                "",
                "[]",
                "\"a\"",
                "null",
                "1",
                "{",
                "{} {}",
                "\u{feff}{}",
                r#"{"exp":1,"exp":2}"#,
                r#"{"a":"\ud800"}"#,
                r#"{"a":{"b":1,"b":2}}"#,
                r#"{"a":NaN}"#,
                &deep(300),
                &deep(5000),
            ]
            .into_iter()
            .map(|payload| unreadable(&raw(header, payload)))
            .chain([get()
                .token(format!("{}.{}.{}", segments[0], "W10", segments[2]))
                .invalid("signature verification failed")])
            .collect(),
        ),
        row(
            "values from the client are escaped in the message",
            header_config(""),
            vec![
                get().token(b"\xff\xfe\x80").rejected("I400JD", r"JWT Deserialize Failed: \xff\xfe\x80"),
                get().token("<b>&\\").rejected("I400JD", r"JWT Deserialize Failed: \x3cb\x3e\x26\x5c"),
                get().token("\"q\"").rejected("I400JD", "JWT Deserialize Failed: \"q\""),
            ],
        ),
        row(
            "headers may contain bytes that are not UTF-8",
            header_config("bypassEmptyToken: true"),
            vec![
                get()
                    .header("x-bytes", b"\x80\xff")
                    .header("cookie", b"a=\xff; \xfe=\x80")
                    .header("user-agent", b"\xc3")
                    .header("content-type", b"application/\xff")
                    .header("accept", b"\xe2\x82")
                    .passes(),
                get().header("x-bytes", b"\x80\xff").token(&token).passes(),
            ],
        ),
        row(
            "the token with other bytes around it is another value",
            header_config(""),
            vec![unreadable(&format!("\"{token}\"")), unreadable(&format!("token={token}"))],
        ),
    ]
}
