use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

const NOW: f64 = 1_700_000_000.0;
const SIGNATURE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn inspect(token: impl AsRef<[u8]>) -> Inspection {
    Inspection::of(token.as_ref(), NumericDate::from_unix_seconds(NOW))
}

fn token(header: &str, claims: &str) -> String {
    format!("{}.{}.{SIGNATURE}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn good(claims: &Value) -> Value {
    let mut all = json!({"iss": "me", "aud": "you", "jti": "1", "iat": NOW, "nbf": NOW, "exp": NOW + 7200.0});
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value.clone(),
        }
    }
    all
}

fn notes(token: impl AsRef<[u8]>) -> Vec<&'static str> {
    inspect(token).notes.0.iter().map(|note| note.id).collect()
}

const HEADER: &str = r#"{"alg":"ES256","kid":"k"}"#;

#[test]
fn a_plain_token_is_shown_whole_and_marked_as_not_verified() {
    let inspection = inspect(token(HEADER, &good(&json!({"sub": "alice"})).to_string()));
    let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
    let expected = r#"not verified: anyone can write such a token

header
{
  "alg": "ES256",
  "kid": "k"
}

claims
{
  "aud": "you",
  "exp": 1700007200.0,
  "iat": 1700000000.0,
  "iss": "me",
  "jti": "1",
  "nbf": 1700000000.0,
  "sub": "alice"
}

times (UTC; now 2023-11-14T22:13:20Z)
  iat         2023-11-14T22:13:20Z  now
  nbf         2023-11-14T22:13:20Z  now
  exp         2023-11-15T00:13:20Z  in 2 h

signature: 64 bytes, not checked

notes: none

the filter
  accepts these claims under its default rules if the signature is valid
  to check it with your configuration: jwt-auth check --config FILE --token -
"#;
    assert_eq!(shown, expected);
    assert!(!shown.contains(&SIGNATURE[..20]), "the signature is not shown");
}

