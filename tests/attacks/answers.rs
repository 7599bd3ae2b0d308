//! T19: response splitting, and secrets in responses or in the log.

use kit::envoy;
use kit::http::RequestBuilder;
use kit::issuer::SigningKey;
use kit::proxy::now;
use kit::rows::{World, config, get, header_config, key};
use serde_json::json;

use crate::arena::Arena;
use crate::encodings::base64url;

const ALLOWED: [&str; 7] =
    ["connection", "content-length", "content-type", "date", "server", "x-ca-error-code", "x-ca-error-message"];

/// What is wrong with the bytes of a response. It must be one head of visible ASCII with the known headers, each once,
/// and one body: a single line of the length in `content-length`.
fn flaws(answer: &[u8]) -> Vec<String> {
    let mut flaws = Vec::new();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head");
    let (head, body) = (&answer[..end], &answer[end + 4..]);
    if head.iter().any(|byte| !matches!(byte, 0x20..=0x7e | b'\r' | b'\n')) {
        flaws.push("bytes that are not visible ASCII".to_owned());
    }
    let head = String::from_utf8_lossy(head).into_owned();
    let mut lines = head.split("\r\n");
    if !lines.next().is_some_and(|line| line.starts_with("HTTP/1.1 4")) {
        flaws.push("the status line is not that of a rejection".to_owned());
    }
    let mut names: Vec<_> = lines.map(|line| line.split_once(": ").map_or(line, |(name, _)| name).to_owned()).collect();
    names.sort();
    if names != ALLOWED {
        flaws.push(format!("headers {names:?}"));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or_default();
    if length != body.len().to_string() {
        flaws.push(format!("the body has {} bytes, content-length is {length}", body.len()));
    }
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| json["message"].as_str());
    let in_head = head.lines().find_map(|line| line.strip_prefix("x-ca-error-message: "));
    if message.is_none() || message.map(str::trim_end) != in_head {
        flaws.push(format!("the body says {message:?}, the head {in_head:?}"));
    }
    if head.len() > 1500
        || !body.strip_suffix(b"\n").is_some_and(|line| line.iter().all(|byte| matches!(byte, 0x20..=0x7e)))
    {
        flaws.push("the head is too long, or the body is not one line of visible ASCII".to_owned());
    }
    flaws
}

/// Text that could split a response, end a JSON string, open an HTML tag or control a terminal.
const HOSTILE: [&str; 12] = [
    "a\r\nset-cookie: session=evil",
    "a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
    "a\nb",
    "a\rb",
    "\0",
    "a\u{85}b\u{2028}c",
    "\"}{\"",
    "\\\",\"code\":\"0",
    "<script>alert(1)</script>",
    "\u{1b}]0;evil\u{7}",
    "\u{e9}\u{202e}",
    "%0d%0aset-cookie: b",
];

/// The text in quotes that both JSON and YAML read. YAML reads some characters as line breaks unless they are escaped.
fn quoted(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted
        .chars()
        .map(|letter| if letter.is_ascii() { letter.to_string() } else { format!("\\u{:04x}", u32::from(letter)) })
        .collect()
}

#[test]
fn t19_no_answer_is_split_or_holds_what_was_sent_as_it_was() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let claim = |name: &str| {
            let quoted = quoted(name);
            header_config(&format!("claimParameters: [{{claimName: {quoted}, parameterName: X-V, location: header}}]"))
        };
        let mut configs = vec![
            ("kid".to_owned(), header_config("")),
            ("query".to_owned(), config("parameter: t\nparameterLocation: query")),
            ("unnamed".to_owned(), format!("parameter: X-Token\njwk: {}", key().public_jwk(None, false))),
        ];
        for (index, text) in HOSTILE.iter().enumerate() {
            configs.push((format!("claim{index}"), claim(text)));
            let quoted = quoted(text);
            configs.push((format!("config{index}"), header_config(&format!("{quoted}: 1"))));
        }
        let named: Vec<_> = configs.iter().map(|(name, config)| (name.as_str(), config.clone())).collect();
        let arena = Arena::closing_at_once(&binary, &named);
        let mut attempts: Vec<(String, RequestBuilder)> = Vec::new();
        let mut attempt = |listener: &str, request: RequestBuilder| attempts.push((listener.to_owned(), request));
        let token_of = |token: &str| RequestBuilder::get("/p").header("x-token", token);
        for (index, text) in HOSTILE.iter().enumerate() {
            attempt("kid", token_of(&key().token(Some(text), &world.claims(&json!({})))));
            let header = json!({"alg": text, "kid": "k1"}).to_string();
            let claims = world.claims(&json!({})).to_string();
            attempt("kid", token_of(&key().token_raw(header.as_bytes(), claims.as_bytes())));
            attempt("unnamed", token_of(&key().token_raw(header.as_bytes(), claims.as_bytes())));
            let kid = json!({"alg": "ES256", "kid": [text]}).to_string();
            attempt("kid", token_of(&key().token_raw(kid.as_bytes(), claims.as_bytes())));
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            attempt("query", RequestBuilder::get(format!("/p?t={encoded}")));
            attempt("query", RequestBuilder::get(format!("/p?t={encoded}.{encoded}.{encoded}")));
            attempt(&format!("claim{index}"), token_of(&world.token(&json!({*text: "\r\n"}))));
            attempt(&format!("config{index}"), RequestBuilder::get("/p"));
        }
        for byte in 0..=255_u8 {
            attempt("query", RequestBuilder::get(format!("/p?t=a%{byte:02x}b")));
            if byte >= 0x80 {
                attempt("kid", RequestBuilder::get("/p").header("x-token", [b'a', byte, b'b']));
            }
        }
        let mut failures = Vec::new();
        for (listener, request) in &attempts {
            let answer = arena.raw_answer(listener, request);
            let flaws = flaws(&answer);
            if !flaws.is_empty() {
                let sent = request.build();
                failures.push(format!(
                    "{listener} {}: {flaws:?}\n{}",
                    kit::proxy::cut(&sent),
                    kit::proxy::cut(&answer)
                ));
            }
        }
        println!("{} requests", attempts.len());
        failures.extend(arena.harm(std::iter::empty()));
        let log = arena.proxy.envoy.log();
        failures.extend(
            log.lines().filter(|line| line.contains("set-cookie") && !line.contains("jwt-auth:")).map(str::to_owned),
        );
        arena.proxy.report(&failures);
    }
}

