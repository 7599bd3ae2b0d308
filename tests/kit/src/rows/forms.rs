//! Claims as form parameters.

use serde_json::json;

use super::{Request, Row, Step, World, get, header_config, post, row};

const FORM: &str = "application/x-www-form-urlencoded";
const MAPPED: &str = "claimParameters:
- {claimName: userId, parameterName: userId, location: formData}
- {claimName: role, parameterName: role, location: formData}";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let token = world.token(&json!({"userId": "a b&c=é"}));
    let form = |body: &str| post(FORM, body).token(&token);
    let opaque = |request: Request| -> Step {
        request.token(&token).rejected(
            "I415FD",
            "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
        )
    };
    let other = |content_type: &str, body: &str| post(content_type, body).token(&token).passes();
    vec![
        row(
            "the claim is added to a form once, and other bytes stay",
            header_config(MAPPED),
            vec![
                form("a=%2f+&&b").passes_with_body("a=%2f+&&b&userId=a%20b%26c%3D%C3%A9"),
                form("userId=1&a=2&%75serId=3&userId[]=4&userId%5B0%5D=5&role=admin&r%6fle&userid=6")
                    .passes_with_body("a=2&userid=6&userId=a%20b%26c%3D%C3%A9"),
                form(&"a=1&".repeat(10_000))
                    .passes_with_body(&format!("{}&userId=a%20b%26c%3D%C3%A9", "a=1&".repeat(10_000))),
                post("Application/X-WWW-Form-URLEncoded ; charset=UTF-8", "a=1")
                    .token(&token)
                    .passes_with_body("a=1&userId=a%20b%26c%3D%C3%A9"),
                post(FORM, "a=1")
                    .header("content-encoding", "identity")
                    .token(&token)
                    .passes_with_body("a=1&userId=a%20b%26c%3D%C3%A9"),
                post(FORM, "userId=1").token(world.token(&json!({"role": ["x", "y"]}))).passes_with_body("role=x%2Cy"),
                post(FORM, "userId=1&role=2").token(world.token(&json!({}))).passes_with_body(""),
                post(FORM, b"\xff=\x80").token(world.token(&json!({}))).passes(),
                post(FORM, b"a=1& [userId]=2&userId\xbd=3&b=4\xa6userId=5;userId=6&.role=7")
                    .token(world.token(&json!({})))
                    .passes_with_body("a=1&b=4"),
            ],
        ),
        row(
            "a body that could hide a forged parameter is rejected",
            header_config(MAPPED),
            vec![
                opaque(post("multipart/form-data; boundary=b", "--b--")),
                opaque(post("Multipart/Mixed; boundary=b", "--b--")),
                opaque(post(FORM, "x").header("content-encoding", "gzip")),
                opaque(post(FORM, "x").header("content-encoding", "identity").header("content-encoding", "br")),
                opaque(post("text/plain", "x").header("content-type", FORM)),
                opaque(post("text/urlencoded", "userId=1")),
                opaque(post("application/x-www-form-urlencodedx", "userId=1")),
                opaque(post("text/plain application/x-www-form-urlencoded", "userId=1")),
                opaque(Request { method: "POST", body: Some(b"userId=1".to_vec()), ..get() }),
            ],
        ),
        row(
            "other bodies and requests without a body pass unchanged",
            header_config(MAPPED),
            vec![
                other("application/json", r#"{"userId":1}"#),
                other("text/plain", "userId=1"),
                other("application/octet-stream", "userId=1"),
                get().header("content-type", FORM).token(&token).passes(),
                get().header("content-type", "multipart/form-data; boundary=b").token(&token).passes(),
                get().header("content-type", FORM).header("content-encoding", "gzip").token(&token).passes(),
            ],
        ),
        row(
            "without mapped form parameters every body passes",
            header_config(""),
            vec![
                other("multipart/form-data; boundary=b", "--b--"),
                form("userId=1").passes(),
                post(FORM, "x").header("content-encoding", "gzip").token(&token).passes(),
            ],
        ),
        row(
            "a form without a token is forwarded without forged claims",
            header_config(&format!("{MAPPED}\nbypassEmptyToken: true")),
            vec![
                post(FORM, "userId=1&a=2&role=3").passes_with_body("a=2"),
                post("multipart/form-data; boundary=b", "--b--").rejected(
                    "I415FD",
                    "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
                ),
            ],
        ),
        row("a rejected form does not use up its jti", header_config(&format!("{MAPPED}\npreventJtiReplay: true")), {
            let token = world.token(&json!({"jti": "form"}));
            vec![
                post(FORM, "x").header("content-encoding", "gzip").token(&token).rejected(
                    "I415FD",
                    "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
                ),
                post(FORM, "a=1").token(&token).passes(),
                post(FORM, "a=1").token(&token).rejected("S403JU", "Claim jti in JWT is used"),
            ]
        }),
    ]
}
