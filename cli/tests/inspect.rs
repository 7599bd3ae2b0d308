//! `jwt-auth inspect` on the tokens of `kit::rows`: it agrees with the filter on what can be read.

mod support;

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{self, Expected, Row};
use serde_json::{Value, json};
use support::{Answer, Folder, jwt_auth, now};

fn inspect(token: &[u8], now: u64) -> Answer {
    jwt_auth(&["inspect", "--json", "--time", &now.to_string(), "-"], token)
}

#[test]
fn a_valid_token_of_every_algorithm_gets_no_notes() {
    let now = now();
    let claims = json!({"iss": "me", "aud": "you", "jti": "1", "iat": now, "exp": now + 60});
    for algorithm in Algorithm::ALL {
        let token = SigningKey::cached(algorithm).token(Some("k"), &claims);
        for end in ["", "\n", "\r\n"] {
            let answer = inspect(format!("{token}{end}").as_bytes(), now);
            let json = answer.json();
            assert_eq!((answer.status, &json["notes"], &json["claims"]), (0, &json!([]), &claims), "{algorithm}");
            assert_eq!(
                json["filter"],
                json!({"readable": true, "rejection": null, "rejectionOfClaims": null}),
                "{algorithm}"
            );
            assert_eq!((&json["verified"], &json["header"]["alg"]), (&json!(false), &json!(algorithm.to_string())));
        }
    }
}

#[test]
fn a_new_proof_gets_no_notes_and_the_exit_status_is_that_of_its_signature() {
    let folder = Folder::new();
    let [key, public] = ["key", "public"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    assert_eq!(jwt_auth(&["keygen", "--alg", "EdDSA", "--private", &key, "--public", &public], b"").status, 0);
    let made = jwt_auth(&["dpop", "--key", &key, "--url", "https://api.example/a", "--access-token", "a.b.c"], b"");
    let public: Value = serde_json::from_str(&std::fs::read_to_string(&public).unwrap()).unwrap();
    let answer = inspect(made.stdout.as_bytes(), now());
    let json = answer.json();
    assert_eq!((answer.status, &json["notes"]), (0, &json!([])));
    // keygen names a key by its thumbprint.
    assert_eq!((&json["proof"]["thumbprint"], &json["proof"]["failure"]), (&public["kid"], &Value::Null));
    let proof = made.stdout.trim_end();
    let (start, signature) = proof.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let answer = inspect(format!("{start}.{other}{}", &signature[1..]).as_bytes(), now());
    assert_eq!((answer.status, &answer.json()["proof"]["failure"]), (1, &json!("signature verification failed")));
    let set = folder.file("set", &json!({"keys": [public]}).to_string());
    let answer = jwt_auth(&["inspect", "--jwks", set.to_str().unwrap(), proof], b"");
    let stderr = "jwt-auth: a DPoP proof is not signed with a key of a JWK set\n  leave out --jwks\n";
    assert_eq!((answer.status, answer.stdout.as_str(), answer.stderr.as_str()), (2, "", stderr));
}

#[test]
fn tokens_are_unreadable_exactly_if_the_filter_can_not_read_them() {
    let now = now();
    let (mut asked, mut unreadable, mut failures) = (0, 0, Vec::new());
    for Row { name, steps, .. } in rows::all(now) {
        for (number, step) in (1..).zip(steps) {
            let tokens: Vec<_> =
                step.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-token")).collect();
            // `inspect` reads a single token, so skip other places, several tokens and missing ones.
            let [(_, token)] = tokens.as_slice() else { continue };
            if token.is_empty() || token.contains(&b'\n') {
                continue;
            }
            let answer = inspect(token, now);
            let json = answer.json();
            let codes = [&json["filter"]["rejection"]["code"], &json["filter"]["rejectionOfClaims"]["code"]];
            let is_rejected = codes.contains(&&Value::from("I400JD"));
            let is_right = match &step.expected {
                Expected::Rejected { code: "I400JD", .. } => is_rejected,
                Expected::Rejected { .. } | Expected::Challenged { .. } | Expected::Answered { .. } => continue,
                // With bypassEmptyToken, the filter accepts a blank value as a missing token.
                Expected::Passes { .. } if token.trim_ascii().len() < 10 => continue,
                Expected::Passes { .. } => !is_rejected && answer.status == 0,
            };
            asked += 1;
            unreadable += i32::from(is_rejected);
            if !is_right {
                failures.push(format!("{name}, request {number}: {answer:?}"));
            }
        }
    }
    println!("{asked} tokens, {unreadable} of them unreadable");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert!(asked > 150 && unreadable > 30, "{asked}, {unreadable}");
}
