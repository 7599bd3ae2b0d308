//! Runs the rows and the vectors against the core.
use jwt_auth::{Edits, Host, Plugin, Rejection, Response};
use kit::host::{self, Headers, Memory, RingSignatures};
use kit::rows::{self, Expected, Step};

use crate::{proofs, vectors};

fn decide(plugin: &Plugin, request: &rows::Request, now: f64, memory: &Memory) -> Result<Edits, Rejection> {
    host::decide(plugin, &head(request), request.body.is_some(), now, memory)
}

fn head(request: &rows::Request) -> Headers {
    let pseudo = [(":method", request.method.as_bytes()), (":path", &request.target), (":authority", b"test")];
    pseudo
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .chain(request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())))
        .collect()
}

fn check(place: &str, step: &Step, decision: Result<Edits, Response>) -> Result<(), String> {
    match (&step.expected, decision) {
        (Expected::Passes { .. }, Err(response)) => Err(format!("{place}: rejected, {}", response.body)),
        (expected, Err(response)) => {
            let headers = response.headers.into_iter().map(|(name, value)| (name.to_owned(), value));
            let mut headers: Vec<_> = headers.collect();
            headers.sort();
            let (found, expected) = (Some((response.status, headers, response.body)), expected.response());
            (found == expected).then_some(()).ok_or(format!("{place}: {found:?}, expected {expected:?}"))
        }
        (Expected::Passes { target, body, .. }, Ok(edits)) => {
            let sent = step.request.body.clone().unwrap_or_default();
            let rewritten = edits.form.as_ref().map_or(sent.clone(), |form| form.rewrite(&sent));
            let mut headers = head(&step.request);
            edits.apply(&mut headers);
            let path = headers.iter().find(|(name, _)| name == ":path").map(|(_, value)| value.clone());
            let mut rest: Headers = headers.into_iter().filter(|(name, _)| !name.starts_with(':')).collect();
            rest.sort();
            let expected = (Some(target.clone()), step.expected.backend_headers(&step.request.headers), body.clone());
            let found = (path, rest, rewritten);
            (found == expected).then_some(()).ok_or(format!("{place}: {found:?}, expected {expected:?}"))
        }
        (expected, Ok(_)) => Err(format!("{place}: passed, expected {:?}", expected.response())),
    }
}

