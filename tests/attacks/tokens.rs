//! T9 and T11: values that are not a token, and JSON that is not a set of claims.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::proxy::{filter, now};
use kit::rows::{Row, Step, World, config, get, header_config, key};
use serde_json::json;

use crate::arena::Arena;
use crate::encodings::{base64url, segments};
use crate::trials::single;

attacks! {
    t09_a_query_that_is_not_well_formed: CHOSEN, a_query_that_is_not_well_formed;
    t09_another_number_of_segments: CHOSEN, another_number_of_segments;
    t09_an_encrypted_token_and_a_token_in_json: CHOSEN, an_encrypted_token_and_a_token_in_json;
    t09_a_token_at_the_size_limit_and_beyond: CHOSEN, a_token_at_the_size_limit_and_beyond;
    t09_sloppy_base64_in_each_segment: CHOSEN, sloppy_base64_in_each_segment;
}

const HEADER: &[u8] = br#"{"alg":"ES256","kid":"k1"}"#;

fn unreadable(token: &str) -> Step {
    let begin: String = token.chars().take(16).collect();
    let cut = if token.len() > 16 { "..." } else { "" };
    get().token(token).rejected("I400JD", format!("JWT Deserialize Failed: {begin}{cut}"))
}

fn another_number_of_segments(world: &World) -> Vec<Row> {
    single(&config("parameter: X-Token"), || {
        let token = world.token(&json!({}));
        let [header, payload, signature] = segments(&token);
        let mut steps: Vec<_> = (1..=40).map(|dots| unreadable(&".".repeat(dots))).collect();
        // Two dots make three empty segments; an empty header is not JSON.
        steps.extend((1..=8).filter(|&count| count != 3).map(|count| unreadable(&vec![header; count].join("."))));
        let five = [header, "", payload, signature, "AAAA"].join(".");
        steps.extend([
            unreadable(&format!("{header}.{payload}")),
            unreadable(&format!("{token}.")),
            unreadable(&format!(".{token}")),
            unreadable(&format!("{header}..{payload}.{signature}")),
            unreadable(&format!("{token}.{token}")),
            unreadable(&five),
            unreadable(&token.replace('.', "")),
            unreadable(&token.replace('.', "-")),
            get().target(format!("/p?X-Token={}", token.replace('.', "%2E"))).passes(),
            get()
                .target(format!("/p?X-Token={}", token.replace('.', "%252E")))
                .rejected("I400JD", format!("JWT Deserialize Failed: {}...", &token[..16])),
        ]);
        steps
    })
}

