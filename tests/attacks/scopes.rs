//! T24: a token that is good for less than what it is used for, in the manner of an OAuth 2.0 resource server.

use kit::rows::{Request, Row, World, get, header_config, key, row};
use serde_json::{Value, json};

use crate::trials::single;

attacks! {
    t24_a_scope_that_is_only_similar: CHOSEN, a_scope_that_is_only_similar;
    t24_a_role_that_is_only_similar: CHOSEN, a_role_that_is_only_similar;
    t24_claims_that_are_expensive_to_compare: CHOSEN, claims_that_are_expensive_to_compare;
    t24_a_token_of_another_kind_or_resource: CHOSEN, a_token_of_another_kind_or_resource;
    t24_another_scheme_is_no_token: CHOSEN, another_scheme_is_no_token;
    t19_nothing_of_the_client_is_in_a_challenge: CHOSEN, nothing_of_the_client_is_in_a_challenge;
}

const RESOURCE: &str = "https://api.example/orders";

/// What all challenges begin with.
const BARE: &str = "Bearer realm=\"api.example\", \
                    resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";

fn server(members: &str, lines: &str) -> String {
    kit::rows::config(&format!(
        "parameter: Authorization\nparameterLocation: header\nresourceServer: {{metadata: {{resource: '{RESOURCE}', \
         authorizationServers: ['https://issuer.example']}}{members}}}\n{lines}"
    ))
}

fn bearer(token: &str) -> Request {
    get().header("authorization", format!("Bearer {token}"))
}

/// A request with a token for the resource.
fn with(world: &World, members: &Value) -> Request {
    let mut all = json!({"aud": RESOURCE});
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    bearer(&world.token(&all))
}

fn a_scope_that_is_only_similar(world: &World) -> Vec<Row> {
    let scope = "scope=\"admin\"";
    let lacks = |members: Value| {
        let challenge = format!(
            "{BARE}, {scope}, error=\"insufficient_scope\", error_description=\"The token lacks a required scope\""
        );
        with(world, &members).challenged(403, "A403JS", "JWT lacks a required scope", &[&challenge])
    };
    let malformed = |members: Value| {
        let challenge =
            format!("{BARE}, {scope}, error=\"invalid_token\", error_description=\"The token is not valid\"");
        let message = "Invalid JWT: the scopes are not a list of scopes";
        with(world, &members).challenged(401, "A403JT", message, &[&challenge])
    };
    let mut steps = Vec::new();
    for scope in [
        "",
        "a",
        "administrator",
        "superadmin",
        "not:admin",
        "admin:read",
        "admin.read",
        "Admin",
        "ADMIN",
        "read,admin",
        "admin;",
        "[admin]",
        "admin%20",
        "read+admin",
        "{\'admin\':true}",
        "*",
        ".*",
        "admi?",
    ] {
        steps.push(lacks(json!({"scope": scope})));
        steps.push(lacks(json!({"scp": scope})));
        steps.push(lacks(json!({"scp": if scope.is_empty() { json!([]) } else { json!([scope]) }})));
    }
    for scope in [
        " admin",
        "admin ",
        "read  admin",
        "read\tadmin",
        "read\nadmin",
        "admin\0",
        "\u{a0}admin",
        "\u{ff41}dmin",
        "adm\u{131}n",
        "\"admin\"",
        "read\\admin",
        "admin\u{7f}",
    ] {
        steps.push(malformed(json!({"scope": scope})));
        steps.push(malformed(json!({"scp": [scope]})));
    }
    for scope in [json!(["admin"]), json!({"admin": true}), json!(true), json!(0), json!([["admin"]])] {
        steps.push(malformed(json!({"scope": scope})));
    }
    for scope in [json!({"admin": true}), json!(true), json!(0), json!([["admin"]]), json!(["admin", 1])] {
        steps.push(malformed(json!({"scp": scope})));
    }
    steps.extend([
        malformed(json!({"scp": ["read admin"]})),
        // `scope` counts, so `scp` does not.
        lacks(json!({"scope": "read", "scp": ["admin"]})),
        lacks(json!({"scope": "", "scp": "admin"})),
        lacks(json!({"Scope": "admin", "scopes": "admin", "roles": ["admin"], "realm": {"scope": "admin"}})),
        with(world, &json!({"scope": "read admin"})).passes(),
        with(world, &json!({"scp": ["read", "admin"]})).passes(),
    ]);
    vec![row("scopes", server(", requiredScopes: {all: [admin]}", ""), steps)]
}

