use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::http::RequestBuilder;
use serde_json::{Value, json};

use super::running::{FORM, Running, basic, form, rejected, token, whole, wrong_basic, wrong_form};
use crate::command::{json, now, opened};
use crate::filter::decide;

#[test]
fn a_user_gets_a_token_that_the_filter_accepts() {
    let service =
        Running::start(&["--iss", "https://issuer.example", "--aud", "a", "--aud", "b", "--expires-in", "15m"]);
    let configuration = fs::read_to_string(service.folder.path().join("plugin")).expect("a file");
    let charset = "Application/X-WWW-Form-UrlEncoded; charset=UTF-8";
    let alice = json!({"sub": "alice", "userId": "1213234", "roles": ["buyer", "admin"]});
    let bob = json!({"sub": "böb"});
    for (request, expected) in [
        (form("username=alice&password=wonderland"), &alice),
        (form("grant_type=password&password=wonderland&username=alice&scope=x&client_id="), &alice),
        (
            RequestBuilder::post("/token?x=y")
                .header("content-type", charset)
                .body("username=alice&password=%77onderland"),
            &alice,
        ),
        (form("username=b%C3%B6b&password=looking-glass"), &bob),
        (basic("alice", "wonderland"), &alice),
        (basic("böb", "looking-glass").header("content-type", FORM).body("grant_type=password"), &bob),
        (basic("alice", "wonderland").header("content-type", FORM).body("username=&password="), &alice),
    ] {
        let before = now();
        let token = token(&service.send(&request), 900);
        let (header, claims) = opened(&token);
        assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k"}));
        let (issued, jti) = (claims["iat"].as_u64().expect("iat"), claims["jti"].as_str().expect("jti"));
        assert!((before..=now()).contains(&issued) && jti.len() == 22);
        let mut whole = json!({
            "iss": "https://issuer.example", "aud": ["a", "b"],
            "jti": jti, "iat": issued, "nbf": issued, "exp": issued + 900,
        });
        for (name, value) in expected.as_object().expect("claims") {
            whole[name] = value.clone();
        }
        assert_eq!(claims, whole);
        assert_eq!(decide(&configuration, &token, now()).map(|_| ()), Ok(()));
    }
}

#[test]
fn rejected_requests_get_an_oauth_error() {
    let service = Running::start(&[]);
    let invalid = |description| rejected(400, "invalid_request", description, &[]);
    let neither = "expected username and password in a form, or HTTP Basic";
    let no_basic = "expected Authorization: Basic with the base64 of name:password";
    let type_ = "expected a body of type application/x-www-form-urlencoded";
    let post = || RequestBuilder::post("/token");
    let long = format!("username={}&password=x", "a".repeat(257));
    let longer = format!("username=a&password={}", "a".repeat(1025));
    let longest = "a".repeat(8 * 1024 + 1);
    for (request, expected) in [
        (form("username=alice&password=Wonderland"), wrong_form()),
        (form("username=carol&password=wonderland"), wrong_form()),
        (basic("alice", "Wonderland"), wrong_basic()),
        (basic("carol", "wonderland"), wrong_basic()),
        (post().header("authorization", "Bearer x"), wrong_basic()),
        (post(), invalid(neither)),
        (form("grant_type=password"), invalid(neither)),
        (post().header("content-type", FORM).body("username=alice"), invalid("expected both username and password")),
        (form("password=wonderland&username="), invalid("expected both username and password")),
        (form("username=alice&password=a&password=wonderland"), invalid("duplicate parameter")),
        (
            form("grant_type=refresh_token"),
            rejected(400, "unsupported_grant_type", "expected the grant_type password, or none", &[]),
        ),
        (post().body("username=alice&password=wonderland"), invalid(type_)),
        (post().header("content-type", "application/json").body("{\"username\":\"alice\"}"), invalid(type_)),
        (
            basic("alice", "wonderland").header("content-type", FORM).body("username=alice&password=wonderland"),
            invalid("both the form and Authorization have credentials"),
        ),
        (basic("alice", "wonderland").header("authorization", "Basic x"), invalid("expected one Authorization header")),
        (post().header("authorization", "Basic ??"), invalid(no_basic)),
        (post().header("authorization", format!("Basic {}", STANDARD.encode("alice"))), invalid(no_basic)),
        (post().header("authorization", format!("Basic {}", STANDARD.encode(b"alice:\xff"))), invalid(no_basic)),
        (form(&long), invalid("the user name or the password is too long")),
        (form(&longer), invalid("the user name or the password is too long")),
        (post().header("transfer-encoding", "chunked").raw_body("nothing\r\n"), invalid("the body can't be read")),
        (form(&longest), rejected(413, "invalid_request", "the body is too large", &[])),
    ] {
        let response = service.send(&request);
        assert_eq!(whole(&response), expected, "{}", String::from_utf8_lossy(&request.build()));
    }
    // Credentials in a URL are not accepted, because URLs are often logged.
    for request in [
        RequestBuilder::get("/token?username=alice&password=wonderland"),
        RequestBuilder::new("PUT", "/token").header("host", "test"),
    ] {
        let response = service.send(&request);
        assert_eq!(
            (response.status, response.header("allow"), response.text()),
            (405, Some(&b"POST"[..]), String::new())
        );
    }
    assert_eq!(service.send(&RequestBuilder::get("/")).status, 404);
}

#[test]
fn everyone_can_get_the_public_key_and_the_health() {
    let service = Running::start(&[]);
    let response = service.send(&RequestBuilder::get("/.well-known/jwks.json"));
    assert_eq!(response.header("cache-control"), Some(&b"public, max-age=300"[..]));
    assert_eq!(response.header("content-type"), Some(&b"application/json"[..]));
    let private = json(&service.folder.path().join("key"));
    let mut public = private.clone();
    public.as_object_mut().expect("a key").remove("d").expect("the private part");
    let keys: Value = serde_json::from_slice(&response.body).expect("JSON");
    assert_eq!(keys, json!({"keys": [public]}));

    // The filter accepts the JWK set unchanged.
    let token = token(&service.send(&basic("alice", "wonderland")), 7200);
    let configuration = json!({"parameter": "X-Token", "jwks": keys}).to_string();
    assert_eq!(decide(&configuration, &token, now()).map(|_| ()), Ok(()));

    let response = service.send(&RequestBuilder::get("/healthz"));
    assert_eq!((response.status, response.text().as_str()), (200, "ok\n"));
}
