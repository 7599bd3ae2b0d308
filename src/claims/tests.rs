use super::*;

const NOW: f64 = 1_700_000_000.0;

fn rules() -> ClaimRules {
    ClaimRules {
        issuers: None,
        audiences: None,
        clock_skew: 0.0,
        max_lifetime: Some(604_800),
        check_expiration: true,
        required: Vec::new(),
    }
}

fn read(payload: &str) -> Result<Times, Rejection> {
    Claims::read(&Verified::for_test(payload)).map(|claims| claims.times())
}

fn check(payload: &str, rules: &ClaimRules, now: f64) -> Result<(), Rejection> {
    read(payload)?.check(rules, NumericDate::from_unix_seconds(now))
}

fn invalid(reason: Invalid) -> Result<(), Rejection> {
    Err(Rejection::Invalid(reason))
}

fn date(seconds: f64) -> NumericDate {
    NumericDate::from_unix_seconds(seconds)
}

#[test]
fn dates_are_written_as_rfc_3339_in_utc() {
    for (seconds, expected) in [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_300_819_380.0, "2011-03-22T18:43:00Z"),
        (1_300_819_380.999, "2011-03-22T18:43:00Z"),
        (-0.5, "1969-12-31T23:59:59Z"),
        (951_782_400.0, "2000-02-29T00:00:00Z"),
        (1e300, "9999-12-31T23:59:59Z"),
        (-1e300, "0000-01-01T00:00:00Z"),
        (f64::NAN, "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(date(seconds).to_string(), expected, "{seconds}");
    }
}

