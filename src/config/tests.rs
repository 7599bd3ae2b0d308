use super::*;
use crate::rejection::Rejection;
use crate::request::Request;

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

fn faults_of(text: &str) -> Vec<String> {
    match Config::parse(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults().iter().map(Fault::to_string).collect(),
    }
}

/// The faults of a document that is right but for these fields.
fn faults_with(fields: &str) -> Vec<String> {
    faults_of(&format!("parameter: X-Token\njwk: {KEY}\n{fields}"))
}

fn faults_with_key(key: &str) -> Vec<String> {
    faults_of(&format!("parameter: X-Token\njwk: {key}"))
}

/// The page's own example, comments and all.
const PAGE_EXAMPLE: &str = include_str!("../../tests/rows/page-example.yaml");

#[test]
fn the_pages_own_example_is_right_as_it_stands() {
    let config = Config::parse(PAGE_EXAMPLE.as_bytes()).unwrap();
    assert_eq!(config.source, TokenSource::new("X-Token".to_owned(), vec![TokenLocation::Header]));
    assert!(config.replay.is_none());
    assert_eq!(config.mapping.without_token(Request::new(&[])), Err(Rejection::TokenMissing));
    assert_eq!(
        config.rules,
        ClaimRules {
            issuers: None,
            audiences: None,
            clock_skew: 0.0,
            max_lifetime: Some(604_800),
            check_expiration: true
        }
    );
}

