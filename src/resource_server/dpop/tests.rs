use super::*;
use crate::document::parse_for_test;
use crate::url::HttpUrl;

fn parse(text: &str) -> Result<Dpop, Vec<String>> {
    let resource = HttpUrl::parse("https://api.example/orders").unwrap().authority;
    parse_for_test(text, |field, faults| Dpop::parse(&field, Some(&resource), faults))
        .map_err(|error| error.faults().iter().map(ToString::to_string).collect())
}

#[test]
fn fields_that_are_not_set_have_their_defaults() {
    let dpop = parse("{}").unwrap();
    assert_eq!(
        (dpop.is_required, dpop.rules.max_age, dpop.algorithm_names().join(" ").as_str()),
        (false, 60.0, "ES256 EdDSA PS256")
    );
    assert_eq!(dpop.rules.origins, [Authority::of_origin("https://api.example").unwrap()]);
    let other = "{required: true, maxAgeSeconds: 5, algorithms: [RS256], origins: ['https://a.example:8443/']}";
    let dpop = parse(other).unwrap();
    assert_eq!((dpop.is_required, dpop.rules.max_age, dpop.algorithm_names().join(" ").as_str()), (true, 5.0, "RS256"));
    assert_eq!(dpop.rules.origins, [Authority::of_origin("https://a.example:8443").unwrap()]);
}

#[test]
fn every_error_names_its_field() {
    const ALGORITHM: &str =
        "algorithms[0]: expected ES256, ES384, EdDSA, Ed25519, PS256, PS384, PS512, RS256, RS384 or RS512";
    for (text, expected) in [
        ("{maxAgeSeconds: 0}", "maxAgeSeconds: expected a whole number from 1 to 300"),
        ("{maxAgeSeconds: 301}", "maxAgeSeconds: expected a whole number from 1 to 300"),
        ("{algorithms: []}", "algorithms: expected at least one element"),
        ("{algorithms: [HS256]}", ALGORITHM),
        ("{algorithms: [none]}", ALGORITHM),
        ("{algorithms: [ES256K]}", ALGORITHM),
        ("{origins: []}", "origins: expected at least one element"),
        ("{origins: ['https://a.example/b']}", "origins[0]: expected a URL without path and query"),
        ("{origins: [a.example]}", "origins[0]: expected a URL of characters that RFC 3986 allows"),
        ("{nonce: true}", "nonce: unknown field"),
    ] {
        assert_eq!(parse(text).unwrap_err(), [expected], "{text}");
    }
    let without_resource = parse_for_test("{}", |field, faults| Dpop::parse(&field, None, faults));
    assert_eq!(without_resource.unwrap_err().to_string(), "origins: required without metadata");
}
