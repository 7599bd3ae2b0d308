//! `requiredClaims`, `resourceServer` and `allowCorsPreflight`.

use serde_json::{Value, json};

use super::{Request, Row, Step, World, config, date, get, header_config, post, row};
use crate::issuer::{Algorithm, SigningKey};

const RESOURCE: &str = "https://api.example/orders";
const METADATA: &str =
    "metadata: {resource: 'https://api.example/orders', authorizationServers: ['https://issuer.example']}";
const BARE: &str = "Bearer realm=\"api.example\", \
                    resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";

pub(super) fn rows(world: &World) -> Vec<Row> {
    [required_claims(world), challenges(world), scopes(world), token_type(world), metadata(), preflight(world)]
        .into_iter()
        .flatten()
        .collect()
}

fn server(fields: &str) -> String {
    server_with(fields, "")
}

fn server_with(fields: &str, lines: &str) -> String {
    config(&format!("parameter: Authorization\nparameterLocation: header\nresourceServer: {{{fields}}}\n{lines}"))
}

fn bearer(token: impl AsRef<str>) -> Request {
    get().header("authorization", format!("Bearer {}", token.as_ref()))
}

/// A token for the resource.
fn token(world: &World, members: Value) -> String {
    let mut members = members;
    if members.get("aud").is_none() {
        members["aud"] = RESOURCE.into();
    }
    world.token(&members)
}

fn error(error: &str, description: &str) -> String {
    format!("{BARE}, error=\"{error}\", error_description=\"{description}\"")
}

fn required_claims(world: &World) -> Vec<Row> {
    let request = |members: Value| get().token(world.token(&members));
    let rejected =
        |members: Value, name: &str| request(members).rejected("A403JC", format!("Claim {name} is not accepted"));
    vec![row(
        "all required claims must hold, with the type of the configuration",
        header_config(
            "requiredClaims:\n- {claimName: realm_access.roles, contains: [admin, root]}\n- {claimName: level, oneOf: [1, 2]}",
        ),
        vec![
            request(json!({"realm_access": {"roles": ["user", "root"]}, "level": 2})).passes(),
            rejected(json!({"realm_access": {"roles": ["user"]}, "level": 2}), "realm_access.roles"),
            rejected(json!({"realm_access": {"roles": [{"admin": true}]}, "level": 2}), "realm_access.roles"),
            rejected(json!({"realm_access": {"roles": "user admin"}, "level": 2}), "realm_access.roles"),
            rejected(json!({"realm_access": {"roles": ["admin"]}, "level": "2"}), "level"),
            rejected(json!({"realm_access": {"roles": ["admin"]}}), "level"),
            rejected(json!({}), "realm_access.roles"),
        ],
    )]
}