/// What a user may choose, such as a name, is next to what decides.
fn a_role_that_is_only_similar(world: &World) -> Vec<Row> {
    let lines = "requiredClaims: [{claimName: realm_access.roles, contains: [admin, '1']}]";
    let rejected = |roles: Value| {
        let token = world.token(&json!({"realm_access": {"roles": roles}, "sub": "admin", "roles": ["admin"]}));
        get().token(token).rejected("A403JC", "Claim realm_access.roles is not accepted")
    };
    let roles = [
        json!(null),
        json!(""),
        json!("Admin"),
        json!("admin "),
        json!("user admin"),
        json!("user,admin"),
        json!("[\"admin\"]"),
        json!(1),
        json!(1.0),
        json!(true),
        json!([]),
        json!(["Admin", "admins", "adm", " admin", "admin\u{0}", "\u{ff41}dmin"]),
        json!([1, true, null, 1.0]),
        json!(["user admin"]),
        json!([["admin"]]),
        json!([{"admin": true}, {"name": "admin"}, {"roles": ["admin"]}]),
        json!({"admin": true}),
        json!({"0": "admin", "length": 1}),
        json!({"contains": "admin"}),
    ];
    let mut steps: Vec<_> = roles.into_iter().map(rejected).collect();
    let token = |members: Value| get().token(world.token(&members));
    for members in [json!({}), json!({"realm_access": ["roles", "admin"]}), json!({"realm_access": "admin"})] {
        steps.push(token(members).rejected("A403JC", "Claim realm_access.roles is not accepted"));
    }
    steps.push(token(json!({"realm_access": {"roles": ["user", "admin"]}})).passes());
    steps.push(token(json!({"realm_access": {"roles": "admin"}})).passes());
    vec![row("roles", header_config(lines), steps)]
}

