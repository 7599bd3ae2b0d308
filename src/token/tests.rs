use super::*;

fn header_of(json: &str) -> Option<JoseHeader> {
    JoseHeader::parse(json.as_bytes())
}

fn is_malformed(raw: &[u8]) -> bool {
    matches!(Token::decode(raw, &LastHeader::default()), Err(Rejection::Malformed { .. }))
}

#[test]
fn a_token_of_three_valid_segments_is_decoded() {
    let token = b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.AQID";
    let token = Token::decode(token, &LastHeader::default()).map_err(|_| ()).unwrap();
    assert_eq!(token.algorithm(), Ok("RS256"));
    assert_eq!(token.key_id(), &KeyId::String("k".to_owned()));
    assert_eq!(token.signing_input(), b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30");
    assert_eq!(token.signature(), [1, 2, 3]);
    assert_eq!(token.unverified_payload(), b"{}");
}

#[test]
fn only_three_segments_of_strict_base64url_are_a_token() {
    for raw in [
        "",
        ".",
        "..",
        "e30",
        "e30.e30",
        "e30.e30.AQ.AQ",
        "e30.e30.AQ.AQ.AQ",
        "e30=.e30.AQ",
        "e30.e30=.AQ",
        "e30.e30.AQ==",
        "e30.e30.AR",
        "e31.e30.AQ",
        "e30.e31.AQ",
        "e30.e30.+/8",
        "e30.e30.A Q",
        "e30.e30.AQ\n",
        " e30.e30.AQ",
        "e30.e30.A",
        "W10.e30.AQ",
        "eyJhIjoxLCJhIjoyfQ.e30.AQ",
    ] {
        assert!(is_malformed(raw.as_bytes()), "{raw:?}");
    }
    assert!(!is_malformed(b"e30.e30.AQ"));
    assert!(!is_malformed(b"e30.."), "later steps reject an empty payload or signature");
}

#[test]
fn a_token_at_the_size_limit_is_decoded_and_one_byte_more_is_not() {
    let of_length = |length: usize| {
        let token = format!("e30.{}.AQID", "A".repeat(length - "e30..AQID".len()));
        assert_eq!(token.len(), length);
        token.into_bytes()
    };
    assert!(!is_malformed(&of_length(MAX_TOKEN_BYTES)));
    assert!(is_malformed(&of_length(MAX_TOKEN_BYTES + 1)));
    assert!(is_malformed(&vec![b'.'; 1_000_000]));
}

#[test]
fn a_message_quotes_only_the_beginning_of_a_token() {
    let Err(rejection) = Token::decode(b"eyJhbGciOiJSUzI1NiJ9.e30.c2VjcmV0.", &LastHeader::default()) else {
        panic!("a token of four segments was decoded");
    };
    assert_eq!(rejection.message(), "JWT Deserialize Failed: eyJhbGciOiJSUzI1...");
}

#[test]
fn a_header_with_crit_or_without_a_string_as_alg_is_rejected() {
    for (json, expected) in [
        (r#"{"alg":"RS256","crit":[]}"#, Invalid::CriticalHeader),
        (r#"{"alg":"RS256","crit":null}"#, Invalid::CriticalHeader),
        (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, Invalid::CriticalHeader),
        (r#"{}"#, Invalid::AlgorithmMissing),
        (r#"{"alg":null}"#, Invalid::AlgorithmMissing),
        (r#"{"alg":256}"#, Invalid::AlgorithmMissing),
        (r#"{"alg":["RS256"]}"#, Invalid::AlgorithmMissing),
    ] {
        let token = Token {
            header: header_of(json).unwrap().into(),
            signing_input: b"",
            payload: Vec::new(),
            signature: Vec::new(),
        };
        assert_eq!(token.algorithm(), Err(expected), "{json}");
    }
}

#[test]
fn a_token_never_gets_the_cached_header_of_another_one() {
    let last = LastHeader::default();
    let token = |header: &str| format!("{}.e30.AQ", URL_SAFE_NO_PAD.encode(header)).into_bytes();
    let (one, other) = (token(r#"{"alg":"RS256","kid":"1"}"#), token(r#"{"alg":"HS256","kid":"2"}"#));
    for (raw, algorithm, kid) in
        [(&one, "RS256", "1"), (&one, "RS256", "1"), (&other, "HS256", "2"), (&one, "RS256", "1")]
    {
        let token = Token::decode(raw, &last).map_err(|_| ()).unwrap();
        assert_eq!((token.algorithm(), token.key_id()), (Ok(algorithm), &KeyId::String(kid.to_owned())));
    }
    for bad in ["", "e30=", "e3", "W10"] {
        assert!(Token::decode(format!("{bad}.e30.AQ").as_bytes(), &last).is_err(), "{bad}");
    }
    assert!(Token::decode(&one, &last).is_ok_and(|token| token.algorithm() == Ok("RS256")));
}

#[test]
fn a_kid_that_is_not_a_string_differs_from_a_missing_one() {
    assert_eq!(header_of("{}").unwrap().key_id, KeyId::Absent);
    assert_eq!(header_of(r#"{"kid":""}"#).unwrap().key_id, KeyId::String(String::new()));
    assert_eq!(header_of(r#"{"kid":5}"#).unwrap().key_id, KeyId::NotString("5".to_owned()));
    assert_eq!(header_of(r#"{"kid":null}"#).unwrap().key_id, KeyId::NotString("null".to_owned()));
}