fn challenges(world: &World) -> Vec<Row> {
    let valid = || token(world, json!({}));
    let expired = token(world, json!({"exp": world.now - 10}));
    let forged = SigningKey::generate(Algorithm::ES256).token(Some("k1"), &world.claims(&json!({"aud": RESOURCE})));
    let several = error("invalid_request", "The request has more than one token");
    let several =
        |request: Request| request.challenged(400, "A403JT", "Invalid JWT: more than one token was sent", &[&several]);
    let missing = |request: Request| request.challenged(401, "I400JR", "JWT required", &[BARE]);
    let invalid = |request: Request, code, message: &str, description: &str| {
        request.challenged(401, code, message, &[&error("invalid_token", description)])
    };
    vec![
        row(
            "a resource server accepts only the scheme Bearer, and says where to get a token",
            server(METADATA),
            vec![
                bearer(valid()).passes(),
                get().header("authorization", format!("bEARER  {}", valid())).passes(),
                missing(get()),
                missing(get().header("authorization", valid())),
                missing(get().header("authorization", "Basic YTpi")),
                missing(get().header("authorization", format!("DPoP {}", valid()))),
                missing(get().target(format!("/p?Authorization={}", valid()))),
                several(bearer(valid()).header("authorization", "Bearer other")),
                several(bearer(valid()).header("authorization", "Basic YTpi")),
                several(get().header("authorization", format!("Basic YTpi, Bearer {}", valid()))),
                invalid(bearer("a"), "I400JD", "JWT Deserialize Failed: a", "The token is malformed"),
                invalid(
                    bearer(&expired),
                    "A403JE",
                    &format!("JWT is expired at {}", date(world.now - 10)),
                    "The token is expired",
                ),
                invalid(
                    bearer(&forged),
                    "A403JT",
                    "Invalid JWT: signature verification failed",
                    "The token is not valid",
                ),
            ],
        ),
        row(
            "the audience is the resource by default",
            server(METADATA),
            vec![
                bearer(token(world, json!({"aud": ["other", RESOURCE]}))).passes(),
                invalid(
                    bearer(token(world, json!({"aud": "https://api.example"}))),
                    "A403JT",
                    "Invalid JWT: claim aud is not an accepted audience",
                    "The token is not valid",
                ),
            ],
        ),
        row(
            "a token that is bound to a key is not accepted as a bearer token",
            server(METADATA),
            [json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), json!({"x5t#S256": "a"}), json!({})]
                .into_iter()
                .map(|cnf| {
                    invalid(
                        bearer(token(world, json!({"cnf": cnf}))),
                        "A403JT",
                        "Invalid JWT: claim cnf binds the token to a key, which was not proved",
                        "The token is not valid",
                    )
                })
                .collect(),
        ),
        row(
            "values of the configuration are quoted in a challenge, and nothing of the client is in it",
            server_with("realm: 'a \"b\\c'", "audiences: [x]"),
            vec![
                get().challenged(401, "I400JR", "JWT required", &[r#"Bearer realm="a \"b\\c""#]),
                bearer("\"x\"").challenged(
                    401,
                    "I400JD",
                    "JWT Deserialize Failed: \"x\"",
                    &[concat!(
                        r#"Bearer realm="a \"b\\c", error="invalid_token", "#,
                        r#"error_description="The token is malformed""#
                    )],
                ),
            ],
        ),
        row(
            "a used token and a claim that is not accepted",
            server_with(METADATA, "preventJtiReplay: true\nrequiredClaims: [{claimName: sub, equals: alice}]"),
            vec![
                bearer(token(world, json!({"jti": "rs-1"}))).passes(),
                invalid(
                    bearer(token(world, json!({"jti": "rs-1"}))),
                    "S403JU",
                    "Claim jti in JWT is used",
                    "The token was used before",
                ),
                invalid(
                    bearer(token(world, json!({}))),
                    "S403JI",
                    "Claim jti is required when preventJtiReplay:true",
                    "The token has no jti",
                ),
                bearer(token(world, json!({"jti": "rs-2", "sub": "bob"}))).challenged(
                    403,
                    "A403JC",
                    "Claim sub is not accepted",
                    &[],
                ),
            ],
        ),
    ]
}

fn scopes(world: &World) -> Vec<Row> {
    let scope = "scope=\"read write\"";
    let lacking = format!(
        "{BARE}, {scope}, error=\"insufficient_scope\", error_description=\"The token lacks a required scope\""
    );
    let request = |members: Value| bearer(token(world, members));
    let lacks = |members: Value| request(members).challenged(403, "A403JS", "JWT lacks a required scope", &[&lacking]);
    vec![row(
        "a token needs all and any of the scopes",
        server(&format!("{METADATA}, requiredScopes: {{all: [read], any: [write, admin]}}")),
        vec![
            request(json!({"scope": "read write"})).passes(),
            request(json!({"scp": ["admin", "read"]})).passes(),
            lacks(json!({"scope": "read"})),
            lacks(json!({"scope": "write admin"})),
            lacks(json!({"scope": "reader write"})),
            lacks(json!({"scope": "read", "scp": "write"})),
            lacks(json!({})),
            get().challenged(401, "I400JR", "JWT required", &[&format!("{BARE}, {scope}")]),
        ],
    )]
}

fn token_type(world: &World) -> Vec<Row> {
    let claims = json!({"aud": RESOURCE, "iss": "https://issuer.example", "client_id": "c", "jti": "j"});
    let signed = |media_type: Value, members: Value| {
        let mut claims = world.claims(&claims);
        for (name, value) in members.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        let header = json!({"alg": "ES256", "kid": "k1", "typ": media_type});
        super::key().token_raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
    };
    let invalid = |token: String, reason: &str| {
        let challenge = error("invalid_token", "The token is not valid");
        bearer(token).challenged(401, "A403JT", format!("Invalid JWT: {reason}"), &[&challenge])
    };
    let passing =
        ["at+jwt", "AT+JWT", "application/at+jwt"].map(|name| bearer(signed(name.into(), json!({}))).passes());
    let refused = [json!("JWT"), json!("at+jwt "), json!(""), json!(1), json!(["at+jwt"]), json!(null)];
    let refused = refused.map(|name| invalid(signed(name, json!({})), "header typ is not at+jwt"));
    let lacking = ["sub", "client_id", "jti"].map(|name| {
        let token = signed("at+jwt".into(), json!({name: null}));
        invalid(token, &format!("claim {name} is required in an access token"))
    });
    vec![row(
        "with tokenType only access tokens are accepted",
        server_with(&format!("{METADATA}, tokenType: at+jwt"), "issuer: https://issuer.example"),
        passing.into_iter().chain(refused).chain(lacking).collect(),
    )]
}

fn metadata() -> Vec<Row> {
    let document = json!({
        "authorization_servers": ["https://issuer.example"],
        "bearer_methods_supported": ["header"],
        "resource": RESOURCE,
    });
    let cors = ("access-control-allow-origin", "*");
    let served = |request: Request| {
        let headers = [cors, ("cache-control", "max-age=300"), ("content-type", "application/json")];
        request.answered(200, &headers, document.to_string())
    };
    let method = |method: &'static str, target: &str| Request { method, ..get() }.target(target);
    let place = "/.well-known/oauth-protected-resource/orders";
    let refused: Vec<Step> = ["/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/other"]
        .map(|target| get().target(target).challenged(401, "I400JR", "JWT required", &[BARE]))
        .into();
    let answered = vec![
        served(get().target(place)),
        served(get().target("/.well-known/oauth-protected-resource")),
        served(get().target(format!("{place}?x=y")).header("authorization", "Bearer x")),
        served(get().target(place).header("x-forwarded-host", "evil.example")),
        served(method("HEAD", place)),
        method("OPTIONS", place).answered(
            204,
            &[
                ("access-control-allow-headers", "*"),
                ("access-control-allow-methods", "GET, HEAD"),
                cors,
                ("access-control-max-age", "300"),
            ],
            "",
        ),
        method("DELETE", place).answered(405, &[cors, ("allow", "GET, HEAD, OPTIONS")], ""),
    ];
    vec![row(
        "the metadata of the resource is served without a token, at its place and at the root",
        server(METADATA),
        answered.into_iter().chain(refused).collect(),
    )]
}

fn preflight(world: &World) -> Vec<Row> {
    let lines = "allowCorsPreflight: true\nclaimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]";
    let asks = || {
        Request { method: "OPTIONS", ..get() }
            .header("origin", "https://a.example")
            .header("access-control-request-method", "DELETE")
    };
    let required = |request: Request| request.rejected("I400JR", "JWT required");
    let overridden = || asks().header("x-http-method-override", "DELETE");
    let both = row(
        "a CORS preflight can't become another method where a token may be missing, either",
        header_config(&format!("bypassEmptyToken: true\n{lines}")),
        vec![
            overridden().passes_to("/p", &["x-http-method-override"], &[]),
            Request { method: "GET", ..overridden() }.passes(),
        ],
    );
    vec![
        both,
        row(
            "a CORS preflight passes without a token, and nothing else does",
            header_config(lines),
            vec![
                asks().passes(),
                asks()
                    .header("x-sub", "forged")
                    .header("x-http-method-override", "DELETE")
                    .header("x-method-override", "DELETE")
                    .header("x-http-method", "DELETE")
                    .passes_to("/p", &["x-sub", "x-http-method-override", "x-method-override", "x-http-method"], &[]),
                asks().token(world.token(&json!({}))).passes_to("/p", &[], &[("x-sub", "alice")]),
                asks().token("junk").rejected("I400JD", "JWT Deserialize Failed: junk"),
                required(Request { method: "OPTIONS", ..get() }.header("origin", "https://a.example")),
                required(Request { method: "OPTIONS", ..get() }.header("access-control-request-method", "DELETE")),
                required(Request { method: "GET", ..asks() }),
                required(Request { body: Some(b"a".to_vec()), ..asks() }),
                required(post("text/plain", "a").header("x-http-method-override", "OPTIONS")),
            ],
        ),
    ]
}
