//! A challenge can be parsed by another library (RFC 9110 §11.6.1), and has only fixed words and values of the
//! configuration, whatever the client sends.
//!
//! Input: a digit for the configuration and one for the request, lines with the realm, the scope and the resource, then what
//! the client sends.

use std::collections::BTreeMap;

use http_auth::ChallengeParser;
use jwt_auth::{Host, Plugin, Response};
use kit::host::{self, Headers, Memory};
use serde_json::{Value, json};

use crate::bound;
use crate::htu::UrlOf;
use crate::world::{self, Input, NOW};

/// Every `error` with its `error_description`.
const ERRORS: [(&str, &str); 9] = [
    ("invalid_request", "The request has more than one token"),
    ("invalid_token", "The token is malformed"),
    ("invalid_token", "The token is not valid"),
    ("invalid_token", "The token is expired"),
    ("invalid_token", "The token has no known key"),
    ("invalid_token", "The token has no jti"),
    ("invalid_token", "The token was used before"),
    ("insufficient_scope", "The token lacks a required scope"),
    ("invalid_dpop_proof", "The DPoP proof is missing or not valid"),
];

/// The property.
pub fn holds(input: &[u8]) {
    let mut input = Input::new(input);
    let (shape, request) = (input.choice(8), input.choice(8));
    let [realm, scope, resource] = [input.line(), input.line(), input.line()].map(String::from_utf8_lossy);
    let mut server = json!({"realm": realm});
    if shape % 2 == 1 {
        server["metadata"] = json!({"resource": resource, "authorizationServers": ["https://issuer.example"]});
    }
    if shape / 2 % 2 == 1 {
        server["requiredScopes"] = json!({"all": [scope, "b"], "any": ["c"]});
    }
    if shape / 4 % 2 == 1 {
        let origins = ["https://api.example"];
        server["dpop"] = json!({"required": request % 2 == 0, "origins": origins});
    }
    let configuration = json!({
        "parameter": "Authorization", "parameterLocation": "header", "audiences": ["a"],
        "jwk": world::key().public_jwk(None, false), "resourceServer": server,
    });
    let plugin = Plugin::new(configuration.to_string().as_bytes(), b"");
    if plugin.faults().is_some() {
        return;
    }
    let Err(response) = respond(&plugin, &headers(request, input.rest())) else { return };
    check(&server, &response);
}

/// The headers of a request in which the client chose these bytes.
fn headers(request: usize, sent: &[u8]) -> Headers {
    let header = |name: &str, value: Vec<u8>| (name.to_owned(), value);
    let valid = |members: Value| world::token(&members).unwrap_or_default().into_bytes();
    let with = |front: &str, rest: &[u8]| header("authorization", [front.as_bytes(), rest].concat());
    let mut headers = vec![header(":method", b"GET".to_vec()), header(":path", b"/p".to_vec())];
    let text = String::from_utf8_lossy(sent);
    match request {
        0 => headers.push(with("", sent)),
        1 => headers.push(with("Bearer ", sent)),
        2 => headers.extend([with("DPoP ", bound::token(0).as_bytes()), header("dpop", sent.to_vec())]),
        3 => headers.push(with("Bearer ", &valid(json!({"aud": "a", "scope": text})))),
        4 => headers.push(with("Bearer ", &valid(json!({"aud": text})))),
        5 => headers.push(with("Bearer ", world::key().token_raw(sent, b"{}").as_bytes())),
        6 => headers.extend([with("Bearer ", b"a.b.c"), with("Bearer ", sent)]),
        _ => headers.push(header("x", sent.to_vec())),
    }
    headers
}

fn respond(plugin: &Plugin, headers: &Headers) -> Result<(), Response> {
    let host = Host { shared_data: &Memory::default(), signatures: None, random: || None };
    host::respond_with(plugin, headers, false, f64::from(NOW), host).map(drop)
}

fn check(server: &Value, response: &Response) {
    let values: Vec<_> =
        response.headers.iter().filter(|(name, _)| *name == "www-authenticate").map(|(_, value)| value).collect();
    let requires = |name: &str| server[name].is_object();
    let schemes = match (values.len(), requires("dpop") && server["dpop"]["required"] == true) {
        (0, _) => return,
        (1, true) => vec!["DPoP"],
        (1, false) => vec!["Bearer"],
        _ => vec!["Bearer", "DPoP"],
    };
    assert_eq!(values.len() > 1, requires("dpop") && schemes.len() > 1, "{values:?}");
    let mut found = Vec::new();
    let mut errors = 0;
    for value in &values {
        let challenges: Vec<_> = ChallengeParser::new(value).map(|one| one.expect("a challenge")).collect();
        let [challenge] = challenges.as_slice() else { panic!("{value}") };
        found.push(challenge.scheme.to_owned());
        let parameters: BTreeMap<&str, String> =
            challenge.params.iter().map(|(name, value)| (*name, value.to_unescaped())).collect();
        assert_eq!(parameters.len(), challenge.params.len(), "a parameter twice: {value}");
        let mut expected = BTreeMap::from([("realm", text(&server["realm"]))]);
        if let Some(url) = parameters.get("resource_metadata") {
            let place = well_known(&text(&server["metadata"]["resource"]));
            // Scheme and host may be written differently.
            let url = if is_same_url(url, &place) { url.clone() } else { place };
            expected.insert("resource_metadata", url);
        }
        assert_eq!(parameters.contains_key("resource_metadata"), requires("metadata"), "{value}");
        if requires("requiredScopes") {
            let first = text(&server["requiredScopes"]["all"][0]);
            // The one of `any` is not named twice.
            let last = if first == "c" { "" } else { " c" };
            expected.insert("scope", format!("{first} b{last}"));
        }
        if challenge.scheme == "DPoP" {
            expected.insert("algs", "ES256 EdDSA PS256".to_owned());
        }
        if let Some(error) = parameters.get("error") {
            let description = &parameters["error_description"];
            assert!(ERRORS.contains(&(error, description)), "{value}");
            expected.extend([("error", error.clone()), ("error_description", description.clone())]);
            errors += 1;
        }
        assert_eq!(parameters, expected, "{value}");
    }
    found.sort();
    assert_eq!(found, schemes, "{values:?}");
    assert!(errors <= 1, "{values:?}");
}

/// Where the document of a resource is (RFC 9728 §3.1), by cutting the text.
fn well_known(resource: &str) -> String {
    let start = resource.find("://").map_or(0, |at| at + 3);
    let at = resource[start..].find(['/', '?']).map_or(resource.len(), |at| start + at);
    let (origin, rest) = resource.split_at(at);
    let rest = if rest == "/" { "" } else { rest };
    format!("{origin}/.well-known/oauth-protected-resource{rest}")
}

fn is_same_url(one: &str, other: &str) -> bool {
    let query = |url: &str| url.split_once('?').map(|(_, query)| query.to_owned());
    UrlOf::read(one).is_some_and(|url| UrlOf::read(other) == Some(url)) && query(one) == query(other)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
