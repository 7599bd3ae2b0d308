//! T4, T5 and T20: which bytes of a request are the token, and what is removed with it.

use kit::rows::{Request, Row, Step, World, config, get, header_config, row};
use serde_json::json;

use crate::encodings::percent_spellings;
use crate::trials::single;

attacks! {
    t04_blanks_and_schemes_in_a_header: CHOSEN, blanks_and_schemes_in_a_header;
    t04_two_different_tokens_in_one_place: CHOSEN, two_different_tokens_in_one_place;
    t04_different_tokens_in_two_places: CHOSEN, different_tokens_in_two_places;
    t05_a_bad_token_where_a_missing_one_may_pass: CHOSEN, a_bad_token_where_a_missing_one_may_pass;
    t20_only_the_accepted_token_is_taken_out: CHOSEN, only_the_accepted_token_is_taken_out;
}

fn none(request: Request) -> Step {
    request.rejected("I400JR", "JWT required")
}

fn several(request: Request) -> Step {
    request.invalid("more than one token was sent")
}

fn unreadable(request: Request, shown: &str) -> Step {
    request.rejected("I400JD", format!("JWT Deserialize Failed: {shown}"))
}

fn blanks_and_schemes_in_a_header(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        let token = world.token(&json!({}));
        let begin = &token[..16];
        let blank =
            ["", " ", "\t", " \t ", "Bearer", "bearer", "BEARER", "Bearer ", "Bearer \t ", ",", " , ", "Bearer,"];
        let mut steps: Vec<_> = blank.into_iter().map(|value| none(get().token(value))).collect();
        steps.extend([
            get().token(format!("  {token}\t")).passes(),
            get().token(format!("Bearer   {token}")).passes(),
            get().token(format!("bEaReR\t{token}")).passes(),
            unreadable(get().token(format!("Bearer Bearer {token}")), "Bearer eyJhbGciO..."),
            unreadable(get().token(format!("Bearer{token}")), "BearereyJhbGciOi..."),
            unreadable(get().token(format!("Bearer:{token}")), "Bearer:eyJhbGciO..."),
            unreadable(get().token(format!("Bearer=\"{token}\"")), "Bearer=\"eyJhbGci..."),
            unreadable(get().token(format!("JWT {token}")), "JWT eyJhbGciOiJF..."),
            unreadable(get().token(format!("Bearer {token} {token}")), &format!("{begin}...")),
            unreadable(get().token(format!("Bearer {token};a=b")), &format!("{begin}...")),
            unreadable(get().token(b"\xc2\xa0"), r"\xc2\xa0"),
            unreadable(get().token(b"\xe3\x80\x80"), r"\xe3\x80\x80"),
            unreadable(get().token("null"), "null"),
            unreadable(get().token("undefined"), "undefined"),
            none(get().header("X_Token", &token)),
            none(get().header("X-Token2", &token).header("XX-Token", &token)),
        ]);
        steps
    })
}

