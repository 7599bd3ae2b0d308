//! Answers of an OAuth 2.0 resource server: the metadata document and challenges, whatever else of the request arrives.

use kit::issuer::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::forms::{MODES, Part, WITH_BODY, WITHOUT_BODY, receive};
use super::setup::{ROOT, Site};
use crate::host::{Headers, Mode, Response, Stream};
use crate::{key, owned};

const RESOURCE: &str = "https://api.example/mcp";
const PLACE: &str = "/.well-known/oauth-protected-resource/mcp";
const BEARER: &str = "Bearer realm=\"api.example\", \
                      resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/mcp\", scope=\"read\"";

fn site() -> Site {
    let mut site = Site::start(
        1,
        &format!(
            "parameter: Authorization
parameterLocation: header
jwk: {}
resourceServer:
  metadata: {{resource: '{RESOURCE}', authorizationServers: ['https://issuer.example']}}
  requiredScopes: {{all: [read]}}
",
            key().private_jwk(None, true)
        ),
    );
    site.pass(1);
    site
}

fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Headers {
    owned([(":method", method), (":path", path), (":authority", "test")].into_iter().chain(more.iter().copied()))
}

fn send(site: &mut Site, mode: Mode, headers: Headers, parts: &[Part]) -> Stream {
    let stream = site.workers[0].open(ROOT, mode).unwrap();
    site.workers[0].headers(stream, headers, parts.is_empty()).unwrap();
    parts.iter().for_each(|part| receive(site, stream, *part));
    site.pass(20);
    site.close(0, stream)
}

/// What the client gets: status, status of gRPC, headers and body.
fn answer(stream: Stream) -> (u32, i32, Vec<(String, String)>, String) {
    assert_eq!(stream.forwarded, None);
    let Response { status, headers, body, grpc_status, .. } = stream.response.expect("a response");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, grpc_status, headers.into_iter().map(|(name, value)| (name, text(value))).collect(), text(body))
}

fn headers(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_metadata_is_answered_once_and_nothing_of_its_request_goes_on() {
    let mut site = site();
    let document = json!({
        "resource": RESOURCE, "authorization_servers": ["https://issuer.example"], "bearer_methods_supported": ["header"],
    });
    let cors = ("access-control-allow-origin", "*");
    let shapes = [&[][..]].into_iter().chain(WITH_BODY).chain(WITHOUT_BODY);
    for (mode, parts) in shapes.flat_map(|parts| MODES.map(|mode| (mode, parts))) {
        for method in ["GET", "HEAD"] {
            let (status, _, found, body) = answer(send(&mut site, mode, request(method, PLACE, &[]), parts));
            assert_eq!(status, 200);
            assert_eq!(found, headers(&[cors, ("content-type", "application/json"), ("cache-control", "max-age=300")]));
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), document, "{method} {parts:?}");
        }
        let (status, _, found, body) = answer(send(&mut site, mode, request("OPTIONS", PLACE, &[]), parts));
        let options = [
            cors,
            ("access-control-allow-methods", "GET, HEAD"),
            ("access-control-allow-headers", "*"),
            ("access-control-max-age", "300"),
        ];
        assert_eq!((status, found, body.as_str()), (204, headers(&options), ""));
        let (status, _, found, body) = answer(send(&mut site, mode, request("POST", PLACE, &[]), parts));
        let refused = headers(&[cors, ("allow", "GET, HEAD, OPTIONS")]);
        assert_eq!((status, found, body.as_str()), (405, refused, ""));
    }
}

/// Their client reads only the status of gRPC, and the headers tell the rest.
#[test]
fn grpc_clients_get_the_status_of_grpc_and_the_challenge() {
    let mut site = site();
    let token = |key: &SigningKey, scope: &str| {
        let claims = json!({"sub": "alice", "aud": RESOURCE, "scope": scope, "exp": 1_800_000_600});
        format!("Bearer {}", key.token(None, &claims))
    };
    let forged = SigningKey::generate(Algorithm::EdDSA);
    let with_error =
        |error: &str, description: &str| format!("{BEARER}, error=\"{error}\", error_description=\"{description}\"");
    for (authorization, grpc_status, code, message, challenge) in [
        (None, 16, "I400JR", "JWT required", BEARER.to_owned()),
        (
            Some(token(&key(), "write")),
            7,
            "A403JS",
            "JWT lacks a required scope",
            with_error("insufficient_scope", "The token lacks a required scope"),
        ),
        (
            Some("Bearer a".to_owned()),
            16,
            "I400JD",
            "JWT Deserialize Failed: a",
            with_error("invalid_token", "The token is malformed"),
        ),
        (
            Some(token(&forged, "read")),
            16,
            "A403JT",
            "Invalid JWT: alg EdDSA is not allowed for this key",
            with_error("invalid_token", "The token is not valid"),
        ),
    ] {
        let mut more = vec![("content-type", "application/grpc")];
        more.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let stream = send(&mut site, Mode::Default, request("POST", "/orders.Orders/List", &more), WITH_BODY[0]);
        let expected =
            headers(&[("x-ca-error-code", code), ("x-ca-error-message", message), ("www-authenticate", &challenge)]);
        assert_eq!(answer(stream), (200, grpc_status, expected, message.to_owned()), "{code}");
    }
}