/// A JWE must be rejected. The filter must not decrypt it, decompress it or crash (CVE-2024-28180, CVE-2026-34986).
fn an_encrypted_token_and_a_token_in_json(world: &World) -> Vec<Row> {
    single(&config("parameter: X-Token"), || {
        let token = world.token(&json!({}));
        let [header, payload, signature] = segments(&token);
        let jwe_header = base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF","kid":"k1"}"#);
        let flattened = json!({"payload": payload, "protected": header, "signature": signature}).to_string();
        let general =
            json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]}).to_string();
        let in_query = |text: &str| {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            get().target(format!("/p?X-Token={encoded}"))
        };
        vec![
            unreadable(&format!("{jwe_header}.AAAA.AAAA.AAAA.AAAA")),
            unreadable(&format!("{jwe_header}....")),
            unreadable(&format!("{}.e30.AAAA.AAAA.AAAA", base64url(r#"{"alg":"dir","enc":"A128GCM"}"#))),
            in_query(&flattened)
                .rejected("I400JD", r#"JWT Deserialize Failed: {"payload":"eyJp..."#.replace("eyJp", &payload[..4])),
            in_query(&general)
                .rejected("I400JD", r#"JWT Deserialize Failed: {"payload":"eyJp..."#.replace("eyJp", &payload[..4])),
        ]
    })
}

/// CVE-2025-30204, CVE-2025-27144, CVE-2025-22868: first against Envoy's own limit, then against the filter's limit
/// with Envoy's raised.
#[test]
fn t09_a_million_dots_and_a_claim_of_64_kib() {
    for binary in envoy::binaries() {
        let world = World { now: now() };
        let dots = ".".repeat(1_000_000);
        let listeners = || {
            [
                ("header", header_config("")),
                ("query", config("parameter: t\nparameterLocation: query")),
                ("cookie", config("parameter: jwt\nparameterLocation: cookie")),
            ]
            .map(|(name, config)| Listener::new(name, vec![filter(Configuration::Text(config), None)]))
            .to_vec()
        };
        let shown = "JWT Deserialize Failed: ...................";
        let rejected = |dots: &str| {
            [
                ("header", get().token(dots).rejected("I400JD", shown)),
                ("query", get().target(format!("/p?t={dots}")).rejected("I400JD", shown)),
                ("cookie", get().header("cookie", format!("jwt={dots}")).rejected("I400JD", shown)),
            ]
        };
        let usual = Arena::start(&binary, listeners());
        let mut failures = Vec::new();
        for (listener, step) in rejected(&dots) {
            let response = usual.lane(listener).send(&step.request);
            assert_eq!((response.status, usual.proxy.upstream.requests()), (431, 0), "{listener}");
        }
        for (listener, step) in rejected(&dots[..50_000]) {
            failures.extend(usual.lane(listener).run(&step).err());
        }
        let large = world.token(&json!({"v": "a".repeat(64 * 1024)}));
        assert_eq!(usual.lane("header").send(&get().token(&large)).status, 431);
        failures
            .extend(usual.lane("header").run(&unreadable(&world.token(&json!({"v": "a".repeat(40 * 1024)})))).err());
        failures.extend(usual.harm(std::iter::empty()));

        let raised = Arena::edited(&binary, listeners(), |bootstrap| {
            for listener in bootstrap["static_resources"]["listeners"].as_array_mut().unwrap() {
                let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                manager["max_request_headers_kb"] = 4096.into();
            }
        });
        for (listener, step) in rejected(&dots) {
            failures.extend(raised.lane(listener).run(&step).err());
        }
        let mut lane = raised.lane("header");
        failures.extend(lane.run(&unreadable(&large)).err());
        failures.extend(lane.run(&unreadable(&format!("{}a", ".".repeat(3)).repeat(250_000))).err());
        failures.extend(lane.run(&get().token(vec![b','; 1_000_000]).rejected("I400JR", "JWT required")).err());
        failures.extend(lane.run(&get().token(world.token(&json!({}))).passes()).err());
        failures.extend(raised.harm(std::iter::empty()));
        usual.proxy.report(&failures);
    }
}

fn a_token_at_the_size_limit_and_beyond(world: &World) -> Vec<Row> {
    single(&header_config(""), || {
        // Spaces after the JSON make the payload longer.
        let of_length = |length: usize| {
            let claims = world.claims(&json!({})).to_string();
            (0..4 * length)
                .map(|spaces| (spaces / length, spaces % length))
                .map(|(in_header, in_payload)| {
                    let fixed = base64url(vec![b' '; HEADER.len() + in_header]).len() + 86 + 2;
                    (in_header, in_payload, fixed + base64url(vec![b' '; claims.len() + in_payload]).len())
                })
                .find(|&(_, _, total)| total == length)
                .map(|(in_header, in_payload, _)| {
                    let header = [HEADER, &vec![b' '; in_header]].concat();
                    let payload = [claims.as_bytes(), &vec![b' '; in_payload]].concat();
                    key().token_raw(&header, &payload)
                })
                .unwrap()
        };
        [16_380, 16_383, 16_384]
            .map(|length| get().token(of_length(length)).passes())
            .into_iter()
            .chain([16_385, 16_386, 20_000, 40_000].map(|length| unreadable(&of_length(length))))
            .collect()
    })
}

/// Other encodings of the same bytes. If they were accepted, a cache, a log or a list of revoked tokens would see
/// another token. Each is signed in its encoded form, so that only the encoding is wrong.
fn sloppy_base64_in_each_segment(world: &World) -> Vec<Row> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    single(&header_config(""), || {
        let claims = world.claims(&json!({"x": "\u{3ff}\u{3e0}>>>???"})).to_string();
        let signed = |header: &str, payload: &str| {
            let text = format!("{header}.{payload}");
            format!("{text}.{}", base64url(key().sign_raw(text.as_bytes())))
        };
        let mut steps = Vec::new();
        for spaces in 0..3 {
            let header = base64url([HEADER, &vec![b' '; spaces]].concat());
            let payload = base64url(format!("{claims}{}", " ".repeat(spaces)));
            let good = signed(&header, &payload);
            steps.push(get().token(&good).passes());
            let signature = segments(&good)[2].to_owned();
            let mut sloppy: Vec<[String; 3]> = Vec::new();
            let mut change = |change: &dyn Fn(&str) -> String| {
                sloppy.push([change(&header), payload.clone(), String::new()]);
                sloppy.push([header.clone(), change(&payload), String::new()]);
                sloppy.push([header.clone(), payload.clone(), change(&signature)]);
            };
            for end in ["=", "==", "===", " ", "\t", "%3D", "!", "."] {
                change(&|segment| format!("{segment}{end}"));
            }
            for inside in [" ", "+", "/", "!", "=", "\t"] {
                change(&|segment| format!("{}{inside}{}", &segment[..20], &segment[20..]));
            }
            // The unused bits of the last character are not zero.
            for bits in 1..16_usize {
                change(&|segment| {
                    let stray = match segment.len() % 4 {
                        2 => 4,
                        3 => 2,
                        _ => 0,
                    };
                    let last = DIGITS.iter().position(|digit| *digit == segment.as_bytes()[segment.len() - 1]).unwrap();
                    let digit = DIGITS[last | bits & ((1 << stray) - 1)];
                    format!("{}{}", &segment[..segment.len() - 1], char::from(digit))
                });
            }
            for [other_header, other_payload, other_signature] in sloppy {
                let token = match other_signature.is_empty() {
                    true => signed(&other_header, &other_payload),
                    false => format!("{other_header}.{other_payload}.{other_signature}"),
                };
                // White space at the end belongs to the header line.
                if token.trim() != good {
                    steps.push(unreadable(&token));
                }
            }
        }
        assert!(steps.len() > 150, "{}", steps.len());
        steps
    })
}

/// Tokens in queries that no browser would send.
fn a_query_that_is_not_well_formed(world: &World) -> Vec<Row> {
    single(&config("parameter: t\nparameterLocation: query"), || {
        let token = world.token(&json!({}));
        let begin = &token[..16];
        let query = |query: String| get().target(format!("/p?{query}"));
        let not_read = |request: kit::rows::Request, shown: &str| {
            request.rejected("I400JD", format!("JWT Deserialize Failed: {shown}"))
        };
        vec![
            query(format!("t={token}&%")).passes(),
            query(format!("t={token}&%zz=%f&&=&?")).passes(),
            query(format!("t={token}%0d%0a")).passes(),
            query(format!("t={token}&t=%20{token}+")).passes(),
            not_read(query(format!("%74={token}%00")), &format!("{begin}...")),
            not_read(query(format!("t={token}%")), &format!("{begin}...")),
            not_read(query(format!("t={token}%2")), &format!("{begin}...")),
            not_read(query("t=%ff%fe%00".to_owned()), r"\xff\xfe\x00"),
            not_read(query("t=%C0%AE".to_owned()), r"\xc0\xae"),
            // Spellings that some parser reads as the name count as the name.
            query(format!("t%00={token}")).passes(),
            query(format!("+t={token}&;t={token}")).passes(),
            query(format!("t%2B={token}&+tt={token}&T={token}")).rejected("I400JR", "JWT required"),
        ]
    })
}