/// CVE-2022-29266 and H10: neither responses nor the log contain a token, a signature or a key.
#[test]
fn t19_no_answer_and_no_log_line_holds_a_token_or_a_key() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let secret = SigningKey::cached(kit::issuer::Algorithm::HS256);
        let jwk = secret.public_jwk(Some("k1"), true);
        let private = key().private_jwk(Some("k1"), true);
        let arena = Arena::of_configs(
            &binary,
            &[
                ("secret", format!("parameter: X-Token\njwk: {jwk}")),
                (
                    "private",
                    format!("parameter: X-Token\njwk: {private}\nissuer: {{\"{}\": 1}}", jwk["k"].as_str().unwrap()),
                ),
                ("yaml", format!("parameter: X-Token\njwk: {jwk}\nissuer: [{}\n", private["d"].as_str().unwrap())),
            ],
        );
        let good = secret.token(Some("k1"), &world.claims(&json!({})));
        let expired = secret.token(Some("k1"), &world.claims(&json!({"exp": 1})));
        let bytes = |token: &str| token.as_bytes().to_vec();
        let mut answers = Vec::new();
        for listener in ["secret", "private", "yaml"] {
            let mut lane = arena.lane(listener);
            for token in [
                format!("{good}AAAA"),
                expired.clone(),
                format!("{good}."),
                format!("{good} {good}"),
                format!("x{good}"),
            ] {
                let response = lane.send(&get().token(&token));
                answers.push(format!("{:?}", response.headers));
                answers.push(response.text());
            }
        }
        let log = arena.proxy.envoy.log();
        answers.push(log);
        let secrets: Vec<String> = [jwk["k"].as_str(), private["d"].as_str()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .chain([&good, &expired].into_iter().flat_map(|token| token.split('.').skip(1).map(str::to_owned)))
            .collect();
        for text in &answers {
            for secret in &secrets {
                assert!(!text.contains(&secret[..24]), "{secret} in {text}");
            }
        }
        assert_eq!(arena.proxy.upstream.requests(), 0);
        arena.proxy.report(&arena.harm([bytes(&good)].iter().map(Vec::as_slice)));
    }
}

#[test]
fn t19_head_and_grpc_answers() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let arena = Arena::closing_at_once(&binary, &[("a", header_config(""))]);
        let hostile = key().token(Some("a\r\ngrpc-status: 0\r\n"), &world.claims(&json!({})));
        let forged = format!("{}.{}.AAAA", base64url(r#"{"alg":"ES256","kid":"k1"}"#), base64url("{}"));
        for (token, status, code, grpc) in [
            ("", 400, "I400JR", "16"),
            ("junk", 400, "I400JD", "16"),
            (hostile.as_str(), 403, "A403JK", "7"),
            (forged.as_str(), 403, "A403JT", "7"),
        ] {
            let head = RequestBuilder::new("HEAD", "/p").header("host", "test").header("x-token", token);
            let answer = String::from_utf8(arena.raw_answer("a", &head)).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with("\r\n\r\n"), "{answer}");
            assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{answer}");
            assert!(answer.contains(&format!("x-ca-error-code: {code}\r\n")), "{answer}");
            let call = RequestBuilder::post("/s/m").header("content-type", "application/grpc").header("x-token", token);
            let answer = String::from_utf8(arena.raw_answer("a", &call.body(b"\0\0\0\0\0"))).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            let statuses: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("grpc-status: ")).collect();
            assert_eq!(statuses, [grpc], "{answer}");
            assert!(answer.contains(&format!("x-ca-error-code: {code}\r\n")), "{answer}");
        }
        assert_eq!(arena.proxy.upstream.requests(), 0);
        arena.proxy.report(&arena.harm(std::iter::empty()));
    }
}
