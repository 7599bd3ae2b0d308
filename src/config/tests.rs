use super::*;
use crate::rejection::Rejection;
use crate::request::Request;

mod claim_parameters;
mod keys;
mod remote_keys;

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

fn faults_of(text: &str) -> Vec<String> {
    match Config::parse(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults().iter().map(Fault::to_string).collect(),
    }
}

/// The errors of a valid document to which these fields are added.
fn faults_with(fields: &str) -> Vec<String> {
    faults_of(&format!("parameter: X-Token\njwk: {KEY}\n{fields}"))
}

/// The example of the gateway's documentation, with its comments.
const PAGE_EXAMPLE: &str = include_str!("../../tests/kit/src/rows/page-example.yaml");

#[test]
fn the_example_of_the_documentation_is_valid() {
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
            check_expiration: true,
            required: Vec::new()
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
            check_expiration: true,
            required: Vec::new()
        }
    );
}

#[test]
fn all_errors_are_reported_at_once_with_their_fields() {
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
fn a_document_that_is_not_one_map_is_an_error_and_never_a_panic() {
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
fn for_an_unknown_field_only_a_similar_name_is_suggested() {
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
fn wrong_types_and_ranges_are_errors() {
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
    assert_eq!(faults_with("clockSkewSeconds: 30.0"), Vec::<String>::new(), "a Struct has only doubles");
    assert_eq!(faults_of(&format!("jwk: {KEY}")), ["parameter: required"]);
    assert_eq!(faults_of("parameter: X-Token"), ["jwk: expected a key here, in jwks or from remoteJwks, found none"]);
    assert_eq!(
        faults_of(&format!("parameter: 'a b'\njwk: {KEY}")),
        ["parameter: expected a name of letters, digits and !#$%&'*+-.^_`|~"]
    );
    assert_eq!(faults_of(&format!("parameter: 'a b'\nparameterLocation: query\njwk: {KEY}")), Vec::<String>::new());
}

#[test]
fn the_outcome_of_an_invalid_configuration_is_read_too() {
    let read = |text: &str| {
        let (config, outcome) = Config::read(text.as_bytes());
        (config.is_ok(), outcome.is_some())
    };
    let valid = format!("parameter: X-Token\njwk: {KEY}\n");
    assert_eq!(read(&valid), (true, false));
    assert_eq!(read(&format!("{valid}outcome: {{}}")), (true, true));
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

#[test]
fn what_protects_against_replay_over_restarts_and_fleets_needs_replay_protection() {
    let store = "jtiStore: {kind: etcd, cluster: c}";
    for (fields, expected) in [
        (store.to_owned(), "jtiStore: expected preventJtiReplay: true beside it, or dpop in resourceServer"),
        ("replayColdStart: refuse".to_owned(), "replayColdStart: expected preventJtiReplay: true beside it"),
        (
            "preventJtiReplay: true\nreplayColdStart: refuse\nmaxTokenLifetimeSeconds: 0".to_owned(),
            "replayColdStart: expected maxTokenLifetimeSeconds to be more than 0",
        ),
        ("preventJtiReplay: true\nreplayColdStart: true".to_owned(), "replayColdStart: expected a string"),
        ("preventJtiReplay: true\nreplayColdStart: wait".to_owned(), "replayColdStart: expected accept or refuse"),
    ] {
        assert_eq!(faults_with(&fields), [expected], "{fields}");
    }
    for fine in ["replayColdStart: accept", &format!("preventJtiReplay: true\nreplayColdStart: refuse\n{store}")] {
        assert_eq!(faults_with(fine), Vec::<String>::new(), "{fine}");
    }
}