#[test]
fn every_field_has_its_meaning() {
    let config = Config::parse(
        format!(
            "parameter: t\nclaimParameters: []\npreventJtiReplay: true\nbypassEmptyToken: true\njwks: {{keys: [{KEY}]}}
issuer: a\naudiences: [b, c]\nclockSkewSeconds: 300\nmaxTokenLifetimeSeconds: 0\nforwardToken: false
maxTrackedJtis: 7\ntokenCache: {{maxEntries: 0, maxBytes: 1}}"
        )
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(config.source.locations, [TokenLocation::Header, TokenLocation::Query]);
    assert!(config.mapping.without_token(Request::new(&[])).is_ok());
    assert!(config.replay.is_some());
    assert_eq!(
        config.rules,
        ClaimRules {
            issuers: Some(vec!["a".to_owned()]),
            audiences: Some(vec!["b".to_owned(), "c".to_owned()]),
            clock_skew: 300.0,
            max_lifetime: None,
            check_expiration: true
        }
    );
}

#[test]
fn all_faults_of_a_document_are_reported_at_once_with_their_fields() {
    assert_eq!(
        faults_of(
            "parameter: ''
parameterLocation: body
preventJtiReply: true
claimParameters:
- {claimName: '', parameterName: ':path', location: header, extra: 1}
- {parameterName: host, location: nowhere}
bypassEmptyToken: 'yes'
clockSkewSeconds: 3601
maxTrackedJtis: 0
tokenCache: {maxEntry: 1}
audiences: []
issuer: ['']
jwks: []
"
        ),
        [
            "parameter: expected a string that is not empty",
            "parameterLocation: expected header, query or cookie",
            "claimParameters[0].claimName: expected a string that is not empty",
            "claimParameters[0].extra: unknown field",
            "claimParameters[1].claimName: required",
            "claimParameters[1].location: expected header, query, path or formData",
            "bypassEmptyToken: expected true or false",
            "jwks: expected at least one key",
            "issuer[0]: expected a string that is not empty",
            "audiences: expected at least one element",
            "clockSkewSeconds: expected a whole number from 0 to 3600",
            "maxTrackedJtis: expected a whole number from 1 to 10000000",
            "tokenCache.maxEntry: unknown field, did you mean maxEntries?",
            "preventJtiReply: unknown field, did you mean preventJtiReplay?",
        ]
    );
}

#[test]
fn a_document_that_is_not_one_map_is_a_fault_and_never_a_panic() {
    for (text, expected) in [
        ("", "expected a plugin configuration, found nothing"),
        ("  \n", "expected a plugin configuration, found nothing"),
        ("# only a comment", "expected a map of fields"),
        ("null", "expected a map of fields"),
        ("[]", "expected a map of fields"),
        ("1: 2", "expected a map of fields"),
        ("text", "expected a map of fields"),
    ] {
        assert_eq!(faults_of(text), [expected], "{text:?}");
    }
    for text in ["a: [", "a: 1\na: 2", "a: &x [*x]", "--- {}\n--- {}", "\u{1}"] {
        let faults = faults_of(text);
        assert!(faults.len() == 1 && faults[0].starts_with("expected one YAML document"), "{:.20}: {faults:?}", text);
    }
    assert!(Config::parse(b"\xff\xfe").is_err());
}

#[test]
fn an_unknown_field_gets_the_name_that_was_meant_and_no_far_one() {
    for (fields, expected) in [
        ("prevent_jti_replay: true", "prevent_jti_replay: unknown field, did you mean preventJtiReplay?"),
        ("PREVENTJTIREPLAY: true", "PREVENTJTIREPLAY: unknown field, did you mean preventJtiReplay?"),
        ("isuer: a", "isuer: unknown field, did you mean issuer?"),
        ("tokenCache: {maxEntry: 1}", "tokenCache.maxEntry: unknown field, did you mean maxEntries?"),
        ("timeout: 1", "timeout: unknown field"),
        ("x: 1", "x: unknown field"),
    ] {
        assert_eq!(faults_with(fields), [expected], "{fields}");
    }
    for (length, suggested) in [(64, true), (65, false)] {
        let name = format!("prevent{}JtiReplay", "_".repeat(length - 16));
        let question = if suggested { ", did you mean preventJtiReplay?" } else { "" };
        assert_eq!(faults_with(&format!("{name}: 1")), [format!("{name}: unknown field{question}")]);
    }
    let many: String = ('a'..='q').map(|letter| format!("isuer{letter}: a\n")).collect();
    let faults = faults_with(&many);
    let suggested = faults.iter().filter(|fault| fault.ends_with("did you mean issuer?")).count();
    assert_eq!((faults.len(), suggested), (17, 16));
}

#[test]
fn a_string_in_place_of_keys_says_what_to_do() {
    const URL: &str = ", found a URL: keys are not fetched; paste the JWK set that is there";
    const PEM: &str = ", found PEM: `jwt-auth jwk FILE` makes a JWK of it";
    for (keys, expected) in [
        ("jwks: https://issuer.example/jwks.json", format!("jwks: expected a list{URL}")),
        ("jwk: HTTP://issuer.example/jwk.json", format!("jwk: expected a map of fields{URL}")),
        ("jwks: {keys: 'https://issuer.example/'}", format!("jwks.keys: expected a list{URL}")),
        ("jwks: ['https://issuer.example/']", format!("jwks[0]: expected a map of fields{URL}")),
        ("jwk: |\n  -----BEGIN PUBLIC KEY-----\n  AAAA", format!("jwk: expected a map of fields{PEM}")),
        ("jwk: secret", "jwk: expected a map of fields".to_owned()),
        ("jwk: ''", "jwk: expected a map of fields".to_owned()),
        ("jwk: é://", "jwk: expected a map of fields".to_owned()),
    ] {
        assert_eq!(faults_of(&format!("parameter: t\n{keys}")), [expected], "{keys}");
    }
    let other = "tokenCache: https://issuer.example/";
    assert_eq!(faults_with(other), ["tokenCache: expected a map of fields"]);
}

#[test]
fn wrong_types_and_ranges_are_faults() {
    for (fields, expected) in [
        ("preventJtiReplay:", "preventJtiReplay: expected true or false"),
        ("preventJtiReplay: 1", "preventJtiReplay: expected true or false"),
        ("forwardToken: 'false'", "forwardToken: expected true or false"),
        ("claimParameters: {}", "claimParameters: expected a list"),
        ("claimParameters: [1]", "claimParameters[0]: expected a map of fields"),
        ("audiences: a", "audiences: expected a list"),
        ("audiences: [1]", "audiences[0]: expected a string"),
        ("issuer: 1", "issuer: expected a string"),
        ("clockSkewSeconds: -1", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: 1.5", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: '30'", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("maxTokenLifetimeSeconds: 1e99", "maxTokenLifetimeSeconds: expected a whole number from 0 to 4294967295"),
        ("maxTokenLifetimeSeconds: .nan", "maxTokenLifetimeSeconds: expected a whole number from 0 to 4294967295"),
        ("maxFormBytes: 1023", "maxFormBytes: expected a whole number from 1024 to 33554432"),
        ("maxFormBytes: 33554433", "maxFormBytes: expected a whole number from 1024 to 33554432"),
        ("tokenCache: 1", "tokenCache: expected a map of fields"),
        ("jwks: 1", "jwks: expected a list"),
        ("jwks: {}", "jwks.keys: required"),
        (
            "preventJtiReplay: true\nignoreExpirationCheck: true",
            "preventJtiReplay: expected false with ignoreExpirationCheck: \
             a used jti can be forgotten only once its token is expired",
        ),
        (
            "preventJtiReplay: true\nclockSkewSeconds: 301",
            "clockSkewSeconds: expected at most 300 with preventJtiReplay: a used jti is kept until exp + 300 seconds",
        ),
    ] {
        assert_eq!(faults_with(fields), [expected], "{fields}");
    }
    assert_eq!(faults_with("maxFormBytes: 1024"), Vec::<String>::new());
    assert_eq!(faults_with("maxFormBytes: 33554432"), Vec::<String>::new());
    assert_eq!(faults_with("clockSkewSeconds: 3600"), Vec::<String>::new());
    assert_eq!(faults_with("clockSkewSeconds: 30.0"), Vec::<String>::new(), "a Struct has doubles only");
    assert_eq!(faults_of(&format!("jwk: {KEY}")), ["parameter: required"]);
    assert_eq!(faults_of("parameter: X-Token"), ["jwk: expected a key here or in jwks, found neither"]);
    assert_eq!(
        faults_of(&format!("parameter: 'a b'\njwk: {KEY}")),
        ["parameter: expected a name of letters, digits and !#$%&'*+-.^_`|~"]
    );
    assert_eq!(faults_of(&format!("parameter: 'a b'\nparameterLocation: query\njwk: {KEY}")), Vec::<String>::new());
}

#[test]
fn targets_that_would_break_a_request_or_each_other_are_faults() {
    let name = "expected a header name of letters, digits and !#$%&'*+-.^_`|~";
    let framing = "expected a header that is not for the connection or the framing of the message";
    for (parameter, expected) in [
        (":path", name),
        (":authority", name),
        ("a b", name),
        ("a\\r\\nb", name),
        ("Host", framing),
        ("content-length", framing),
        ("Content_Length", framing),
        ("transfer-encoding", framing),
        ("Connection", framing),
        ("keep-alive", framing),
        ("te", framing),
        ("trailer", framing),
        ("upgrade", framing),
    ] {
        let fields = format!(r#"claimParameters: [{{claimName: a, parameterName: "{parameter}", location: header}}]"#);
        assert_eq!(faults_with(&fields), [format!("claimParameters[0].parameterName: {expected}")], "{parameter}");
    }
    let two = |first: &str, second: &str, location: &str| {
        faults_with(&format!(
            "claimParameters: [{{claimName: a, parameterName: {first}, location: {location}}}, \
             {{claimName: b, parameterName: {second}, location: {location}}}]"
        ))
    };
    let with_format = |format: &str| {
        faults_with(&format!(
            "claimParameters: [{{claimName: a, parameterName: b, location: query, format: {format}}}]"
        ))
    };
    assert_eq!(with_format("text"), Vec::<String>::new());
    assert_eq!(with_format("json"), Vec::<String>::new());
    assert_eq!(with_format("JSON"), ["claimParameters[0].format: expected text or json"]);
    assert_eq!(with_format("1"), ["claimParameters[0].format: expected a string"]);
    let twice = ["claimParameters[1].parameterName: expected a target that no other claim has"];
    assert_eq!(two("X-User", "x_user", "header"), twice);
    assert_eq!(two("a", "a", "query"), twice);
    assert_eq!(two("a", "A", "query"), Vec::<String>::new());
}

#[test]
fn a_jwk_must_be_a_public_signature_key_that_is_strong_and_whole() {
    let rsa = |n: &str, rest: &str| format!("{{kty: RSA, e: AQAB, n: {n}, {rest}}}");
    let n2048 = format!("3{}Q", "_".repeat(340));
    let p256 = "x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    for (key, expected) in [
        (rsa(&n2048, "use: enc"), "jwk.use: expected sig"),
        (rsa(&n2048, "use: 1"), "jwk.use: expected a string"),
        (rsa(&n2048, "key_ops: [sign]"), "jwk.key_ops: expected a list with verify"),
        (rsa(&n2048, "kid: ''"), "jwk.kid: expected a string that is not empty"),
        (rsa(&n2048, "kid: 5"), "jwk.kid: expected a string"),
        (rsa(&n2048, "alg: ES256"), "jwk.alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"),
        (rsa(&n2048, "alg: none"), "jwk.alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"),
        (rsa(&n2048, "d: AQAB"), "jwk.d: expected a public key, found a private or secret part"),
        (rsa(&n2048, "k: AQAB"), "jwk.k: expected a public key, found a private or secret part"),
        (rsa("AQAB", ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&format!("f{}Q", "_".repeat(340)), ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&"_".repeat(684), ""), "jwk.n: expected a modulus of 2048 to 4096 bits"),
        (rsa(&format!("3{}", "_".repeat(341)), ""), "jwk.n: expected base64url without padding"),
        (rsa(&format!("3{}g", "_".repeat(340)), ""), "jwk.n: expected an odd modulus"),
        (rsa("'a b'", ""), "jwk.n: expected base64url without padding"),
        ("{kty: RSA, e: AQAB}".to_owned(), "jwk.n: required"),
        (format!("{{kty: RSA, n: {n2048}, e: AQ}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: RSA, n: {n2048}, e: Aw}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: RSA, n: {n2048}, e: ''}}"), "jwk.e: expected AQAB (65537)"),
        (format!("{{kty: EC, crv: P-384, {p256}}}"), "jwk.x: expected x and y to be a point of the curve"),
        (format!("{{kty: EC, crv: P-192, {p256}}}"), "jwk.crv: expected P-256, P-384, P-521 or secp256k1"),
        (format!("{{kty: EC, crv: P-521, {p256}}}"), "jwk.x: expected x and y to be a point of the curve"),
        (format!("{{kty: EC, crv: P-256, {p256}, alg: ES384}}"), "jwk.alg: expected what fits this key: ES256"),
        (
            "{kty: EC, crv: P-256, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, \
             y: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU}"
                .to_owned(),
            "jwk.x: expected x and y to be a point of the curve",
        ),
        ("{kty: OKP, crv: X25519, x: AAAA}".to_owned(), "jwk.crv: expected Ed25519"),
        ("{kty: OKP, crv: Ed25519, x: AAAA}".to_owned(), "jwk.x: expected a point of the curve in 32 bytes"),
        (
            "{kty: OKP, crv: Ed25519, x: AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}".to_owned(),
            "jwk.x: expected a point of the curve in 32 bytes",
        ),
        ("{kty: oct, k: AAAA}".to_owned(), "jwk.k: expected a secret of at least 32 bytes"),
        (
            "{kty: oct, alg: HS512, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}".to_owned(),
            "jwk.alg: expected what fits this key: HS256",
        ),
        ("{kty: DSA}".to_owned(), "jwk.kty: expected RSA, EC, OKP or oct"),
        ("{alg: RS256}".to_owned(), "jwk.kty: required"),
        ("[]".to_owned(), "jwk: expected a map of fields"),
    ] {
        assert_eq!(faults_with_key(&key), [expected], "{key}");
    }
    for key in [rsa(&n2048, "use: sig, key_ops: [verify], x5t: a"), format!("{{kty: EC, crv: P-256, {p256}}}")] {
        assert_eq!(faults_with_key(&key), Vec::<String>::new(), "{key}");
    }
}

#[test]
fn a_key_of_a_set_that_is_not_for_verifying_here_is_left_out_with_one_warning() {
    let parse = |keys: &str| {
        let config = Config::parse(format!("parameter: t\njwks: {{keys: [{KEY}, {keys}]}}").as_bytes());
        config.map(|config| config.warnings.iter().map(Warning::to_string).collect::<Vec<_>>())
    };
    let n2048 = format!("3{}Q", "_".repeat(340));
    for (key, warning) in [
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, use: enc, alg: RSA-OAEP}}"), "use: expected sig"),
        ("{kty: RSA, n: AQAB, e: Aw, use: enc}".to_owned(), "use: expected sig"),
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, key_ops: []}}"), "key_ops: expected a list with verify"),
        (
            format!("{{kty: RSA, n: {n2048}, e: AQAB, alg: RSA-OAEP}}"),
            "alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512",
        ),
        ("{kty: AKP, pub: AAAA}".to_owned(), "kty: expected RSA, EC, OKP or oct"),
        (KEY.replace('}', ", alg: A256GCM}"), "alg: expected what fits this key: HS256"),
    ] {
        assert_eq!(parse(&key), Ok(vec![format!("jwks.keys[1].{warning}; the key is skipped")]), "{key}");
    }
    for (key, fault) in [
        (KEY.replace('}', ", kid: b, alg: HS512}"), "alg: expected what fits this key: HS256"),
        ("{kty: oct, k: AAAA}".to_owned(), "k: expected a secret of at least 32 bytes"),
        ("{kty: AKP, pub: AAAA, priv: AAAA}".to_owned(), "priv: expected a public key, found a private or secret part"),
        ("{use: enc}".to_owned(), "kty: required"),
        (format!("{{kty: RSA, n: {n2048}, e: AQAB, use: enc, alg: 5}}"), "alg: expected a string"),
    ] {
        let faults = parse(&key).unwrap_err().to_string();
        assert_eq!(faults, format!("jwks.keys[1].{fault}"), "{key}");
    }
    assert_eq!(parse(""), Ok(Vec::new()));
}

