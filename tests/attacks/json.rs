//! T11: JSON that two parsers read differently, and JSON that is expensive to parse.

use kit::rows::{Row, Step, World, get, header_config, key, row};
use serde_json::{Value, json};

use crate::encodings::{base64url, segments};
use crate::trials::single;

attacks! {
    t11_json_that_readers_disagree_about: CHOSEN, json_that_readers_disagree_about;
    t11_a_forged_token_learns_nothing_of_its_payload: CHOSEN, a_forged_token_learns_nothing_of_its_payload;
}

const HEADER: &[u8] = br#"{"alg":"ES256","kid":"k1"}"#;

fn unreadable(token: &str) -> Step {
    let begin: String = token.chars().take(16).collect();
    let cut = if token.len() > 16 { "..." } else { "" };
    get().token(token).rejected("I400JD", format!("JWT Deserialize Failed: {begin}{cut}"))
}

fn json_that_readers_disagree_about(world: &World) -> Vec<Row> {
    let claims = world.claims(&json!({})).to_string();
    let members = &claims[1..claims.len() - 1];
    let payload = |payload: Vec<u8>| unreadable(&key().token_raw(HEADER, &payload));
    let header = |header: Vec<u8>| unreadable(&key().token_raw(&header, claims.as_bytes()));
    let own = r#""alg":"ES256","kid":"k1""#;
    let broken = |members: &str| -> Vec<Vec<u8>> {
        let mut texts: Vec<Vec<u8>> = [
            String::new(),
            " ".to_owned(),
            "null".to_owned(),
            "true".to_owned(),
            "1".to_owned(),
            "\"{}\"".to_owned(),
            format!("[{{{members}}}]"),
            format!("{{{members}"),
            format!("{{{members}}}}}"),
            format!("{{{members}}}{{}}"),
            format!("{{{members}}} x"),
            format!("{{{members}}}\0"),
            format!("{{{members},}}"),
            format!("{{,{members}}}"),
            format!("{{{members}}}//"),
            format!("/**/{{{members}}}"),
            format!("{{{members},'a':1}}"),
            format!("{{{members},a:1}}"),
            format!("{{{members},\"a\":undefined}}"),
            format!("{{{members},\"a\":\"\n\"}}"),
            format!("{{{members},\"a\":\"\\x41\"}}"),
            format!("{{{members},\"a\":\"\\ud800\"}}"),
            format!("{{{members},\"\\udc00\":1}}"),
            format!("{{{members},\"a\":1,\"a\":1}}"),
            format!("{{{members},\"a\":1,\"\\u0061\":1}}"),
            format!("{{{members},\"\":1,\"\":2}}"),
            format!("{{{members},\"a\":[{{\"b\":1,\"b\":1}}]}}"),
            format!("{{{members},\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000)),
            format!("{{{members},\"a\":{}", "[".repeat(10_000)),
            format!("{{{members},\"a\":{}1{}}}", "{\"a\":".repeat(1500), "}".repeat(1500)),
            format!("\u{feff}{{{members}}}"),
        ]
        .map(String::into_bytes)
        .to_vec();
        texts.push([b"{\"a\":\"\xff\",", members.as_bytes(), b"}"].concat());
        let utf16 = format!("{{{members}}}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        texts.push(utf16);
        texts
    };
    let mut in_payload: Vec<_> = broken(members).into_iter().map(payload).collect();
    for claim in ["exp", "sub", "iat"] {
        let twice = |value: &Value| format!("{{{members},\"{claim}\":{value}}}").into_bytes();
        in_payload.extend([json!(9_999_999_999_u64), json!("root"), json!(null)].map(|value| payload(twice(&value))));
    }
    let many: String = (0..1000).map(|number| format!(",\"m{number}\":{number}")).collect();
    let deep = |depth: usize| format!("{{{members},\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    in_payload.extend([
        get().token(key().token_raw(HEADER, format!("{{{members}{many}}}").as_bytes())).passes(),
        payload(format!("{{{members}{many},\"m999\":0}}").into_bytes()),
        get().token(key().token_raw(HEADER, deep(63).as_bytes())).passes(),
        payload(deep(64).into_bytes()),
        payload(deep(127).into_bytes()),
        payload(deep(128).into_bytes()),
        payload(deep(129).into_bytes()),
        get().token(key().token_raw(HEADER, format!(" \t\r\n{{ {members} }}\n").as_bytes())).passes(),
    ]);
    let in_header = broken(own).into_iter().map(header).collect();
    vec![row("payload", header_config(""), in_payload), row("header", header_config(""), in_header)]
}

/// The payload is not read before the signature is verified, so no message depends on the payload of a forged token.
fn a_forged_token_learns_nothing_of_its_payload(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        let good = world.token(&json!({}));
        let [header, _, signature] = segments(&good);
        ["{}", "", "[", "{\"exp\":1}", "{\"exp\":\"x\"}", "{\"a\":1,\"a\":1}", "\u{feff}", &"[".repeat(9000)]
            .map(|payload| {
                let token = format!("{header}.{}.{signature}", base64url(payload));
                get().token(token).invalid("signature verification failed")
            })
            .into()
    })
}