#[test]
fn a_time_claim_that_is_not_a_number_is_rejected_and_never_counts_as_missing() {
    for claim in ["exp", "nbf", "iat"] {
        for value in ["\"1700000100\"", "true", "null", "[1700000100]", "{}", "1e400", "-1e400"] {
            let payload = format!(r#"{{"{claim}":{value}}}"#);
            assert_eq!(
                check(&payload, &ClaimRules { check_expiration: false, ..rules() }, NOW),
                invalid(Invalid::NotNumericDate { claim }),
                "{payload}"
            );
        }
    }
}

#[test]
fn a_token_expires_at_exp_plus_skew_and_not_before() {
    for (exp, skew, passes) in [
        ("1700000001", 0.0, true),
        ("1700000000", 0.0, false),
        ("1699999999", 0.0, false),
        ("1700000000.001", 0.0, true),
        ("1.700000001e9", 0.0, true),
        ("1699999971", 30.0, true),
        ("1699999970", 30.0, false),
        ("-1", 0.0, false),
        ("-1e300", 3600.0, false),
        ("0", 0.0, false),
    ] {
        let result = check(&format!(r#"{{"exp":{exp}}}"#), &ClaimRules { clock_skew: skew, ..rules() }, NOW);
        let expected = if passes { Ok(()) } else { Err(Rejection::Expired { at: date(exp.parse().unwrap()) }) };
        assert_eq!(result, expected, "exp {exp}, skew {skew}");
    }
}

#[test]
fn without_the_expiration_check_exp_is_optional_and_nbf_is_still_checked() {
    let lenient = ClaimRules { check_expiration: false, ..rules() };
    assert_eq!(check("{}", &rules(), NOW), invalid(Invalid::ExpirationMissing));
    assert_eq!(check("{}", &lenient, NOW), Ok(()));
    assert_eq!(check(r#"{"exp":1}"#, &lenient, NOW), Ok(()));
    assert_eq!(check(r#"{"exp":1e300}"#, &lenient, NOW), Ok(()));
    assert_eq!(
        check(r#"{"nbf":1700000001}"#, &lenient, NOW),
        invalid(Invalid::NotYetValid { from: date(1_700_000_001.0) })
    );
}

#[test]
fn a_token_is_valid_from_nbf_minus_skew() {
    for (nbf, skew, passes) in [
        ("1700000000", 0.0, true),
        ("1700000000.5", 0.0, false),
        ("1700000001", 0.0, false),
        ("1700000030", 30.0, true),
        ("1700000031", 30.0, false),
        ("1e300", 3600.0, false),
        ("-1e300", 0.0, true),
    ] {
        let rules = ClaimRules { clock_skew: skew, ..rules() };
        let result = check(&format!(r#"{{"exp":1700000100,"nbf":{nbf}}}"#), &rules, NOW);
        let expected = if passes { Ok(()) } else { invalid(Invalid::NotYetValid { from: date(nbf.parse().unwrap()) }) };
        assert_eq!(result, expected, "nbf {nbf}, skew {skew}");
    }
}

#[test]
fn a_lifetime_is_less_than_the_limit_and_starts_at_iat_or_else_now() {
    for (claims, limit, passes) in [
        (r#"{"iat":1700000000,"exp":1700604799}"#, Some(604_800), true),
        (r#"{"iat":1700000000,"exp":1700604800}"#, Some(604_800), false),
        (r#"{"iat":1699999999,"exp":1700604799}"#, Some(604_800), false),
        (r#"{"exp":1700604799.5}"#, Some(604_800), true),
        (r#"{"exp":1700604800}"#, Some(604_800), false),
        (r#"{"exp":9007199254740993}"#, Some(604_800), false),
        (r#"{"exp":1e300}"#, Some(604_800), false),
        (r#"{"iat":-1e300,"exp":1700000100}"#, Some(604_800), false),
        (r#"{"exp":1e300}"#, None, true),
        (r#"{"iat":1699999900,"exp":1700000010}"#, Some(110), false),
        (r#"{"iat":1699999900,"exp":1700000010}"#, Some(111), true),
    ] {
        let result = check(claims, &ClaimRules { max_lifetime: limit, ..rules() }, NOW);
        let expected = match limit {
            Some(limit) if !passes => invalid(Invalid::LifetimeTooLong { limit }),
            _ => Ok(()),
        };
        assert_eq!(result, expected, "{claims}");
    }
}

#[test]
fn a_payload_that_is_not_one_json_object_with_unique_members_is_malformed() {
    for payload in ["", "[]", "\"a\"", "1", "null", "{\"exp\":1,\"exp\":2}", "{} ,"] {
        assert!(matches!(read(payload), Err(Rejection::Malformed { .. })), "{payload}");
    }
}

fn parties(payload: &str, issuers: Option<&[&str]>, audiences: Option<&[&str]>) -> Result<(), Invalid> {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let rules = ClaimRules { issuers: issuers.map(owned), audiences: audiences.map(owned), ..rules() };
    let verified = Verified::for_test(payload);
    Claims::read(&verified).unwrap().check_parties(&rules)
}

#[test]
fn iss_must_equal_an_accepted_issuer() {
    let accepted = Some(&["https://a", "https://b"][..]);
    assert_eq!(parties(r#"{"iss":"https://b"}"#, accepted, None), Ok(()));
    for payload in
        ["{}", r#"{"iss":"https://"}"#, r#"{"iss":"https://a/"}"#, r#"{"iss":["https://a"]}"#, r#"{"iss":null}"#]
    {
        assert_eq!(parties(payload, accepted, None), Err(Invalid::Issuer), "{payload}");
    }
    assert_eq!(parties("{}", None, None), Ok(()));
}

#[test]
fn aud_must_name_an_accepted_audience() {
    let accepted = Some(&["api", "web"][..]);
    for payload in [r#"{"aud":"api"}"#, r#"{"aud":["x","web"]}"#] {
        assert_eq!(parties(payload, None, accepted), Ok(()), "{payload}");
    }
    for payload in [
        "{}",
        r#"{"aud":[]}"#,
        r#"{"aud":"ap"}"#,
        r#"{"aud":"API"}"#,
        r#"{"aud":["x"]}"#,
        r#"{"aud":["api",1]}"#,
        r#"{"aud":{"api":1}}"#,
        r#"{"aud":null}"#,
        r#"{"aud":"api,web"}"#,
    ] {
        assert_eq!(parties(payload, None, accepted), Err(Invalid::Audience), "{payload}");
    }
}

#[test]
fn a_claim_is_found_by_its_literal_name_and_then_as_a_path() {
    let verified = Verified::for_test(
        r#"{"a.b":"literal","a":{"b":"nested","c":{"d":7}},"https://x.y/r":["u"],"n":null,"o":{"n":null},"s":"t",
            "z.z":null,"z":{"z":1},"":{"":"empty"}}"#,
    );
    let claims = Claims::read(&verified).unwrap();
    let text = |name: &str| claims.find(name).map(|value| value.to_text().unwrap().into_owned());
    for (name, expected) in [
        ("a.b", Some("literal")),
        ("a.c.d", Some("7")),
        ("a.c", Some(r#"{"d":7}"#)),
        ("https://x.y/r", Some("u")),
        ("n", None),
        ("o.n", None),
        ("z.z", None),
        ("s.t", None),
        ("a.c.d.e", None),
        ("a..b", None),
        ("missing", None),
        (".", Some("empty")),
    ] {
        assert_eq!(text(name).as_deref(), expected, "{name}");
    }
}
