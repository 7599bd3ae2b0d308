use super::*;
use crate::claims::Claims;
use crate::document::parse_for_test;
use crate::signature::Verified;

fn parse(text: &str) -> Result<Vec<RequiredClaim>, Vec<String>> {
    parse_for_test(text, |field, faults| RequiredClaim::parse_all(&field, faults))
        .map_err(|error| error.faults().iter().map(ToString::to_string).collect())
}

/// Whether a token with these claims passes.
fn passes(required: &str, claims: &str) -> bool {
    let verified = Verified::for_test(claims);
    let claims = Claims::read(&verified).unwrap();
    parse(&format!("[{required}]")).unwrap().iter().all(|entry| entry.check(claims.find(entry.name())).is_ok())
}

#[test]
fn a_claim_must_have_the_value_and_the_type_of_the_configuration() {
    for (condition, accepted, rejected) in [
        ("equals: admin", vec![r#""admin""#], vec![r#""Admin""#, r#""admins""#, r#""admin ""#, r#"["admin"]"#, "null"]),
        ("equals: 1", vec!["1"], vec![r#""1""#, "1.0", "1e0", "10", "true", "[1]", "9223372036854775809"]),
        ("equals: '1'", vec![r#""1""#], vec!["1"]),
        ("equals: -5", vec!["-5"], vec!["5", r#""-5""#]),
        ("equals: 1.0", vec!["1"], vec!["1.5"]),
        ("equals: true", vec!["true"], vec![r#""true""#, "1", "false"]),
        ("equals: ''", vec![r#""""#], vec!["null", "[]", "{}"]),
        ("oneOf: [a, 2, false]", vec![r#""a""#, "2", "false"], vec![r#""b""#, r#""2""#, "true", r#"["a"]"#]),
        ("exists: true", vec!["false", "0", r#""""#, "{}", "[]"], vec!["null"]),
        ("exists: false", vec!["null"], vec!["false", "0", r#""""#]),
    ] {
        let required = format!("{{claimName: c, {condition}}}");
        for (values, expected) in [(accepted, true), (rejected, false)] {
            for value in values {
                assert_eq!(passes(&required, &format!(r#"{{"c":{value}}}"#)), expected, "{condition}: {value}");
            }
        }
    }
    assert!(!passes("{claimName: c, equals: a}", "{}"));
    assert!(passes("{claimName: c, exists: false}", "{}"));
}

#[test]
fn contains_looks_into_arrays_and_splits_only_scope_and_scp() {
    for (name, values, claim, expected) in [
        ("roles", "admin", r#"["user","admin"]"#, true),
        ("roles", "[root, admin]", r#"["user","admin"]"#, true),
        ("roles", "admin", r#""admin""#, true),
        ("roles", "admin", r#""user admin""#, false),
        ("roles", "admin", r#"["user admin"]"#, false),
        ("roles", "admin", r#"{"admin":true}"#, false),
        ("roles", "admin", r#"[{"admin":true},["admin"]]"#, false),
        ("roles", "admin", "[]", false),
        ("roles", "1", r#"["1"]"#, false),
        ("roles", "1", "[1]", true),
        ("scope", "read", r#""write read""#, true),
        ("scope", "rea", r#""read write""#, false),
        ("scope", "read", r#""read:all readme""#, false),
        ("scope", "'read write'", r#""read write""#, false),
        ("scope", "1", r#""1""#, false),
        ("scp", "read", r#""write read""#, true),
        ("scp", "read", r#"["write read"]"#, false),
        ("a.scope", "read", r#""write read""#, false),
    ] {
        let required = format!("{{claimName: {name}, contains: {values}}}");
        let claims = format!(r#"{{"{name}":{claim}}}"#);
        assert_eq!(passes(&required, &claims), expected, "{required} {claims}");
    }
}

#[test]
fn several_entries_must_all_hold_and_the_message_has_the_configured_name() {
    let both = "{claimName: realm.roles, contains: admin}, {claimName: tenant, equals: t1}";
    assert!(passes(both, r#"{"realm":{"roles":["admin"]},"tenant":"t1"}"#));
    assert!(!passes(both, r#"{"realm":{"roles":["admin"]},"tenant":"t2"}"#));
    assert!(!passes(both, r#"{"realm":{"roles":["user"]},"tenant":"t1"}"#));
    let verified = Verified::for_test("{}");
    let entries = parse("[{claimName: 'a<b', exists: true}]").unwrap();
    let rejection = entries[0].check(Claims::read(&verified).unwrap().find("a<b")).unwrap_err();
    assert_eq!((rejection.code(), rejection.message().as_str()), ("A403JC", r"Claim a\x3cb is not accepted"));
}

#[test]
fn every_error_names_its_field() {
    const ONE: &str = "[0]: expected one of equals, oneOf, contains and exists";
    for (text, expected) in [
        ("{}", "expected a list"),
        ("[]", "expected at least one element"),
        ("[{claimName: a}]", ONE),
        ("[{claimName: a, equals: b, exists: true}]", ONE),
        ("[{equals: b}]", "[0].claimName: required"),
        ("[{claimName: '', equals: b}]", "[0].claimName: expected a string that is not empty"),
        ("[{claimName: a, equals: [b]}]", "[0].equals: expected a string, a whole number, true or false"),
        ("[{claimName: a, equals: 1.5}]", "[0].equals: expected a string, a whole number, true or false"),
        ("[{claimName: a, equals: null}]", "[0].equals: expected a string, a whole number, true or false"),
        ("[{claimName: a, oneOf: b}]", "[0].oneOf: expected a list"),
        ("[{claimName: a, oneOf: []}]", "[0].oneOf: expected at least one element"),
        ("[{claimName: a, contains: []}]", "[0].contains: expected at least one element"),
        ("[{claimName: a, contains: [{b: c}]}]", "[0].contains[0]: expected a string, a whole number, true or false"),
        ("[{claimName: a, exists: 'yes'}]", "[0].exists: expected true or false"),
        ("[{claimName: a, equals: b, value: c}]", "[0].value: unknown field"),
    ] {
        assert_eq!(parse(text).unwrap_err(), [expected], "{text}");
    }
    let many = format!("[{{claimName: a, oneOf: [{}]}}]", vec!["b"; 257].join(","));
    assert_eq!(parse(&many).unwrap_err(), ["expected at most 256 values, found 257"]);
    assert!(parse(&many.replace("b,b]", "b]")).is_ok());
}
