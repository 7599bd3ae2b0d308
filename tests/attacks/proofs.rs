//! T23: proofs that are not for this request, or are no proofs (RFC 9449, section 4.3).

use kit::dpop::get_with_proof;
use kit::rows::dpop::{bad_proof, bound_token, server};
use kit::rows::{Request, Row, World, get, post, row};
use serde_json::{Value, json};

use crate::encodings::{from_base64url, percent_spellings, segments};
use crate::possession::{MALFORMED, NO_KEY, client, not_of_this_request};
use crate::trials::single;

attacks! {
    t23_a_proof_of_another_request: CHOSEN, a_proof_of_another_request;
    t23_a_check_left_out_swapped_or_doubled: CHOSEN, a_check_left_out_swapped_or_doubled;
    t23_several_proofs_and_none: CHOSEN, several_proofs_and_none;
    t23_proofs_that_are_expensive_to_read: CHOSEN, proofs_that_are_expensive_to_read;
}

const SEVERAL: &str = "more than one was sent";

/// What a proof was made for is what it is good for, whatever else the request says.
fn a_proof_of_another_request(world: &World) -> Vec<Row> {
    let client = client(world);
    let token = bound_token(world, &client);
    let proof = || client.proof(&token);
    let send = |request: Request, proof: String| {
        let authorized = get_with_proof(&token, proof);
        Request { headers: [authorized.headers, request.headers].concat(), ..request }
    };
    let mut steps = Vec::new();
    for method in ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = Request { method, ..get() };
        steps.push(not_of_this_request(send(request.clone(), proof().sign()), "htm"));
        let overridden = request.header("x-http-method-override", "GET").header("x-http-method", "GET");
        steps.push(not_of_this_request(send(overridden, proof().sign()), "htm"));
    }
    for method in ["get", "Get", "GET ", "GET,POST", "*", "POST"] {
        steps.push(not_of_this_request(send(get(), proof().claim("htm", method).sign()), "htm"));
    }
    for target in ["/q", "/p/", "/P", "//p", "/p/q", "/", "/p%2f", "/p;a=b", "/%2fp", "/p%3fa"] {
        steps.push(not_of_this_request(send(get().target(target), proof().sign()), "htu"));
    }
    for url in [
        "https://api.example",
        "https://api.example/",
        "https://api.example/p/",
        "https://api.example/P",
        "https://api.example//p",
        "https://api.example/p%2F",
        "https://api.example/p;a",
        "https://api.example:8443/p",
        "https://api.example.:443/p",
        "https://sub.api.example/p",
        "https://api.example.evil.example/p",
        "https://api.example@evil.example/p",
        "https://evil.example/p?https://api.example/p",
        "https://evil.example/p#https://api.example/p",
        "https://user@api.example/p",
        "https://user:pass@api.example/p",
        "http://api.example/p",
        "http://api.example:443/p",
        "ftp://api.example/p",
        "https:api.example/p",
        "https:/api.example/p",
        "https:///p",
        "//api.example/p",
        "/p",
        "p",
        "*",
        "https://api.example/p ",
        " https://api.example/p",
        "https://api.example\\p",
        "https://api.example/p\n",
        "https://api.example/p\0",
        "https://api.ex\u{e4}mple/p",
        "https://api.example/%zz",
        "https://test/p",
    ] {
        steps.push(not_of_this_request(send(get(), proof().claim("htu", url).sign()), "htu"));
    }
    // A rogue server relays the proof that was made for it, and names itself in every header that backends believe.
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-original-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "/q"),
        ("x-envoy-original-path", "/q"),
    ] {
        let relayed = proof().claim("htu", "https://evil.example/p").sign();
        steps.push(not_of_this_request(send(get().header(name, value), relayed), "htu"));
    }
    let hour = 3600;
    for time in [
        json!(world.now - hour),
        json!(world.now + hour),
        json!(0),
        json!(-1),
        json!(world.now * 1000),
        json!(1e300),
        json!(world.now.to_string()),
        json!([world.now]),
        json!(true),
    ] {
        steps.push(not_of_this_request(get_with_proof(&token, proof().claim("iat", time).sign()), "iat"));
    }
    steps.extend(percent_spellings("p").into_iter().map(|path| {
        let request = Request { target: format!("/{path}").into_bytes(), ..get() };
        send(request, proof().sign()).passes()
    }));
    steps.push(send(get().target("/p?a=b"), proof().claim("htu", "HTTPS://API.EXAMPLE:443/p?c#d").sign()).passes());
    steps.push(send(post("text/plain", "a"), proof().claim("htm", "POST").sign()).passes());
    vec![row("another request", server("", ""), steps)]
}

