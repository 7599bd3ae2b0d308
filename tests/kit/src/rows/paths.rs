//! Claims as path segments.

use serde_json::json;

use super::{Row, World, get, header_config, row};

pub(super) fn rows(world: &World) -> Vec<Row> {
    let config = |lines: &str| {
        header_config(&format!(
            "claimParameters: [{{claimName: userId, parameterName: userId, location: path}}]\n{lines}"
        ))
    };
    let user = |id: &str| get().token(world.token(&json!({"userId": id})));
    let to = |path: &str| user("7").target(path);
    let dots = |path: &str| to(path).invalid("the request path has a dot segment, so backendPath can't be made");
    let unmappable = |id: &str, problem: &str| user(id).invalid(&format!("claim userId {problem}"));
    let misconfigured = |name: &str, lines: &str, error: &str| {
        row(name, header_config(lines), vec![get().rejected("I400JP", format!("Invalid JWT plugin config: {error}"))])
    };
    vec![
        row(
            "a claim is one segment of the path, and the query stays",
            config("backendPath: /users/{userId}{path}"),
            vec![
                to("/p").passes_to("/users/7/p", &[], &[]),
                to("/p/?a=%2f&&b?").passes_to("/users/7/p/?a=%2f&&b?", &[], &[]),
                to("/").passes_to("/users/7/", &[], &[]),
                user("a/../b?c#d%2f é").passes_to("/users/a%2F..%2Fb%3Fc%23d%252f%20%C3%A9/p", &[], &[]),
                get().token(world.token(&json!({"userId": 12.50}))).passes_to("/users/12.5/p", &[], &[]),
                unmappable("", "is empty, which a path segment can't be"),
                unmappable(".", "is a dot segment"),
                unmappable("..", "is a dot segment"),
                unmappable(&"a".repeat(8001), "is too long for its target"),
                get().token(world.token(&json!({}))).invalid("claim userId is missing, and backendPath needs it"),
                get()
                    .token(world.token(&json!({"userId": null})))
                    .invalid("claim userId is missing, and backendPath needs it"),
            ],
        ),
        row(
            "the request's own path can't lead out of backendPath",
            config("backendPath: /users/{userId}{path}"),
            vec![
                dots("/../bob"),
                dots("/a/../../bob"),
                dots("/%2e%2e/bob"),
                dots("/a%2f..%2fbob"),
                dots("/..%5cbob"),
                dots("/..;/bob"),
                dots("/a/."),
                to("/...").passes_to("/users/7/...", &[], &[]),
                to("/a?b=/../c").passes_to("/users/7/a?b=/../c", &[], &[]),
            ],
        ),
        row(
            "a request without a token is rejected if the path needs a claim",
            config("backendPath: /users/{userId}{path}\nbypassEmptyToken: true"),
            vec![
                get().invalid("claim userId is missing, and backendPath needs it"),
                get().target("/users/8").invalid("claim userId is missing, and backendPath needs it"),
                user("7").passes_to("/users/7/p", &[], &[]),
            ],
        ),
        row(
            "backendPath works with mapped queries and removed tokens",
            super::config(
                "parameter: t\nparameterLocation: query\nforwardToken: false\nbackendPath: /{a}/{b}
claimParameters:
- {claimName: sub, parameterName: a, location: path}
- {claimName: sub, parameterName: b, location: path}
- {claimName: sub, parameterName: c, location: query}",
            ),
            vec![get().target(format!("/../ignored?x=1&t={}&c=forged", world.token(&json!({})))).passes_to(
                "/alice/alice?x=1&c=alice",
                &[],
                &[],
            )],
        ),
        misconfigured(
            "backendPath and claims for the path need each other",
            "backendPath: /x{path}",
            "backendPath: expected a claim with location: path beside it",
        ),
        misconfigured(
            "a claim for the path needs backendPath",
            "claimParameters: [{claimName: a, parameterName: a, location: path}]",
            "backendPath: required for a claim with location: path",
        ),
        misconfigured(
            "a misspelled placeholder is a configuration error",
            "backendPath: /{b}\nclaimParameters: [{claimName: a, parameterName: a, location: path}]",
            "backendPath: expected placeholders named path or as a parameterName with location: path",
        ),
    ]
}