/// CVE-2026-26308 and Kong #9946: the value that is verified is also the one that is used.
fn two_different_tokens_in_one_place(world: &World) -> Vec<Row> {
    let (token, other) = (world.token(&json!({})), world.token(&json!({"sub": "bob"})));
    let forged = format!("{}AAAA", world.token(&json!({"sub": "root"})));
    let header = |values: &[&str]| values.iter().fold(get(), |request, value| request.token(value));
    let query = |pairs: &str| get().target(format!("/p?{pairs}"));
    let cookie = |values: &[String]| values.iter().fold(get(), |request, value| request.header("cookie", value));
    let mut in_query = vec![
        several(query(&format!("jon={token}&jon={other}"))),
        several(query(&format!("jon={token}&jon"))),
        several(query(&format!("jon&jon={token}"))),
        several(query(&format!("jon=&a=b&jon={forged}"))),
        query(&format!("jon={token}&jon={token}")).passes(),
        query(&format!("JON={other}&jon={token}&jon2={other}&xjon={other}")).passes(),
    ];
    for spelling in percent_spellings("jon") {
        in_query.push(query(&format!("{spelling}={token}")).passes());
        in_query.push(several(query(&format!("jon={token}&{spelling}={forged}"))));
        in_query.push(several(query(&format!("{spelling}={forged}&a&jon={token}"))));
    }
    vec![
        row(
            "header",
            header_config(""),
            vec![
                several(header(&[&token, &other])),
                several(header(&[&other, &token])),
                several(header(&[&token, &forged])),
                several(header(&[&token, "Bearer"])),
                several(header(&["", &token])),
                several(header(&[&token, &token, &other])),
                several(header(&[&format!("{token}, {other}")])),
                several(header(&[&format!("Bearer {token},Bearer {other}")])),
                several(header(&[&format!("{token},")])),
                several(header(&[&format!(",{token}")])),
                several(get().header("X-TOKEN", &token).header("x-token", &other)),
                header(&[&token, &format!("Bearer {token}")]).passes(),
            ],
        ),
        row("query", config("parameter: jon\nparameterLocation: query"), in_query),
        row(
            "cookie",
            config("parameter: jwt\nparameterLocation: cookie"),
            vec![
                several(cookie(&[format!("jwt={token}; jwt={other}")])),
                several(cookie(&[format!("jwt={token}"), format!("a=b;jwt={forged}")])),
                several(cookie(&[format!("jwt={token}; jwt=")])),
                several(cookie(&[format!("jwt=\"\"; jwt={token}")])),
                several(cookie(&[format!("jwt={token}; jwt =\t\"{other}\"")])),
                unreadable(cookie(&[format!("jwt={token},jwt={other}")]), "eyJhbGciOiJFUzI1..."),
                unreadable(cookie(&[format!("jwt=\"{token}")]), "\"eyJhbGciOiJFUzI..."),
                unreadable(cookie(&[format!("jwt=a={token}")]), "a=eyJhbGciOiJFUz..."),
                none(cookie(&[format!("jwt; =; ;; {token}; jwt2={token}; JWT={token}; ={token}")])),
                none(cookie(&["jwt".to_owned(), "jwt= ; jwt=\"\"".to_owned()])),
                cookie(&[format!(" jwt = \"{token}\" ;jwt2={other}; xjwt={other}; Jwt={other}; jwt")]).passes(),
            ],
        ),
    ]
}

/// The header is read first, then the query. If the header has a token, the query is not read. Set `forwardToken:
/// false` if the backend reads tokens: this removes both.
fn different_tokens_in_two_places(world: &World) -> Vec<Row> {
    let (token, other) = (world.token(&json!({})), world.token(&json!({"sub": "bob"})));
    let both = |header: &str, query: &str| get().header("t", header).target(format!("/p?a=1&t={query}&b"));
    let mapped = "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";
    vec![
        row(
            "kept",
            config(&format!("parameter: t\n{mapped}")),
            vec![
                both(&token, &other).passes_to(format!("/p?a=1&t={other}&b"), &[], &[("x-sub", "alice")]),
                unreadable(both("junk", &other), "junk"),
                both("Bearer", &other).passes_to(format!("/p?a=1&t={other}&b"), &[], &[("x-sub", "bob")]),
            ],
        ),
        row(
            "taken out",
            config(&format!("parameter: t\nforwardToken: false\n{mapped}")),
            vec![
                both(&token, &other).passes_to("/p?a=1&b", &["t"], &[("x-sub", "alice")]),
                both(&token, "forged").passes_to("/p?a=1&b", &["t"], &[("x-sub", "alice")]),
                both("Bearer", &other).passes_to("/p?a=1&b", &["t"], &[("x-sub", "bob")]),
                get().header("t", &token).target("/p?t&%74=x").passes_to("/p", &["t"], &[("x-sub", "alice")]),
            ],
        ),
    ]
}

