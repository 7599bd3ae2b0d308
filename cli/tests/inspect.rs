//! `jwt-auth inspect` on the tokens of `kit::rows`: it agrees with the filter on what can be read.

mod support;

use kit::issuer::{Algorithm, SigningKey};
use kit::rows::{self, Expected, Row};
use serde_json::{Value, json};
use support::{Answer, jwt_auth, now};

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
