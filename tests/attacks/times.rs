//! T3: time claims with unusual numbers and with values that are not numbers.

use kit::rows::{Request, Row, Step, World, date, get, header_config, key, row};
use serde_json::json;

use crate::trials::single;

attacks! {
    t03_a_time_of_another_type_is_not_a_missing_one: CHOSEN, a_time_of_another_type_is_not_a_missing_one;
    t03_a_number_that_json_does_not_have: CHOSEN, a_number_that_json_does_not_have;
    t03_exp_at_the_ends_of_what_a_number_can_be: CHOSEN, exp_at_the_ends_of_what_a_number_can_be;
    t03_nbf_and_iat_at_the_ends_of_what_a_number_can_be: CHOSEN, nbf_and_iat_at_the_ends_of_what_a_number_can_be;
    t03_a_rule_that_is_off_takes_no_other_with_it: CHOSEN, a_rule_that_is_off_takes_no_other_with_it;
}

/// A valid token in which the claim has this JSON as its value, or is missing.
fn with(world: &World, claim: &str, text: Option<&str>) -> Request {
    let claims = world.claims(&json!({claim: "absent"})).to_string();
    let payload = match text {
        Some(text) => format!(r#"{{"{claim}":{text},{}"#, &claims[1..]),
        None => claims,
    };
    get().token(key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, payload.as_bytes()))
}

fn unreadable(request: Request) -> Step {
    request.rejected("I400JD", "JWT Deserialize Failed: eyJhbGciOiJFUzI1...")
}

/// CVE-2026-25537: a claim of the wrong type must not count as a missing one.
fn a_time_of_another_type_is_not_a_missing_one(world: &World) -> Vec<Row> {
    let values = [
        "\"\"",
        "\"0\"",
        "\"9999999999\"",
        "\"tomorrow\"",
        "\"NaN\"",
        "\"1e9\"",
        "true",
        "false",
        "null",
        "[]",
        "[9999999999]",
        "{}",
        "{\"$numberLong\":\"9999999999\"}",
        "1e309",
        "-1e309",
        "1e99999",
        "\"2099-01-01T00:00:00Z\"",
    ];
    let long = format!("1{}", "0".repeat(400));
    let steps = || -> Vec<Step> {
        let mut steps = Vec::new();
        for claim in ["exp", "nbf", "iat"] {
            for value in values.into_iter().chain([long.as_str()]) {
                let reason = format!("claim {claim} is not a NumericDate");
                steps.push(with(world, claim, Some(value)).invalid(&reason));
            }
        }
        steps
    };
    [
        "",
        "ignoreExpirationCheck: true",
        "maxTokenLifetimeSeconds: 0",
        "clockSkewSeconds: 3600",
        "bypassEmptyToken: true",
    ]
    .into_iter()
    .map(|lines| row(lines, header_config(lines), steps()))
    .collect()
}

fn a_number_that_json_does_not_have(world: &World) -> Vec<Row> {
    let values = [
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "00",
        "1.",
        ".5",
        "-",
        "--1",
        "1e",
        "1e+",
        "0x7fffffff",
        "1_000",
        "1,5",
        "1 000",
        "９",
        "undefined",
        "'9999999999'",
        "9999999999n",
        "1e9f",
        "",
    ];
    single(&header_config(""), || {
        ["exp", "nbf", "iat"]
            .into_iter()
            .flat_map(|claim| values.into_iter().map(move |value| unreadable(with(world, claim, Some(value)))))
            .collect()
    })
}

fn exp_at_the_ends_of_what_a_number_can_be(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        let now = world.now;
        let exp = |text: &str| with(world, "exp", Some(text));
        let expired = |text: &str, at: &str| exp(text).rejected("A403JE", format!("JWT is expired at {at}"));
        let too_long = |text: &str| exp(text).invalid("lifetime is not less than 604800 seconds");
        let epoch = "1970-01-01T00:00:00Z";
        let mut steps = vec![
            with(world, "exp", None).invalid("claim exp is required"),
            expired("0", epoch),
            expired("-0", epoch),
            expired("0.0", epoch),
            expired("0e999", epoch),
            expired("1e-400", epoch),
            expired("1e-1", epoch),
            expired("-1", "1969-12-31T23:59:59Z"),
            expired("-0.5", "1969-12-31T23:59:59Z"),
            expired("-62167219200", "0000-01-01T00:00:00Z"),
            expired("-62167219201", "0000-01-01T00:00:00Z"),
            expired("-9223372036854775808", "0000-01-01T00:00:00Z"),
            expired("-9223372036854775809", "0000-01-01T00:00:00Z"),
            expired("-1.7976931348623157e308", "0000-01-01T00:00:00Z"),
            expired(&(now - 1).to_string(), &date(now - 1)),
            expired(&format!("{now}.0"), &date(now)),
            expired(&format!("{}e-3", (now - 100) * 1000), &date(now - 100)),
            too_long("2147483647"),
            too_long("2147483648"),
            too_long("4294967295"),
            too_long("4294967296"),
            too_long("9007199254740993"),
            too_long("9223372036854775807"),
            too_long("9223372036854775808"),
            too_long("18446744073709551615"),
            too_long("18446744073709551616"),
            too_long("253402300800"),
            too_long("1e300"),
            too_long("1.7976931348623157e308"),
        ];
        // With 32-bit numbers, this would wrap around to one minute from now.
        let wrapped = now + 60 + (1 << 32);
        steps.push(too_long(&wrapped.to_string()));
        let soon = now + 600;
        let digits = "0".repeat(3000);
        let written = [
            format!("{soon}"),
            format!("{soon}.0"),
            format!("{soon}.5"),
            format!("{}E3", soon as f64 / 1000.0),
            format!("{soon}.{digits}"),
        ];
        steps.extend(written.iter().map(|text| exp(text).passes()));
        steps
    })
}