/// Each member of the header and the claims left out, with the value of another, and twice.
fn a_check_left_out_swapped_or_doubled(world: &World) -> Vec<Row> {
    let client = client(world);
    let token = bound_token(world, &client);
    let proof = || client.proof(&token);
    let good = proof().sign();
    let [header, claims, _] = segments(&good).map(|part| String::from_utf8(from_base64url(part)).unwrap_or_default());
    let signed = |header: &str, claims: &str| client.key().token_raw(header.as_bytes(), claims.as_bytes());
    let doubled = |text: &str, name: &str, value: &Value| {
        let member = format!("{}:{value},", json!(name));
        [format!("{{{member}{}", &text[1..]), format!("{{\"\\u{:04x}{}", name.as_bytes()[0], &member[2..]) + &text[1..]]
    };
    let members: [(&str, Value, &str); 3] = [
        ("typ", json!("dpop+jwt"), "header typ is not dpop+jwt"),
        ("alg", json!("ES256"), "header alg is not allowed"),
        ("jwk", client.key().public_jwk(None, false), NO_KEY),
    ];
    let mut steps = Vec::new();
    for (name, value, reason) in &members {
        steps.push(bad_proof(get_with_proof(&token, proof().header(name, Value::Null).sign()), reason));
        for other in members.iter().filter(|(other, ..)| other != name) {
            steps.push(bad_proof(get_with_proof(&token, proof().header(name, other.1.clone()).sign()), reason));
        }
        for header in doubled(&header, name, value) {
            steps.push(bad_proof(get_with_proof(&token, signed(&header, &claims)), MALFORMED));
        }
    }
    let all: Value = serde_json::from_str(&claims).expect("a proof has JSON");
    let names = ["jti", "htm", "htu", "ath"];
    for name in names {
        let left_out = proof().claim(name, Value::Null).sign();
        steps.push(not_of_this_request(get_with_proof(&token, left_out), name));
        for other in names.into_iter().filter(|&other| other != name && name != "jti") {
            let swapped = proof().claim(name, all[other].clone()).sign();
            steps.push(not_of_this_request(get_with_proof(&token, swapped), name));
        }
    }
    steps.push(not_of_this_request(get_with_proof(&token, proof().claim("iat", Value::Null).sign()), "iat"));
    for name in ["jti", "htm", "htu", "ath", "iat"] {
        for claims in doubled(&claims, name, &all[name]) {
            steps.push(bad_proof(get_with_proof(&token, signed(&header, &claims)), MALFORMED));
        }
    }
    steps.push(bad_proof(get_with_proof(&token, &token), "header typ is not dpop+jwt"));
    let public = client.key().public_jwk(None, false);
    for (name, value) in [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false)), ("zip", json!("DEF"))] {
        let request = get_with_proof(&token, proof().header(name, value).sign());
        steps.push(if name == "crit" { bad_proof(request, "header alg is not allowed") } else { request.passes() });
    }
    // Nothing but `jwk` names the key.
    for name in ["jku", "x5u", "kid", "x5c"] {
        let other = proof().header("jwk", Value::Null).header(name, public.clone()).sign();
        steps.push(bad_proof(get_with_proof(&token, other), NO_KEY));
    }
    vec![row("checks", server("", ""), steps)]
}

