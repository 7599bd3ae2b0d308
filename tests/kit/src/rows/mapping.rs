//! Claims for the backend, and removal of what the client sent in their place.

use serde_json::{Value, json};

use super::{Row, World, config, get, header_config, row};

const BOTH: &str = "claimParameters:
- {claimName: aud, parameterName: X-Aud, location: header}
- {claimName: userId, parameterName: userId, location: query}";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let request = |members: &Value| get().token(world.token(members));
    let both = json!({"aud": "orders", "userId": "1213234"});
    let set = &[("x-aud", "orders")];
    vec![
        row(
            "claims are forwarded in a header and in the query",
            header_config(BOTH),
            vec![
                request(&both).passes_to("/p?userId=1213234", &[], set),
                request(&both).target("/p?a=1&&b=%2f").passes_to("/p?a=1&&b=%2f&userId=1213234", &[], set),
                request(&both).target("/p?").passes_to("/p?userId=1213234", &[], set),
                request(&json!({})).target("/p?a").passes(),
                get().rejected("I400JR", "JWT required"),
            ],
        ),
        row(
            "headers and parameters that the client sends in place of a claim are removed",
            header_config(BOTH),
            vec![
                request(&both)
                    .header("X-Aud", "forged")
                    .header("x-aud", "forged")
                    .header("X_AUD", "forged")
                    .header("x-auds", "kept")
                    .target("/p?userId=1&a=2&user%49d=3&userId%5B%5D=4&userId[0]=5&userid=6")
                    .passes_to("/p?a=2&userid=6&userId=1213234", &["x-aud", "x_aud"], set),
                request(&json!({}))
                    .header("X-Aud", "forged")
                    .header("x_aud", "forged")
                    .target("/p?userId=1&a=2")
                    .passes_to("/p?a=2", &["x-aud", "x_aud"], &[]),
                request(&json!({"aud": null, "userId": null}))
                    .header("X-Aud", "forged")
                    .target("/p?userId=1")
                    .passes_to("/p", &["x-aud"], &[]),
            ],
        ),
        row("what a parser in use reads as the claim's name never reaches the backend", header_config(BOTH), {
            let spellings = [
                "%5BuserId%5D=1",
                "[userId]=1",
                "]userId=1",
                "userId]=1",
                "userId]x[y=1",
                "userId[=1",
                "+userId=1",
                "%20userId%00x=1",
                ".userId=1",
                "userId.x=1",
                "userId[]=1&userId[x]=2",
                "%5b%75serId%5d[]=1",
            ];
            let spelled = spellings.map(|spelling| format!("/p?a=1&{spelling}"));
            let removed = |target: String| request(&json!({})).target(target).passes_to("/p?a=1", &[], &[]);
            let mut steps: Vec<_> = spelled.clone().map(removed).into();
            steps.extend(
                spelled.map(|target| request(&both).target(target).passes_to("/p?a=1&userId=1213234", &[], set)),
            );
            steps.extend([
                request(&both).target("/p??userId=1&a=1").passes_to("/p?a=1&userId=1213234", &[], set),
                request(&both).target("/p?a=1;userId=2;b=3&c").passes_to("/p?a=1&b=3&c&userId=1213234", &[], set),
                request(&both).target("/p?userId=1&?userId=2").passes_to("/p?userId=1213234", &[], set),
                // Names that no parser reads as the target stay unchanged.
                request(&json!({}))
                    .target("/p?x[userId]=1&%255BuserId]=2&userId%20=3&userId..x=4&-userId&userid")
                    .passes(),
            ]);
            steps
        }),
        row(
            "a request without a token is forwarded without forged claims",
            header_config(&format!("bypassEmptyToken: true\n{BOTH}")),
            vec![
                get()
                    .header("x-aud", "forged")
                    .header("X_Aud", "forged")
                    .header("x-other", "kept")
                    .target("/p?%75serId=1&a=2")
                    .passes_to("/p?a=2", &["x-aud", "x_aud"], &[]),
                get().passes(),
            ],
        ),
        row(
            "forwardToken: false removes the token once it is accepted",
            header_config(&format!("forwardToken: false\nbypassEmptyToken: true\n{BOTH}")),
            vec![
                request(&both).passes_to("/p?userId=1213234", &["x-token"], set),
                get().token("Bearer").passes(),
                get().token("junk").rejected("I400JD", "JWT Deserialize Failed: junk"),
            ],
        ),
        row(
            "the token is removed from the query, and other bytes stay",
            config("parameter: t\nparameterLocation: query\nforwardToken: false"),
            vec![{
                let token = world.token(&json!({}));
                get()
                    .target(format!("/p?a=%2f+&t={token}&tt=1&&%74={token}&b&[t]={token}&t[]={token}&+t={token}"))
                    .passes_to("/p?a=%2f+&tt=1&&b", &[], &[])
            }],
        ),
        row(
            "the token is removed from the cookies, and other cookies stay",
            config("parameter: jwt\nparameterLocation: cookie\nforwardToken: false"),
            vec![
                get().header("cookie", format!("a=1; jwt={}; jwt2=\"b\"", world.token(&json!({})))).passes_to(
                    "/p",
                    &["cookie"],
                    &[("cookie", "a=1; jwt2=\"b\"")],
                ),
                get().header("cookie", format!("jwt={}", world.token(&json!({})))).passes_to("/p", &["cookie"], &[]),
            ],
        ),
    ]
}
