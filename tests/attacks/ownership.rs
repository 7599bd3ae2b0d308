//! T6: headers and parameters that a client sends in place of a claim. For names that only lenient backends accept, see
//! `lenient`.

use kit::rows::{Request, Row, World, get, header_config, post, row};
use serde_json::{Value, json};

use crate::encodings::{header_twins, percent_spellings};

attacks! {
    t06_a_mapped_header_named_as_one_for_this_hop: CHOSEN, a_mapped_header_named_as_one_for_this_hop;
    t06_header_twins_in_every_combination: CHOSEN, header_twins_in_every_combination;
    t06_a_query_name_in_every_percent_encoding: CHOSEN, a_query_name_in_every_percent_encoding;
    t06_a_form_name_in_every_percent_encoding: CHOSEN, a_form_name_in_every_percent_encoding;
    t06_a_claim_of_another_type_leaves_no_room: CHOSEN, a_claim_of_another_type_leaves_no_room;
}

const FORM: &str = "application/x-www-form-urlencoded";

fn mapped(place: &str, name: &str) -> String {
    format!("claimParameters: [{{claimName: uid, parameterName: {name}, location: {place}}}]")
}

/// A token with the claim, one without it, one with a claim of `null`, and no token; each with the value that must
/// arrive.
fn arrivals(world: &World) -> [(Option<String>, Option<&'static str>); 4] {
    let token = |members: &Value| Some(world.token(members));
    [
        (token(&json!({"uid": "7"})), Some("7")),
        (token(&json!({})), None),
        (token(&json!({"uid": null})), None),
        (None, None),
    ]
}

fn bringing(request: Request, token: Option<&String>) -> Request {
    match token {
        Some(token) => request.token(token),
        None => request,
    }
}

fn rows(
    world: &World,
    place: &str,
    name: &str,
    requests: impl Fn(Option<&'static str>, Option<&String>) -> Vec<kit::rows::Step>,
) -> Vec<Row> {
    let config = header_config(&format!("bypassEmptyToken: true\n{}", mapped(place, name)));
    let steps = arrivals(world).iter().flat_map(|(token, value)| requests(*value, token.as_ref())).collect();
    vec![row(format!("{name} in {place}"), config, steps)]
}

/// CVE-2026-39858, CVE-2026-44087, H2, H4.
fn header_twins_in_every_combination(world: &World) -> Vec<Row> {
    const REMOVED: &[&str] = &["x-user-id", "x_user-id", "x-user_id", "x_user_id"];
    let mut all = Vec::new();
    for configured in ["X-User-Id", "x_user_id", "X-USER_ID"] {
        let own = Box::leak(configured.to_ascii_lowercase().into_boxed_str()) as &'static str;
        all.extend(rows(world, "header", configured, |value, token| {
            let with: Vec<_> = value.map(|value| (own, value)).into_iter().collect();
            let with = with.as_slice();
            let twins = header_twins("X-User-Id");
            assert_eq!(twins.len(), 12);
            let mut steps: Vec<_> = twins
                .iter()
                .map(|twin| bringing(get().header(twin, "forged"), token).passes_to("/p", REMOVED, with))
                .collect();
            let all = twins.iter().fold(get(), |request, twin| request.header(twin, "forged"));
            let others = all.header("X-User-Ids", "a").header("XX-User-Id", "b").header("X-UserId", "c");
            steps.push(bringing(others, token).passes_to("/p", REMOVED, with));
            let many = (0..60).fold(get(), |request, number| request.header("X-User-Id", number.to_string()));
            steps.push(bringing(many, token).passes_to("/p", REMOVED, with));
            let empty = get().header("X-User-Id", "").header("X_User_Id", ",").header("x-user-id", "a,b");
            steps.push(bringing(empty, token).passes_to("/p", REMOVED, with));
            steps
        }));
    }
    all
}

fn a_query_name_in_every_percent_encoding(world: &World) -> Vec<Row> {
    rows(world, "query", "jon", |value, token| {
        let spellings = percent_spellings("jon");
        assert_eq!(spellings.len(), 27);
        let forged = |query: &str, kept: &str| {
            let own = value.map(|value| format!("jon={value}"));
            let all: Vec<&str> = Some(kept).filter(|kept| !kept.is_empty()).into_iter().chain(own.as_deref()).collect();
            let target = if all.is_empty() { "/p".to_owned() } else { format!("/p?{}", all.join("&")) };
            bringing(get().target(format!("/p?{query}")), token).passes_to(target, &[], &[])
        };
        let mut steps = Vec::new();
        for spelling in &spellings {
            steps.push(forged(&format!("{spelling}=0"), ""));
            for suffix in ["[]", "%5b%5D", "[0]", "[a][b]", "%5Ba"] {
                steps.push(forged(&format!("a=1&{spelling}{suffix}=0&b"), "a=1&b"));
            }
        }
        let all = spellings.join("=0&");
        steps.push(forged(&format!("x=%6a&{all}&jon2=1&Jon=2&xjon=3&jo=4"), "x=%6a&jon2=1&Jon=2&xjon=3&jo=4"));
        steps.push(forged("jon", ""));
        steps.push(forged("jon=a=b&jon==&=jon", "=jon"));
        steps.push(forged("jon=1&jon=2&jon=3", ""));
        // Some parsers drop a `?` before the first parameter.
        steps.push(forged("?jon=1", ""));
        steps.push(forged("x=1&?jon=1", "x=1&?jon=1"));
        steps.push(forged("a=/p?b&jon=1", "a=/p?b"));
        // A request target in absolute form has the same query.
        let own = value.map_or(String::new(), |value| format!("&jon={value}"));
        let absolute = get().target("http://test/p?a&%6Aon=1");
        steps.push(bringing(absolute, token).passes_to(format!("/p?a{own}"), &[], &[]));
        steps
    })
}

fn a_form_name_in_every_percent_encoding(world: &World) -> Vec<Row> {
    rows(world, "formData", "jon", |value, token| {
        let forged = |body: &str, kept: &str| {
            let own = value.map(|value| format!("jon={value}"));
            let all: Vec<&str> = Some(kept).filter(|kept| !kept.is_empty()).into_iter().chain(own.as_deref()).collect();
            bringing(post(FORM, body), token).passes_with_body(&all.join("&"))
        };
        let mut steps = Vec::new();
        for spelling in percent_spellings("jon") {
            steps.push(forged(&format!("{spelling}=0"), ""));
            for suffix in ["[]", "%5b%5D", "[0]", "[a][b]"] {
                steps.push(forged(&format!("a=1&{spelling}{suffix}=0&b"), "a=1&b"));
            }
        }
        let all = percent_spellings("jon").join("=0&");
        steps.push(forged(&format!("x=%6a&{all}&jon2=1&Jon=2"), "x=%6a&jon2=1&Jon=2"));
        steps.push(forged("jon", ""));
        steps.push(forged("jon=1&jon=2&&", "&"));
        for content_type in [
            "application/x-www-form-urlencoded;charset=utf-8",
            "APPLICATION/X-WWW-FORM-URLENCODED",
            "application/x-www-form-urlencoded\t;a",
            " application/x-www-form-urlencoded ",
            "application/x-www-form-urlencoded;",
            "application/x-www-form-urlencoded; boundary=\"x\"",
        ] {
            let own = value.map_or(String::new(), |value| format!("&jon={value}"));
            let request = post(content_type, "a=1&jon=0");
            steps.push(bringing(request, token).passes_with_body(&format!("a=1{own}")));
        }
        for method in ["PUT", "PATCH", "DELETE", "QUERY", "GET"] {
            let own = value.map_or(String::new(), |value| format!("&jon={value}"));
            let request = Request { method, ..post(FORM, "a=1&jon=0") };
            if method != "QUERY" {
                steps.push(bringing(request, token).passes_with_body(&format!("a=1{own}")));
            }
        }
        steps
    })
}

/// H12: a claim replaces the client's value, whatever the claim's type.
fn a_claim_of_another_type_leaves_no_room(world: &World) -> Vec<Row> {
    let lines = "claimParameters:
- {claimName: uid, parameterName: X-Uid, location: header}
- {claimName: uid, parameterName: uid, location: query}";
    let sent = |claim: Value| {
        get()
            .header("X-Uid", "forged")
            .header("x_uid", "forged")
            .target("/p?uid=0&a")
            .token(world.token(&json!({"uid": claim})))
    };
    let steps = [
        (json!(true), "true", "true"),
        (json!(false), "false", "false"),
        (json!(-1), "-1", "-1"),
        (json!(0), "0", "0"),
        (json!(1.5), "1.5", "1.5"),
        (json!([]), "", ""),
        (json!({}), "{}", "%7B%7D"),
        (json!([null]), "null", "null"),
        (json!([[1]]), "[[1]]", "%5B%5B1%5D%5D"),
        (json!(""), "", ""),
    ]
    .into_iter()
    .map(|(claim, header, query)| {
        sent(claim).passes_to(format!("/p?a&uid={query}"), &["x-uid", "x_uid"], &[("x-uid", header)])
    })
    .chain([sent(Value::Null).passes_to("/p?a", &["x-uid", "x_uid"], &[])])
    .collect();
    vec![row("types", header_config(lines), steps)]
}

/// `Connection: X-Sub` asks the next hop to drop that header, and the claim with it [RFC 9110 7.6.1]. Envoy removes
/// `connection` and does not forward it.
fn a_mapped_header_named_as_one_for_this_hop(world: &World) -> Vec<Row> {
    let lines = "claimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";
    let asking = |connection: &str| get().header("Connection", connection).token(world.token(&json!({})));
    let set = &[("x-sub", "alice")];
    let steps = vec![
        asking("X-Sub").passes_to("/p", &["connection"], set),
        asking("keep-alive, X-Sub").passes_to("/p", &["connection"], set),
        asking("x_sub, X-Sub").header("X-Sub", "forged").passes_to("/p", &["connection", "x-sub"], set),
    ];
    vec![row("hop", header_config(lines), steps)]
}