fn claims_that_are_expensive_to_compare(world: &World) -> Vec<Row> {
    let values: Vec<_> = (0..250).map(|number| format!("role{number}")).collect();
    let lines = format!("requiredClaims: [{{claimName: roles, contains: {}}}]", json!(values));
    let rejected = |roles: Value| {
        get().token(world.token(&json!({"roles": roles}))).rejected("A403JC", "Claim roles is not accepted")
    };
    let deep = |depth: usize| {
        let claims =
            format!("{{\"exp\":{},\"roles\":{}\"role1\"{}}}", world.now + 3600, "[".repeat(depth), "]".repeat(depth));
        key().token_raw(br#"{"alg":"ES256","kid":"k1"}"#, claims.as_bytes())
    };
    let too_deep = deep(1000);
    let objects: Vec<_> = (0..200).map(|number| json!({ "role1": number })).collect();
    single(&header_config(&lines), || {
        vec![
            rejected(json!("role1".repeat(1000))),
            rejected(json!(vec!["role"; 1000])),
            rejected(json!(vec!["a"; 3000])),
            rejected(json!(objects)),
            rejected(json!(["role1".repeat(1000)])),
            get().token(deep(2)).rejected("A403JC", "Claim roles is not accepted"),
            get().token(&too_deep).rejected("I400JD", format!("JWT Deserialize Failed: {}...", &too_deep[..16])),
            get().token(world.token(&json!({"roles": [vec!["a"; 1000].join(" "), "role1"]}))).passes(),
        ]
    })
}

fn a_token_of_another_kind_or_resource(world: &World) -> Vec<Row> {
    let claims = json!({"iss": "https://issuer.example", "aud": RESOURCE, "client_id": "c", "jti": "j"});
    let invalid = |token: String, reason: &str| {
        let challenge = format!("{BARE}, error=\"invalid_token\", error_description=\"The token is not valid\"");
        bearer(&token).challenged(401, "A403JT", format!("Invalid JWT: {reason}"), &[&challenge])
    };
    let signed = |header: Value, members: Value| {
        let mut all = world.claims(&claims);
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let mut full = json!({"alg": "ES256", "kid": "k1"});
        full.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        key().token_raw(full.to_string().as_bytes(), all.to_string().as_bytes())
    };
    let access = || json!({"typ": "at+jwt"});
    let mut steps = Vec::new();
    for kind in [json!({}), json!({"typ": "JWT"}), json!({"typ": "dpop+jwt"}), json!({"typ": "logout+jwt"})] {
        steps.push(invalid(signed(kind, json!({})), "header typ is not at+jwt"));
    }
    for kind in ["at", "at+jwt;a=b", "application/application/at+jwt", "text/at+jwt", "at+jwt\u{0}", "at%2Bjwt"] {
        steps.push(invalid(signed(json!({"typ": kind}), json!({})), "header typ is not at+jwt"));
    }
    for audience in
        [json!("https://api.example"), json!("https://api.example/orders/"), json!(["https://other.example"])]
    {
        steps.push(invalid(signed(access(), json!({"aud": audience})), "claim aud is not an accepted audience"));
    }
    steps
        .push(invalid(signed(access(), json!({"iss": "https://evil.example"})), "claim iss is not an accepted issuer"));
    steps.push(bearer(&signed(access(), json!({}))).passes());
    steps.push(bearer(&signed(json!({"typ": "Application/AT+JWT"}), json!({}))).passes());
    vec![row("kinds", server(", tokenType: at+jwt", "issuer: https://issuer.example"), steps)]
}

/// With `bypassEmptyToken` these go on without the claims of a token.
fn another_scheme_is_no_token(world: &World) -> Vec<Row> {
    let token = world.token(&json!({"aud": RESOURCE}));
    let lines = "bypassEmptyToken: true\nclaimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";
    let bypasses =
        |value: String| get().header("authorization", value).header("x-sub", "forged").passes_to("/p", &["x-sub"], &[]);
    let several = |request: Request| {
        let challenge =
            format!("{BARE}, error=\"invalid_request\", error_description=\"The request has more than one token\"");
        request.challenged(400, "A403JT", "Invalid JWT: more than one token was sent", &[&challenge])
    };
    let steps = vec![
        bypasses(token.clone()),
        bypasses(format!("Basic {token}")),
        bypasses(format!("DPoP {token}")),
        bypasses(format!("Bearer{token}")),
        bypasses(format!("Bearer:{token}")),
        bypasses(format!("Token {token}")),
        several(bearer(&token).header("authorization", "Basic YTpi")),
        several(get().header("authorization", "Basic YTpi").header("authorization", format!("Bearer {token}"))),
        several(bearer(&format!("{token}, Basic YTpi"))),
        several(bearer(&token).header("authorization", format!("DPoP {token}"))),
        bearer(&token).passes_to("/p", &[], &[("x-sub", "alice")]),
        get().header("authorization", format!("bEaReR {token}")).header("x-sub", "forged").passes_to(
            "/p",
            &["x-sub"],
            &[("x-sub", "alice")],
        ),
    ];
    vec![row("schemes", server("", lines), steps)]
}

fn nothing_of_the_client_is_in_a_challenge(world: &World) -> Vec<Row> {
    let texts = ["\"", "\\", "a\", error=\"none", ", Basic realm=\"x\"", "\r\nset-cookie: a", "<script>", "\u{1f600}"];
    let challenge = |error: &str| format!("{BARE}, error=\"invalid_token\", error_description=\"{error}\"");
    let mut steps = Vec::new();
    for text in texts {
        let unknown = key().token(Some(text), &world.claims(&json!({"aud": RESOURCE})));
        let shown: String = text.bytes().map(shown).collect();
        steps.push(bearer(&unknown).challenged(
            401,
            "A403JK",
            format!("No matching JWK, kid:{shown} not found"),
            &[&challenge("The token has no known key")],
        ));
        steps.push(with(world, &json!({"aud": text})).challenged(
            401,
            "A403JT",
            "Invalid JWT: claim aud is not an accepted audience",
            &[&challenge("The token is not valid")],
        ));
        let target = format!("/p?{}", crate::encodings::percent_encoded(text));
        steps.push(get().target(target).header("x-forwarded-host", "evil.example").challenged(
            401,
            "I400JR",
            "JWT required",
            &[BARE],
        ));
    }
    vec![row("challenges", server("", ""), steps)]
}

/// A byte as messages show it.
fn shown(byte: u8) -> String {
    if (0x20..0x7f).contains(&byte) && !matches!(byte, b'<' | b'>' | b'\\') {
        char::from(byte).to_string()
    } else {
        format!("\\x{byte:02x}")
    }
}