#[test]
fn every_row_passes_in_the_core() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut failures = Vec::new();
    let rows = rows::all(now);
    for row in &rows {
        let plugin = Plugin::new(row.config.as_bytes(), b"");
        let memory = Memory::default();
        for (index, step) in row.steps.iter().enumerate() {
            let sent = &step.request;
            let decision = host::respond(&plugin, &head(sent), sent.body.is_some(), now as f64, &memory);
            failures.extend(check(&format!("{}, request {}", row.name, index + 1), step, decision).err());
        }
    }
    println!("{} rows, {} requests", rows.len(), rows.iter().map(|row| row.steps.len()).sum::<usize>());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_vector_gets_the_expected_result_in_the_core() {
    let mut failures = Vec::new();
    for vector in vectors::all() {
        let plugin = Plugin::new(vector.config().as_bytes(), b"");
        let decision = decide(&plugin, &vector.request(), vector.now, &Memory::default());
        let found = decision.as_ref().map_or_else(Rejection::code, |_| "pass");
        if found != vector.expected {
            let why = decision.err().map(|rejection| rejection.message());
            failures.push(format!("{}: {found}, expected {} ({why:?})", vector.name, vector.expected));
            continue;
        }
        if let (Err(rejection), Some(message)) = (&decision, &vector.message)
            && rejection.message() != *message
        {
            failures.push(format!("{}: {}, expected {message}", vector.name, rejection.message()));
        }
        if let Ok(edits) = &decision {
            let mut headers = head(&vector.request());
            edits.apply(&mut headers);
            let subject = headers.iter().find(|(name, _)| name == "x-sub").map(|(_, value)| value.as_slice());
            assert_eq!(subject, vector.subject.as_deref().map(str::as_bytes), "{}", vector.name);
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_proof_of_another_library_gets_the_expected_result_in_the_core() {
    let mut failures = Vec::new();
    let proofs = proofs::all();
    for proof in &proofs {
        let plugin = Plugin::new(proof.config.as_bytes(), b"");
        let head = head(&proof.step.request);
        let own = host::respond(&plugin, &head, false, proof.now, &Memory::default());
        failures.extend(check(&proof.name, &proof.step, own).err());
        let ring = RingSignatures::default();
        let host = Host { shared_data: &Memory::default(), signatures: Some(&ring), random: || None };
        let by_host = host::respond_with(&plugin, &head, false, proof.now, host);
        failures.extend(check(&format!("{} (host)", proof.name), &proof.step, by_host).err());
    }
    println!("{} proofs", proofs.len());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_cached_token_is_validated_against_the_clock_and_the_request() {
    let world = rows::World { now: 1_700_000_000 };
    let config = rows::header_config(
        "clockSkewSeconds: 5\nclaimParameters: [{claimName: sub, parameterName: X-Sub, location: header}]",
    );
    let plugin = Plugin::new(config.as_bytes(), b"");
    let memory = Memory::default();
    let request = rows::get().token(world.token(&serde_json::json!({"exp": world.now + 60, "nbf": world.now})));
    let outcome = |request: &rows::Request, now: f64| {
        let decision = decide(&plugin, request, now, &memory);
        let events = plugin.take_cache_events();
        (decision.map_err(|rejection| rejection.code()).map(|edits| edits.headers.len()), events.hits, events.misses)
    };
    let start = world.now as f64;
    assert_eq!(outcome(&request, start), (Ok(1), 0, 1));
    assert_eq!(outcome(&request, start), (Ok(1), 0, 1), "it is cached the second time");
    assert_eq!(outcome(&request, start), (Ok(1), 1, 0));
    assert_eq!(outcome(&request.clone().header("X_Sub", "forged"), start), (Ok(2), 1, 0), "forged headers are removed");
    assert_eq!(outcome(&request, start - 6.0), (Err("A403JT"), 1, 0), "the clock is set back before nbf");
    assert_eq!(outcome(&request, start), (Ok(1), 0, 1), "then the token is verified again");
    assert_eq!(outcome(&request, start + 64.9), (Ok(1), 1, 0));
    assert_eq!(outcome(&request, start + 65.0), (Err("A403JE"), 1, 0));
    assert_eq!(outcome(&request, start + 65.0), (Err("A403JE"), 0, 1), "an expired token leaves the cache");
}

#[test]
fn a_jti_stays_used_for_every_skew_that_could_accept_its_token_again() {
    let world = rows::World { now: 1_700_000_000 };
    let plugin = |skew: u64| {
        let config = rows::header_config(&format!("preventJtiReplay: true\nclockSkewSeconds: {skew}"));
        Plugin::new(config.as_bytes(), b"")
    };
    let exp = world.now + 10;
    let request = |jti: &str| rows::get().token(world.token(&serde_json::json!({"jti": jti, "exp": exp})));
    let memory = Memory::default();
    let code = |skew: u64, jti: &str, now: u64| {
        decide(&plugin(skew), &request(jti), now as f64, &memory).map(drop).map_err(|rejection| rejection.code())
    };
    assert_eq!(code(0, "x", world.now), Ok(()));
    for now in [exp - 1, exp, exp + 1, exp + 150, exp + 299] {
        // Another listener with a greater clock skew, or an update that increases it.
        assert_eq!(code(300, "x", now), Err("S403JU"), "{now}");
        assert_eq!(code(300, &format!("new at {now}"), now), Ok(()), "the token itself would pass");
    }
    assert_eq!(code(0, "x", exp), Err("A403JE"));
    assert_eq!(code(300, "x", exp + 300), Err("A403JE"));
}

#[test]
fn a_form_with_a_content_length_above_the_limit_does_not_use_up_its_jti() {
    let world = rows::World { now: 1_700_000_000 };
    let form = "claimParameters: [{claimName: sub, parameterName: sub, location: formData}]";
    let token = world.token(&serde_json::json!({"jti": "x"}));
    let memory = Memory::default();
    let code = |lines: &str, kind: &str, size: &str| {
        let plugin = Plugin::new(rows::header_config(&format!("preventJtiReplay: true\n{lines}")).as_bytes(), b"");
        let request = rows::post(kind, "a=1").token(&token).header("content-length", size);
        decide(&plugin, &request, world.now as f64, &memory).map(drop).map_err(|rejection| rejection.code())
    };
    let urlencoded = "application/x-www-form-urlencoded";
    let limited = format!("{form}\nmaxFormBytes: 1024");
    assert_eq!(code(&limited, urlencoded, "1025"), Err("I413FD"));
    assert_eq!(code(form, urlencoded, "1048577"), Err("I413FD"), "the default");
    assert_eq!(code(&limited, urlencoded, "1e3"), Err("I415FD"));
    assert_eq!(code(form, urlencoded, "1048576"), Ok(()));
    assert_eq!(code(form, urlencoded, "1048576"), Err("S403JU"));
    let other = rows::post("text/plain", "a").token(world.token(&serde_json::json!({"jti": "y"})));
    let plugin = Plugin::new(rows::header_config(&limited).as_bytes(), b"");
    assert!(
        decide(&plugin, &other.header("content-length", "1000000"), world.now as f64, &memory).is_ok(),
        "the limit is for forms only"
    );
}

#[test]
fn only_accepted_tokens_are_cached_and_none_with_replay_protection() {
    let world = rows::World { now: 1_700_000_000 };
    let token = world.token(&serde_json::json!({"jti": "known", "iss": "me"}));
    for (lines, token, first, later) in [
        ("", format!("{token}AAAA"), "A403JT", "A403JT"),
        ("", "junk".to_owned(), "I400JD", "I400JD"),
        ("issuer: you", token.clone(), "A403JT", "A403JT"),
        ("preventJtiReplay: true", token.clone(), "pass", "S403JU"),
        ("tokenCache: {maxEntries: 0}", token.clone(), "pass", "pass"),
        ("tokenCache: {maxBytes: 100}", token.clone(), "pass", "pass"),
    ] {
        let plugin = Plugin::new(rows::header_config(lines).as_bytes(), b"");
        let memory = Memory::default();
        for expected in [first, later, later, later, later, later] {
            let decision = decide(&plugin, &rows::get().token(&token), world.now as f64, &memory);
            assert_eq!(decision.as_ref().map_or_else(Rejection::code, |_| "pass"), expected, "{lines}");
        }
        assert_eq!(plugin.take_cache_events().hits, 0, "{lines}");
    }
}