#[test]
fn the_notes_on_a_header() {
    let claims = good(&json!({})).to_string();
    for (header, expected) in [
        (HEADER, &[][..]),
        (r#"{"alg":"none","kid":"k"}"#, &["alg-none"]),
        (r#"{"alg":"nOnE","kid":"k"}"#, &["alg-none"]),
        (r#"{"alg":"Ed448","kid":"k"}"#, &["alg-unknown"]),
        (r#"{"alg":"es256","kid":"k"}"#, &["alg-unknown"]),
        (r#"{"alg":"ES384","kid":"k"}"#, &["signature-length"]),
        (r#"{"alg":"ES512","kid":"k"}"#, &["signature-length"]),
        (r#"{"alg":1,"kid":"k"}"#, &["alg-type"]),
        (r#"{"kid":"k"}"#, &["no-alg"]),
        (r#"{"alg":"ES256"}"#, &["no-kid"]),
        (r#"{"alg":"ES256","kid":5}"#, &["kid-type"]),
        (r#"{"alg":"ES256","kid":"k","crit":[]}"#, &["crit"]),
        (r#"{"alg":"ES256","kid":"k","jwk":{},"jku":"x"}"#, &["key-in-header", "key-in-header"]),
        (r#"{"alg":"RS256","alg":"ES256","kid":"k"}"#, &["duplicate-member"]),
    ] {
        assert_eq!(notes(token(header, &claims)), expected, "{header}");
    }
    let unsigned = token(HEADER, &claims);
    assert_eq!(notes(&unsigned[..unsigned.len() - SIGNATURE.len()]), ["no-signature"]);
}

/// Never `accepts` for a token that the filter always rejects.
#[test]
fn a_token_that_is_always_rejected_is_never_said_to_be_accepted() {
    let claims = good(&json!({})).to_string();
    for (header, code) in [
        (HEADER, None),
        (r#"{"alg":"ES256"}"#, None),
        (r#"{"alg":"none","kid":"k"}"#, Some("A403JT")),
        (r#"{"alg":"XS256","kid":"k"}"#, Some("A403JT")),
        (r#"{"alg":"ES384","kid":"k"}"#, Some("A403JT")),
        (r#"{"kid":"k"}"#, Some("A403JT")),
        (r#"{"alg":1,"kid":"k"}"#, Some("A403JT")),
        (r#"{"alg":"ES256","kid":"k","crit":[]}"#, Some("A403JT")),
        (r#"{"alg":"ES256","kid":5}"#, Some("A403JK")),
    ] {
        let inspection = inspect(token(header, &claims));
        let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
        let (_, answer) = shown.split_once("\nthe filter\n").unwrap();
        let begin =
            if code.is_some() { "  rejects the token under any configuration: " } else { "  accepts these claims " };
        assert!(answer.starts_with(begin), "{header}: {answer}");
        assert_eq!(answer.contains("accepts"), code.is_none(), "{header}: {answer}");
        let report: Value = serde_json::from_str(&report::json(&inspection)).unwrap();
        assert_eq!(report["filter"]["codeForHeader"].as_str(), code, "{header}");
    }
}

#[test]
fn each_note_on_the_claims_is_reported_and_the_filter_agrees() {
    for (claims, expected, code) in [
        (json!({}), &[][..], None),
        (json!({"exp": null}), &["no-exp"], Some("A403JT")),
        (json!({"exp": "1700000001"}), &["time-type"], Some("A403JT")),
        (json!({"exp": NOW}), &["expired", "never-valid"], Some("A403JE")),
        (json!({"exp": NOW - 9.0, "nbf": null}), &["expired"], Some("A403JE")),
        (json!({"nbf": NOW + 9.0}), &["not-yet-valid"], Some("A403JT")),
        (json!({"iat": NOW + 9.0}), &["issued-later"], None),
        (json!({"exp": NOW + 604_799.0}), &[], None),
        (json!({"exp": NOW + 604_800.0}), &["long-life"], Some("A403JT")),
        (json!({"exp": NOW + 604_800.0, "iat": null}), &["long-life"], Some("A403JT")),
        (json!({"exp": NOW * 1000.0}), &["milliseconds", "long-life"], Some("A403JT")),
        (json!({"iat": NOW * 1000.0}), &["milliseconds", "issued-later"], None),
        (json!({"auth_time": "x", "updated_at": 1}), &["time-type"], None),
        (json!({"jti": null}), &["no-jti"], None),
        (json!({"jti": ""}), &["no-jti"], None),
        (json!({"jti": 7}), &["no-jti"], None),
        (json!({"jti": "x".repeat(1025)}), &["no-jti"], None),
        (json!({"iss": null}), &["no-iss"], None),
        (json!({"aud": null}), &["no-aud"], None),
    ] {
        let inspection = inspect(token(HEADER, &good(&claims).to_string()));
        let found: Vec<_> = inspection.notes.0.iter().map(|note| note.id).collect();
        let refused = inspection.filter.claims.unwrap().err().map(|rejection| rejection.code());
        assert_eq!((found.as_slice(), refused), (expected, code), "{claims}");
    }
    let twice = inspect(token(HEADER, r#"{"exp":1700000001,"a":{"b":1,"b":2},"jti":"1","iss":"me","aud":"you"}"#));
    assert_eq!(twice.notes.0.iter().map(|note| note.id).collect::<Vec<_>>(), ["duplicate-member"]);
    assert_eq!(twice.filter.claims.unwrap().unwrap_err().code(), "I400JD");
}

#[test]
fn other_variants_of_base64_are_read_and_the_filter_rejects_them() {
    let plain = token(HEADER, &good(&json!({"sub": "ab?>~"})).to_string());
    let (header, rest) = plain.split_once('.').unwrap();
    let claims = good(&json!({"sub": "ab?>~~\u{3ff}\u{3ff}"})).to_string();
    let standard = STANDARD.encode(format!("{claims}  "));
    assert!(standard.contains(['+', '/']) && standard.ends_with('='), "{standard}");
    for (token, expected) in [
        (format!("{header}=.{rest}"), &["padded"][..]),
        (format!("{header}.{standard}.{SIGNATURE}"), &["padded", "standard-alphabet"]),
        (format!("{plain}=="), &["padded"]),
        (format!("{}R", &plain[..plain.len() - 1]), &["trailing-bits"]),
        (format!("{header}\n .{rest}"), &["white-space-inside"]),
        (format!("\"{plain}\""), &["quotes"]),
    ] {
        let inspection = inspect(&token);
        let found: Vec<_> = inspection.notes.0.iter().map(|note| note.id).collect();
        assert!(inspection.parts.is_ok(), "{token}");
        let refusal = inspection.filter.unreadable.map(|rejection| rejection.code());
        assert_eq!((found.as_slice(), refusal), (expected, Some("I400JD")), "{token}");
    }
    for (token, expected) in [(format!(" {plain}\t"), ["white-space"]), (format!("bEARER  {plain}"), ["bearer"])] {
        let inspection = inspect(&token);
        assert_eq!(inspection.notes.0.iter().map(|note| note.id).collect::<Vec<_>>(), expected);
        assert_eq!(inspection.filter.unreadable, None, "the filter forgives it in a header");
    }
}

#[test]
fn what_is_not_a_token_is_reported_with_the_part_and_the_reason() {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = encode("{}");
    let header = encode(HEADER);
    for (token, part, problem) in [
        (String::new(), "token", "is empty"),
        ("junk".to_owned(), "token", "has 1 segment; a JWT has 3: header.payload.signature"),
        (format!("{header}.{claims}"), "token", "has 2 segments; a JWT has 3: header.payload.signature"),
        (
            format!("{header}!.{claims}.AA"),
            "header",
            &format!("is not base64url: \\u{{21}} at character {}", header.len() + 1),
        ),
        (format!("{header}.A.AA"), "payload", "is not base64url: its length can't be 1"),
        (format!("{header}.{claims}.A"), "signature", "is not base64url: its length can't be 1"),
        (format!("{}.{claims}.AA", encode("[]")), "header", "is not a JSON object but an array"),
        (
            format!("{}.{claims}.AA", encode("{\"a\":")),
            "header",
            "is not JSON: EOF while parsing a value at line 1 column 5",
        ),
        (format!("{header}.{}.AA", encode("\"a\"")), "payload", "is not a JSON object but a string"),
        (format!("{header}.{}.AA", encode("eyJh.eyJh.AA")), "payload", "is another token: decode and inspect that one"),
        (format!("{header}.a.b.c.d"), "payload", "is encrypted: the claims can't be read without the key"),
    ] {
        let inspection = inspect(&token);
        let json: Value = serde_json::from_str(&report::json(&inspection)).unwrap();
        let error = inspection.parts.unwrap_err();
        assert_eq!((error.part, error.problem.as_str()), (part, problem), "{token}");
        assert_eq!(error.header.is_some(), part == "payload" || part == "signature", "{token}");
        assert_eq!(json["error"], json!({"part": part, "problem": problem}));
    }
    assert_eq!(inspect(b"\xff").parts.unwrap_err().problem, "is not UTF-8: see byte 1");
}

#[test]
fn a_token_that_is_too_long_is_read_and_the_filter_rejects_it() {
    let long = token(HEADER, &good(&json!({"pad": "x".repeat(20_000)})).to_string());
    let inspection = inspect(&long);
    assert!(inspection.parts.is_ok());
    assert_eq!(inspection.notes.0.iter().map(|note| note.id).collect::<Vec<_>>(), ["too-long"]);
    assert_eq!(inspection.filter.unreadable.map(|rejection| rejection.code()), Some("I400JD"));
}

#[test]
fn what_nests_too_deep_is_reported_where_the_filter_rejects_it() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let deep_header = |depth: usize| token(&HEADER.replace('}', &format!(",\"a\":{}}}", nested(depth))), "{}");
    let deep_claims = |depth: usize| token(HEADER, &format!("{{\"a\":{}}}", nested(depth)));
    for (token, has_note) in [
        (deep_header(8), false),
        (deep_header(9), true),
        (deep_header(999), true),
        (deep_claims(64), false),
        (deep_claims(65), true),
        (deep_claims(999), true),
    ] {
        let inspection = inspect(&token);
        assert_eq!(inspection.notes.0.iter().any(|note| note.id == "too-deep"), has_note);
        serde_json::from_str::<Value>(&report::json(&inspection)).unwrap();
        let refusals = [inspection.filter.unreadable, inspection.filter.claims.and_then(Result::err)];
        assert_eq!(refusals.iter().flatten().any(|rejection| rejection.code() == "I400JD"), has_note);
    }
}

#[test]
fn a_string_that_is_no_text_is_reported_and_the_filter_rejects_it() {
    for claims in [r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#, r#"{"a":[{"b":"\ud800\ud800"}]}"#] {
        let inspection = inspect(token(HEADER, claims));
        assert!(inspection.notes.0.iter().any(|note| note.id == "broken-text"), "{claims}");
        assert_eq!(inspection.filter.claims.as_ref().unwrap().as_ref().unwrap_err().code(), "I400JD");
        let json: Value = serde_json::from_str(&report::json(&inspection)).unwrap();
        assert_eq!((&json["claims"], &json["claimsText"]), (&Value::Null, &claims.into()));
    }
    let whole = inspect(token(HEADER, r#"{"a":"\ud83d\ude00"}"#));
    assert!(!whole.notes.0.iter().any(|note| note.id == "broken-text"));
}

#[test]
fn nothing_that_an_attacker_writes_reaches_the_terminal_as_it_is() {
    let attack = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}";
    let claims = format!("{{\"{attack}\":\"{attack}\",\"{attack}\":1}}").replace('\u{1b}', "\\u001b");
    let header = format!("{{\"alg\":\"{attack}\"}}").replace('\u{1b}', "\\u001b");
    let is_safe = |text: &str| !text.contains(['\u{1b}', '\u{9b}', '\u{7f}', '\u{202e}', '\u{2066}']);
    for token in [token(&header, &claims), format!("{attack}.a.b"), format!("eyJ.{attack}.b"), attack.to_owned()] {
        let inspection = inspect(&token);
        let shown = anstream::adapter::strip_str(&report::text(&inspection)).to_string();
        assert!(is_safe(&shown), "{shown:?}");
        let json = terminal::safe_json(&report::json(&inspection));
        assert!(is_safe(&json), "{json:?}");
        serde_json::from_str::<Value>(&json).unwrap();
    }
}

#[test]
fn the_json_has_the_claims_with_their_own_digits() {
    let claims = r#"{"n":9007199254740993,"m":1.10,"exp":1700000060.5}"#;
    let json = report::json(&inspect(token(HEADER, claims)));
    assert!(json.contains(&format!("\"claims\":{claims}")), "{json}");
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["verified"], false);
    assert_eq!(
        value["times"]["exp"],
        json!({"unix": 1700000060.5, "utc": "2023-11-14T22:14:20Z", "relative": "in 1 min"})
    );
    assert_eq!(value["filter"], json!({"readable": true, "rejection": null, "rejectionOfClaims": null}));
    let ids: Vec<_> = value["notes"].as_array().unwrap().iter().map(|note| note["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["no-jti", "no-iss", "no-aud"]);
}
