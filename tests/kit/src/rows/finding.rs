//! Where the filter looks for a token, and what counts as a missing one.

use serde_json::json;

use super::{Row, World, config, get, header_config, row};

const REQUIRED: (&str, &str) = ("I400JR", "JWT required");

pub(super) fn rows(world: &World) -> Vec<Row> {
    let token = world.token(&json!({}));
    let other = world.token(&json!({"sub": "bob"}));
    let none = |request: super::Request| request.rejected(REQUIRED.0, REQUIRED.1);
    let several = |request: super::Request| request.invalid("more than one token was sent");
    let bearer = |scheme: &str| format!("{scheme}{token}");
    vec![
        row(
            "the token is the whole value of a header, with or without Bearer",
            header_config(""),
            vec![
                get().token(&token).passes(),
                get().header("x-token", &token).passes(),
                get().token(bearer("Bearer ")).passes(),
                get().token(bearer("bEARER \t ")).passes(),
                get().header("authorization", &token).rejected(REQUIRED.0, REQUIRED.1),
                none(get()),
                none(get().token("")),
                none(get().token("Bearer")),
                none(get().token("bearer \t")),
                none(get().target(format!("/p?X-Token={token}"))),
                none(get().header("cookie", format!("X-Token={token}"))),
                get().token(bearer("Basic ")).rejected("I400JD", "JWT Deserialize Failed: Basic eyJhbGciOi..."),
            ],
        ),
        row(
            "two different tokens in one place are rejected, two equal ones count as one",
            header_config(""),
            vec![
                several(get().token(&token).token(&other)),
                several(get().token(&token).token("")),
                several(get().token(format!("{token},{other}"))),
                get().token(&token).token(&token).passes(),
            ],
        ),
        row(
            "Authorization works as the parameter",
            config("parameter: Authorization\nparameterLocation: header"),
            vec![
                get().header("authorization", bearer("Bearer ")).passes(),
                none(get().header("authorization", "Bearer ")),
                several(
                    get().header("authorization", bearer("Bearer ")).header("authorization", format!("Bearer {other}")),
                ),
                get().header("authorization", "Basic YTpi").rejected("I400JD", "JWT Deserialize Failed: Basic YTpi"),
            ],
        ),
        row(
            "in a query, name and value are percent-decoded",
            config("parameter: t\nparameterLocation: query"),
            vec![
                get().target(format!("/p?a=1&t={token}&b")).passes(),
                get().target(format!("/p?%74={}", token.replace('.', "%2E"))).passes(),
                get().target(format!("/p?t={token}&t={token}")).passes(),
                several(get().target(format!("/p?t={token}&%74={other}"))),
                several(get().target(format!("/p?t=&t={token}"))),
                get().target(format!("/p?[t]={token}&t[]={token}&+t%00x={token}")).passes(),
                get().target(format!("/p?a=1;t={token}")).passes(),
                several(get().target(format!("/p?t={token}&t%5B%5D={other}"))),
                several(get().target(format!("/p?t={token}&]t={other}"))),
                several(get().target(format!("/p?t={token}&a=1;%74={other}"))),
                several(get().target(format!("/p?t={token};t={token}"))),
                none(get().target("/p?t=")),
                none(get().target("/p?t=%20%09+")),
                none(get().target(format!("/p?T={token}&tt={token}"))),
                none(get().header("t", &token)),
            ],
        ),
        row(
            "a cookie must have exactly the configured name",
            config("parameter: jwt\nparameterLocation: cookie"),
            vec![
                get().header("cookie", format!("jwt2=x; jwt={token}; a=b")).passes(),
                get().header("cookie", format!("jwt=\"{token}\"")).passes(),
                get().header("cookie", "a=b").header("cookie", format!("jwt={token}")).passes(),
                several(get().header("cookie", format!("jwt={token}; jwt={other}"))),
                several(get().header("cookie", format!("jwt={token}")).header("cookie", format!("jwt={other}"))),
                none(get().header("cookie", format!("jwt2={token}; JWT={token}; jwt"))),
                none(get().header("cookie", "jwt=\"\"")),
                none(get()),
            ],
        ),
        row(
            "without a location the header is tried first, then the query",
            config("parameter: t"),
            vec![
                get().header("t", &token).target("/p?t=junk").passes(),
                get().header("t", "Bearer").target(format!("/p?t={token}")).passes(),
                get().target(format!("/p?t={token}")).passes(),
                none(get().header("cookie", format!("t={token}"))),
                get()
                    .header("t", "junk")
                    .target(format!("/p?t={token}"))
                    .rejected("I400JD", "JWT Deserialize Failed: junk"),
            ],
        ),
        row(
            "with bypassEmptyToken an invalid token is still rejected",
            header_config("bypassEmptyToken: true"),
            vec![
                get().passes(),
                get().token("").passes(),
                get().token(" Bearer ").passes(),
                get().token(&token).passes(),
                get().token("junk").rejected("I400JD", "JWT Deserialize Failed: junk"),
                get().token(format!("{token}x")).rejected("I400JD", "JWT Deserialize Failed: eyJhbGciOiJFUzI1..."),
                several(get().token(&token).token(&other)),
            ],
        ),
    ]
}
