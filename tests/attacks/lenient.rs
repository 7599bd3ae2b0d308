//! T6 again, for backends that read more than the standards say. What such a backend takes for the target is the client's
//! word under the filter's name. (`docs/security.md` names what is left to such backends: `;` for `&`, and `%uXXXX`.)

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

/// PHP: white space in front of a name is dropped, a zero byte ends it, and ` `, `.` and an unclosed `[` become `_`.
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

/// Rack before 3, Python before 3.9.2 and CGI.pm take `;` for `&`; ASP.NET on the .NET Framework reads `%uXXXX`. To all others
/// these are bytes of another parameter, which must stay as it is.
fn names_in_notations_of_old_servers(world: &World) -> Vec<Row> {
    // A `;` is a separator to parsers in use, `%u` to none of them.
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

/// A form to a lenient backend, and to none by the letter: PHP ends the type at a space, too.
fn content_types_that_a_backend_reads_as_a_form(world: &World) -> Vec<Row> {
    opaque(world, &["application/x-www-form-urlencoded x", "application/x-www-form-urlencoded charset=utf-8"])
}

/// Django before 5, Tomcat and ASP.NET decode names by the charset that the client names: `%A4%89%84` is `uid` in IBM037.
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

/// lighttpd makes every byte of a header's name that is no letter or digit a `_` of the CGI variable.
fn header_names_that_cgi_servers_fold_together(world: &World) -> Vec<Row> {
    let token = world.token(&json!({"uid": "7"}));
    let steps = ["x.uid", "x~uid", "x!uid", "x+uid", "x|uid", "x'uid", "x*uid"]
        .map(|name| get().header(name, "0").token(&token).passes_to("/p", &[name], &[("x-uid", "7")]));
    let folded = row("header", mapped("header", "X-Uid"), steps.into());
    // `:path` and its like are no headers of the client's, however a target is called.
    let pseudo = ["_path", "-path", "_method", "_authority", "_scheme"].map(|name| {
        let passes = get().header("a_b", "1").token(&token).passes_to("/p", &[], &[(name, "7")]);
        row(name, mapped("header", name), vec![passes])
    });
    std::iter::once(folded).chain(pseudo).collect()
}