#[test]
fn no_kid_stands_twice_and_one_key_at_most_has_none() {
    let key = |kid: &str| KEY.replace('}', kid);
    let of =
        |first: &str, second: &str| faults_of(&format!("parameter: t\njwk: {}\njwks: [{}]", key(first), key(second)));
    assert_eq!(of(", kid: a}", ", kid: a}"), ["jwks[0].kid: expected a kid that no other key has"]);
    assert_eq!(of("}", "}"), ["jwks[0]: expected a kid, since another key has none"]);
    assert_eq!(of("}", ", kid: a}"), Vec::<String>::new());
}

#[test]
fn a_fault_never_repeats_a_secret() {
    for key in [
        "{kty: oct, k: c2VjcmV0}",
        "{kty: oct, alg: s3cret, k: '%s3cret'}",
        "{kty: s3cret, k: s3cret}",
        "{kty: oct, k: !!int s3cret}",
        "{kty: oct, k: !!bool s3cret}",
        "{kty: oct, k: !!float s3cret}",
        "{kty: oct, k: !!null s3cret}",
        "{kty: oct, k: *s3cret}",
        "{kty: oct, k: \"s3cret\\q\"}",
        "{kty: oct, k: 's3cret' s3cret}",
    ] {
        let faults = faults_with_key(key).join(" ");
        assert!(!faults.is_empty() && !faults.contains("s3cret") && !faults.contains("c2VjcmV0"), "{faults}");
    }
}

#[test]
fn where_outcomes_go_is_known_of_a_faulty_configuration_too() {
    let read = |text: &str| {
        let (config, outcome) = Config::read(text.as_bytes());
        (config.is_ok(), outcome.is_some())
    };
    let good = format!("parameter: X-Token\njwk: {KEY}\n");
    assert_eq!(read(&good), (true, false));
    assert_eq!(read(&format!("{good}outcome: {{}}")), (true, true));
    assert_eq!(read("outcome: {prefix: payments}\nparmeter: X-Token"), (false, true));
    assert_eq!(read("outcome: {prefix: P}"), (false, false));
    assert_eq!(read("{"), (false, false));
    let expected =
        "outcome.prefix: expected a lower-case letter, then up to 31 lower-case letters, digits and underscores";
    assert_eq!(
        faults_with("outcome: {prefix: P, claims: [sub]}"),
        [expected.to_owned(), "outcome.claims: unknown field".to_owned()]
    );
}