fn nbf_and_iat_at_the_ends_of_what_a_number_can_be(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        let now = world.now;
        let claim = |claim: &str, text: &str| with(world, claim, Some(text));
        let early = |text: &str, from: &str| claim("nbf", text).invalid(&format!("not valid before {from}"));
        let too_long = |text: &str| claim("iat", text).invalid("lifetime is not less than 604800 seconds");
        vec![
            early(&(now + 600).to_string(), &date(now + 600)),
            early(&format!("{}.5", now + 600), &date(now + 600)),
            early("4294967296", "2106-02-07T06:28:16Z"),
            early("253402300799", "9999-12-31T23:59:59Z"),
            early("253402300800", "9999-12-31T23:59:59Z"),
            early("18446744073709551616", "9999-12-31T23:59:59Z"),
            early("1e308", "9999-12-31T23:59:59Z"),
            claim("nbf", "-1e308").passes(),
            claim("nbf", "0").passes(),
            claim("nbf", "1e-400").passes(),
            claim("nbf", &now.to_string()).passes(),
            with(world, "nbf", None).passes(),
            with(world, "iat", None).passes(),
            claim("iat", &now.to_string()).passes(),
            // A token from a clock that is ahead: `iat` says when it was issued, not from when it is valid.
            claim("iat", &(now + 600).to_string()).passes(),
            too_long("0"),
            too_long("-1"),
            too_long("-1e308"),
            too_long(&(now + 3600 - 604_800).to_string()),
            claim("iat", &(now + 3600 - 604_799).to_string()).passes(),
        ]
    })
}

/// A rule that is empty or off must not turn off others (APISIX #13468).
fn a_rule_that_is_off_takes_no_other_with_it(world: &World) -> Vec<Row> {
    let now = world.now;
    let token = |members| get().token(world.token(&members));
    let early = |from: u64| format!("not valid before {}", date(from));
    let tampered =
        |members| get().token(format!("{}AAAA", world.token(&members))).invalid("signature verification failed");
    vec![
        row(
            "ignoreExpirationCheck",
            header_config("ignoreExpirationCheck: true\nissuer: me"),
            vec![
                token(json!({"exp": 1, "iss": "me"})).passes(),
                token(json!({"exp": "absent", "iat": "absent", "iss": "me"})).passes(),
                token(json!({"exp": 1})).invalid("claim iss is not an accepted issuer"),
                token(json!({"exp": 1, "nbf": now + 600, "iss": "me"})).invalid(&early(now + 600)),
                token(json!({"exp": "1", "iss": "me"})).invalid("claim exp is not a NumericDate"),
                tampered(json!({"exp": 1, "iss": "me"})),
                get().rejected("I400JR", "JWT required"),
            ],
        ),
        row(
            "no limit of the lifetime",
            header_config("maxTokenLifetimeSeconds: 0"),
            vec![
                token(json!({"exp": 1e308})).passes(),
                token(json!({"exp": now - 1})).rejected("A403JE", format!("JWT is expired at {}", date(now - 1))),
                token(json!({"exp": "absent"})).invalid("claim exp is required"),
                token(json!({"exp": 1e308, "nbf": now + 600})).invalid(&early(now + 600)),
                tampered(json!({"exp": 1e308})),
            ],
        ),
        row(
            "the widest leeway",
            header_config("clockSkewSeconds: 3600"),
            vec![
                token(json!({"exp": now - 3500})).passes(),
                token(json!({"exp": now - 3600})).rejected("A403JE", format!("JWT is expired at {}", date(now - 3600))),
                token(json!({"nbf": now + 3500})).passes(),
                token(json!({"nbf": now + 3700})).invalid(&early(now + 3700)),
                token(json!({"exp": -1e308})).rejected("A403JE", "JWT is expired at 0000-01-01T00:00:00Z"),
                token(json!({"iat": now, "exp": now + 604_800})).invalid("lifetime is not less than 604800 seconds"),
            ],
        ),
    ]
}