/// CVE-2021-21378: an invalid token does not count as a missing one.
fn a_bad_token_where_a_missing_one_may_pass(world: &World) -> Vec<Row> {
    let good = world.token(&json!({}));
    let bad = ["a", ".", "..", "...", "-", "0", "null", "none", "{}", "e30.e30.", "e30..", "eyJhbGciOiJub25lIn0.e30."];
    let rejected = |place: &dyn Fn(&str) -> Request| -> Vec<Step> {
        let mut steps: Vec<_> = bad
            .into_iter()
            .map(|token| match token {
                "e30.e30." | "e30.." => place(token).rejected("A403JK", "No matching JWK, kid:(none) not found"),
                "eyJhbGciOiJub25lIn0.e30." => place(token).rejected("A403JK", "No matching JWK, kid:(none) not found"),
                _ => unreadable(place(token), token),
            })
            .collect();
        steps.push(place(&format!("{good}AAAA")).invalid("signature verification failed"));
        steps
            .push(place(&world.token(&json!({"exp": 1}))).rejected("A403JE", "JWT is expired at 1970-01-01T00:00:01Z"));
        steps.push(place(&world.token(&json!({"iss": "you"}))).invalid("claim iss is not an accepted issuer"));
        steps.push(place(&world.token(&json!({"iss": "me"}))).passes());
        steps
    };
    let lines = "bypassEmptyToken: true\nissuer: me";
    let mut in_header = rejected(&|token| get().token(token));
    in_header.extend(["", "Bearer", "bearer \t"].map(|blank| get().token(blank).passes()));
    let mut in_query = rejected(&|token| get().target(format!("/p?t={token}")));
    in_query.extend(["/p?t", "/p?t=", "/p?t=+%20%09", "/p?tt=junk", "/p"].map(|target| get().target(target).passes()));
    let mut in_cookie = rejected(&|token| get().header("cookie", format!("jwt={token}")));
    in_cookie.extend(["jwt", "jwt=", "jwt=\"\"", "jwt2=junk"].map(|cookie| get().header("cookie", cookie).passes()));
    vec![
        row("header", header_config(lines), in_header),
        row("query", config(&format!("parameter: t\nparameterLocation: query\n{lines}")), in_query),
        row("cookie", config(&format!("parameter: jwt\nparameterLocation: cookie\n{lines}")), in_cookie),
    ]
}

/// H5, H6: only the accepted token is removed. All other bytes stay, and a request without a token is not changed.
fn only_the_accepted_token_is_taken_out(world: &World) -> Vec<Row> {
    let token = world.token(&json!({}));
    let lines = "forwardToken: false\nbypassEmptyToken: true";
    let cookies = |sent: String, kept: &'static str| {
        get().header("cookie", sent).passes_to("/p", &["cookie"], &[("cookie", kept)])
    };
    let mut in_query = vec![
        get().target(format!("/p?t={token}")).passes_to("/p", &[], &[]),
        get().target(format!("/p?&t={token}&")).passes_to("/p?&", &[], &[]),
        get().target(format!("/p?tt[]=1&t={token}&tt=%2f+&=&a==b&T=1&%zz")).passes_to(
            "/p?tt[]=1&tt=%2f+&=&a==b&T=1&%zz",
            &[],
            &[],
        ),
        get().target("/p?t=&a=%2f").passes(),
        unreadable(get().target("/p?a&t=junk"), "junk"),
    ];
    in_query.push(get().target(format!("/p?%74={token}&a?b=/?&t={token}")).passes_to("/p?a?b=/?", &[], &[]));
    vec![
        row(
            "cookie",
            config(&format!("parameter: jwt\nparameterLocation: cookie\n{lines}")),
            vec![
                cookies(
                    format!("xjwt=1; jwt={token}; jwt2=2; JWT=3; jwt.a=4; a=jwt={token}; jwt"),
                    Box::leak(format!("xjwt=1; jwt2=2; JWT=3; jwt.a=4; a=jwt={token}; jwt").into_boxed_str()),
                ),
                cookies(format!("a=\"x; jwt={token}; y\""), "a=\"x; y\""),
                cookies(format!("jwt={token};b=1 ;  c = 2"), "b=1 ;  c = 2"),
                get().header("cookie", "jwt=; a=b").passes(),
                unreadable(get().header("cookie", "a=b; jwt=junk"), "junk"),
            ],
        ),
        row("query", config(&format!("parameter: t\nparameterLocation: query\n{lines}")), in_query),
        row(
            "header",
            header_config(lines),
            vec![
                get().token(&token).header("X-Token2", "a").header("Authorization", "b").passes_to(
                    "/p",
                    &["x-token"],
                    &[],
                ),
                get().token(&token).token(format!("bearer {token}")).passes_to("/p", &["x-token"], &[]),
                get().token("").header("x-a", "b").passes(),
                unreadable(get().token("junk"), "junk"),
            ],
        ),
    ]
}
