//! T6 for backends that accept more than the standards say. If such a backend reads a client's parameter as the target,
//! the client can forge the claim. `docs/security.md` lists the spellings that are not covered, such as `%uXXXX`.

use kit::rows::{Row, World, get, header_config, post, row};
use serde_json::json;

attacks! {
    t06_content_types_that_a_backend_reads_as_a_form: CHOSEN, content_types_that_a_backend_reads_as_a_form;
    t06_a_form_in_another_charset: CHOSEN, a_form_in_another_charset;
    t06_names_that_php_reads_as_the_target: CHOSEN, names_that_php_reads_as_the_target;
    t06_names_in_notations_of_old_servers: CHOSEN, names_in_notations_of_old_servers;
    t06_header_names_that_cgi_servers_fold_together: CHOSEN, header_names_that_cgi_servers_fold_together;
}

const FORM: &str = "application/x-www-form-urlencoded";

fn mapped(place: &str, name: &str) -> String {
    header_config(&format!("claimParameters: [{{claimName: uid, parameterName: {name}, location: {place}}}]"))
}

/// PHP drops leading white space of a name, ends it at a zero byte, and changes ` `, `.` and an unclosed `[` to `_`.
fn names_that_php_reads_as_the_target(world: &World) -> Vec<Row> {
    const SPELLINGS: [&str; 10] = [
        "%20user_id",
        "+user_id",
        "++%20user_id",
        "user_id%00",
        "user_id%00x",
        "user.id",
        "user%2eid",
        "user+id",
        "user%20id",
        "user[id",
    ];
    let token = world.token(&json!({}));
    let query = SPELLINGS.map(|name| get().target(format!("/p?{name}=0&a")).token(&token).passes_to("/p?a", &[], &[]));
    let form = SPELLINGS.map(|name| post(FORM, format!("{name}=0&a")).token(&token).passes_with_body("a"));
    vec![
        row("query", mapped("query", "user_id"), query.into()),
        row("form", mapped("formData", "user_id"), form.into()),
    ]
}

/// Rack before 3, Python before 3.9.2 and CGI.pm read `;` as `&`, so a target after a `;` is removed. Only ASP.NET on
/// the .NET Framework reads `%uXXXX`; for all others it belongs to another parameter, which must not change.
fn names_in_notations_of_old_servers(world: &World) -> Vec<Row> {
    const QUERIES: [(&str, &str); 4] = [
        ("a=1;uid=0", "a=1"),
        ("%u0075id=0", "%u0075id=0"),
        ("u%u0069d=0", "u%u0069d=0"),
        ("%U0075%u0069%64=0", "%U0075%u0069%64=0"),
    ];
    let token = world.token(&json!({}));
    let query = QUERIES.map(|(query, kept)| {
        get().target(format!("/p?uid=1&{query}")).token(&token).passes_to(format!("/p?{kept}"), &[], &[])
    });
    let form = QUERIES.map(|(body, kept)| post(FORM, format!("uid=1&{body}")).token(&token).passes_with_body(kept));
    vec![row("query", mapped("query", "uid"), query.into()), row("form", mapped("formData", "uid"), form.into())]
}

/// Types that are not a form by the standard but are one for a lenient backend: PHP also ends the type at a space.
fn content_types_that_a_backend_reads_as_a_form(world: &World) -> Vec<Row> {
    opaque(world, &["application/x-www-form-urlencoded x", "application/x-www-form-urlencoded charset=utf-8"])
}

/// Django before 5, Tomcat and ASP.NET decode names with the client's charset: `%A4%89%84` is `uid` in IBM037.
fn a_form_in_another_charset(world: &World) -> Vec<Row> {
    opaque(
        world,
        &[
            "application/x-www-form-urlencoded; charset=ibm037",
            "application/x-www-form-urlencoded;charset=\"UTF-16LE\"",
            "application/x-www-form-urlencoded; a=b; CharSet=utf-7",
        ],
    )
}

fn opaque(world: &World, content_types: &[&str]) -> Vec<Row> {
    let token = world.token(&json!({}));
    let steps = content_types
        .iter()
        .map(|content_type| {
            post(content_type, "uid=0&%A4%89%84=0").token(&token).rejected(
                "I415FD",
                "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
            )
        })
        .collect();
    vec![row("form", mapped("formData", "uid"), steps)]
}

/// For CGI variables, lighttpd changes every byte of a header name that is not a letter or a digit to `_`.
fn header_names_that_cgi_servers_fold_together(world: &World) -> Vec<Row> {
    let token = world.token(&json!({"uid": "7"}));
    let steps = ["x.uid", "x~uid", "x!uid", "x+uid", "x|uid", "x'uid", "x*uid"]
        .map(|name| get().header(name, "0").token(&token).passes_to("/p", &[name], &[("x-uid", "7")]));
    let folded = row("header", mapped("header", "X-Uid"), steps.into());
    // Pseudo-headers such as `:path` stay, whatever the target is called.
    let pseudo = ["_path", "-path", "_method", "_authority", "_scheme"].map(|name| {
        let passes = get().header("a_b", "1").token(&token).passes_to("/p", &[], &[(name, "7")]);
        row(name, mapped("header", name), vec![passes])
    });
    std::iter::once(folded).chain(pseudo).collect()
}
