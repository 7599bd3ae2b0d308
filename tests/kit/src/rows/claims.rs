//! The claims of a token whose signature is valid.

use serde_json::{Value, json};

use super::{Row, Step, World, date, get, header_config, key, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    let now = world.now;
    let request = |members: &Value| get().token(world.token(members));
    let expired = |exp: u64| ("A403JE", format!("JWT is expired at {}", date(exp)));
    let rejected = |members: &Value, (code, message): (&'static str, String)| request(members).rejected(code, message);
    vec![
        row(
            "a token is valid from nbf until exp",
            header_config(""),
            vec![
                request(&json!({"exp": now + 600})).passes(),
                request(&json!({"exp": now as f64 + 600.5})).passes(),
                rejected(&json!({"exp": now - 60}), expired(now - 60)),
                rejected(&json!({"exp": now}), expired(now)),
                rejected(&json!({"exp": 0}), expired(0)),
                request(&json!({"exp": -1})).rejected("A403JE", "JWT is expired at 1969-12-31T23:59:59Z"),
                request(&json!({"exp": -1e300})).rejected("A403JE", "JWT is expired at 0000-01-01T00:00:00Z"),
                request(&json!({"exp": "absent"})).invalid("claim exp is required"),
                request(&json!({"nbf": now - 1})).passes(),
                request(&json!({"nbf": now + 600})).invalid(&format!("not valid before {}", date(now + 600))),
                request(&json!({"nbf": 1e300})).invalid("not valid before 9999-12-31T23:59:59Z"),
                request(&json!({"iat": now + 600})).passes(),
            ],
        ),
        row("a time claim of another type is rejected", header_config(""), other_types(world)),
        row(
            "clockSkewSeconds is leeway on exp and on nbf",
            header_config("clockSkewSeconds: 1000"),
            vec![
                request(&json!({"exp": now - 500})).passes(),
                rejected(&json!({"exp": now - 2000}), expired(now - 2000)),
                request(&json!({"nbf": now + 500})).passes(),
                request(&json!({"nbf": now + 2000})).invalid(&format!("not valid before {}", date(now + 2000))),
            ],
        ),
        row(
            "a token is valid for less than seven days, counted from iat or else from now",
            header_config(""),
            vec![
                request(&json!({"iat": now, "exp": now + 604_799})).passes(),
                request(&json!({"iat": now, "exp": now + 604_800})).invalid("lifetime is not less than 604800 seconds"),
                request(&json!({"iat": now - 1, "exp": now + 604_799}))
                    .invalid("lifetime is not less than 604800 seconds"),
                request(&json!({"iat": "absent", "exp": now + 604_000})).passes(),
                request(&json!({"iat": "absent", "exp": now + 605_000}))
                    .invalid("lifetime is not less than 604800 seconds"),
                request(&json!({"exp": 9_007_199_254_740_993_u64})).invalid("lifetime is not less than 604800 seconds"),
                request(&json!({"exp": 1e300})).invalid("lifetime is not less than 604800 seconds"),
            ],
        ),
        row(
            "maxTokenLifetimeSeconds changes this limit",
            header_config("maxTokenLifetimeSeconds: 300"),
            vec![
                request(&json!({"iat": now - 10, "exp": now + 280})).passes(),
                request(&json!({"iat": now - 10, "exp": now + 290})).invalid("lifetime is not less than 300 seconds"),
            ],
        ),
        row(
            "maxTokenLifetimeSeconds 0 is no limit",
            header_config("maxTokenLifetimeSeconds: 0"),
            vec![request(&json!({"exp": 4_102_444_800_u64})).passes(), request(&json!({"exp": 1e300})).passes()],
        ),
        row(
            "ignoreExpirationCheck turns off only the rules for exp",
            header_config("ignoreExpirationCheck: true"),
            vec![
                request(&json!({"exp": 1})).passes(),
                request(&json!({"exp": "absent"})).passes(),
                request(&json!({"exp": 1e300})).passes(),
                request(&json!({"exp": "1"})).invalid("claim exp is not a NumericDate"),
                request(&json!({"nbf": now + 600})).invalid(&format!("not valid before {}", date(now + 600))),
                get()
                    .token(format!("{}AAAA", world.token(&json!({"exp": 1}))))
                    .invalid("signature verification failed"),
            ],
        ),
        row(
            "iss must be an accepted issuer",
            header_config("issuer: [https://a.example, https://b.example]"),
            vec![
                request(&json!({"iss": "https://b.example"})).passes(),
                request(&json!({"iss": "https://b.example/"})).invalid("claim iss is not an accepted issuer"),
                request(&json!({"iss": "https://b"})).invalid("claim iss is not an accepted issuer"),
                request(&json!({"iss": ["https://b.example"]})).invalid("claim iss is not an accepted issuer"),
                request(&json!({})).invalid("claim iss is not an accepted issuer"),
                rejected(&json!({"exp": now - 60}), expired(now - 60)),
            ],
        ),
        row(
            "aud must name an accepted audience",
            header_config("issuer: me\naudiences: [orders, users]"),
            vec![
                request(&json!({"iss": "me", "aud": "orders"})).passes(),
                request(&json!({"iss": "me", "aud": ["x", "users"]})).passes(),
                request(&json!({"iss": "me", "aud": "order"})).invalid("claim aud is not an accepted audience"),
                request(&json!({"iss": "me", "aud": []})).invalid("claim aud is not an accepted audience"),
                request(&json!({"iss": "me", "aud": ["orders", 1]})).invalid("claim aud is not an accepted audience"),
                request(&json!({"iss": "me", "aud": 1})).invalid("claim aud is not an accepted audience"),
                request(&json!({"iss": "me"})).invalid("claim aud is not an accepted audience"),
            ],
        ),
    ]
}

fn other_types(world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    for claim in ["exp", "nbf", "iat"] {
        for value in ["\"1\"", "true", "false", "null", "[1]", "{}", "1e400"] {
            let claims = world.claims(&json!({claim: "absent"})).to_string();
            let payload = format!(r#"{{"{claim}":{value},{}"#, &claims[1..]);
            let token = key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, payload.as_bytes());
            steps.push(get().token(token).invalid(&format!("claim {claim} is not a NumericDate")));
        }
    }
    steps
}