fn several_proofs_and_none(world: &World) -> Vec<Row> {
    let client = client(world);
    let token = bound_token(world, &client);
    let proof = || client.proof(&token).sign();
    let authorized = || get().header("authorization", format!("DPoP {token}"));
    let two = proof();
    single(&server("", ""), || {
        vec![
            bad_proof(authorized(), "it is missing"),
            bad_proof(authorized().header("dpop", ""), "it is missing"),
            bad_proof(authorized().header("dpop", " \t "), "it is missing"),
            bad_proof(authorized().target(format!("/p?dpop={}", proof())), "it is missing"),
            bad_proof(authorized().header("cookie", format!("dpop={}", proof())), "it is missing"),
            bad_proof(authorized().header("x-dpop", proof()), "it is missing"),
            bad_proof(authorized().header("dpop", proof()).header("dpop", proof()), SEVERAL),
            bad_proof(authorized().header("DPoP", &two).header("dpop", &two), SEVERAL),
            bad_proof(authorized().header("dpop", proof()).header("dpop", ""), SEVERAL),
            bad_proof(authorized().header("dpop", "").header("dpop", proof()), SEVERAL),
            bad_proof(authorized().header("dpop", format!("{},{}", proof(), proof())), SEVERAL),
            bad_proof(authorized().header("dpop", format!("{} , ", proof())), SEVERAL),
            bad_proof(authorized().header("dpop", format!(",{}", proof())), SEVERAL),
            bad_proof(authorized().header("dpop", format!("{} {}", proof(), proof())), MALFORMED),
            bad_proof(authorized().header("dpop", format!("DPoP {}", proof())), MALFORMED),
            bad_proof(authorized().header("dpop", format!("\"{}\"", proof())), MALFORMED),
            bad_proof(authorized().header("dpop", format!("{}=", proof())), MALFORMED),
            bad_proof(authorized().header("dpop", "\u{e9}"), MALFORMED),
            bad_proof(authorized().header("dpop", b"\xff\xfe"), MALFORMED),
            authorized().header("dpop", &two).passes(),
        ]
    })
}

fn proofs_that_are_expensive_to_read(world: &World) -> Vec<Row> {
    let client = client(world);
    let token = bound_token(world, &client);
    let proof = || client.proof(&token);
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let raw = |header: String, claims: String| client.key().token_raw(header.as_bytes(), claims.as_bytes());
    let good = proof().sign();
    let [header, claims, _] = segments(&good).map(|part| String::from_utf8(from_base64url(part)).unwrap_or_default());
    let with_member = |text: &str, value: &str| format!("{{\"x\":{value},{}", &text[1..]);
    single(&server("", ""), || {
        let send = |proof: String| get_with_proof(&token, proof);
        let mut steps = vec![
            bad_proof(send(raw(with_member(&header, &deep(1000)), claims.clone())), MALFORMED),
            bad_proof(send(raw(header.clone(), with_member(&claims, &deep(1000)))), MALFORMED),
            bad_proof(send(raw(header.clone(), with_member(&claims, &json!("x".repeat(8192)).to_string()))), MALFORMED),
            bad_proof(send(".".repeat(8192)), MALFORMED),
            bad_proof(send("A".repeat(8192)), MALFORMED),
            bad_proof(send(format!("{good}.{good}")), MALFORMED),
            bad_proof(send(raw("[]".to_owned(), claims.clone())), MALFORMED),
            bad_proof(send(raw(header.clone(), "[]".to_owned())), MALFORMED),
            bad_proof(send(raw(header.clone(), String::new())), MALFORMED),
        ];
        for id in ["j".repeat(1024), "a\r\nb".to_owned(), "\0".to_owned(), "\u{1f600}".to_owned(), "../..".to_owned()] {
            let proof = proof().claim("jti", id).sign();
            steps.push(send(proof.clone()).passes());
            steps.push(bad_proof(send(proof), "it was used before"));
        }
        for id in ["j".repeat(1025), "\u{e9}".repeat(513), String::new()] {
            steps.push(not_of_this_request(send(proof().claim("jti", id).sign()), "jti"));
        }
        steps
    })
}
