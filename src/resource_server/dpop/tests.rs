use super::*;
use crate::document::parse_for_test;
use crate::numeric_date::NumericDate;
use crate::rejection::ProofError;
use crate::request::Request;
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

/// The access token and the thumbprint of the key of RFC 9449, figures 6 and 9.
const RFC_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const RFC_THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

/// The header of both proofs of RFC 9449, figure 4.
const RFC_HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo\
                          UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW\
                          clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";

/// A request to a protected resource: RFC 9449, figure 13.
const RFC_REQUEST: [&str; 2] = [
    "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZ\
     XNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9",
    "2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
];

/// A request to a token endpoint: RFC 9449, figure 2.
const RFC_TOKEN_REQUEST: [&str; 2] = [
    "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0I\
     joxNTYyMjYyNjE2fQ",
    "2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
];

/// What the proofs of RFC 9449 are verified with.
#[derive(Clone, Copy)]
struct RfcCase<'a> {
    proof: [&'a str; 2],
    method: &'a str,
    origin: &'a str,
    path: &'a str,
    token: &'a str,
    now: f64,
}

const RFC_CASE: RfcCase = RfcCase {
    proof: RFC_REQUEST,
    method: "GET",
    origin: "https://resource.example.org",
    path: "/protectedresource",
    token: RFC_TOKEN,
    now: 1_562_262_618.0,
};

impl RfcCase<'_> {
    fn verify(self) -> Result<Proof, ProofError> {
        let dpop = parse(&format!("{{origins: ['{}']}}", self.origin)).unwrap();
        let proof = [RFC_HEADER, self.proof[0], self.proof[1]].join(".");
        let headers = [(":method", self.method), (":path", self.path), ("dpop", proof.as_str())];
        let headers = headers.map(|(name, value)| (name, value.as_bytes()));
        let now = NumericDate::from_unix_seconds(self.now);
        dpop.rules.verify(Request::new(&headers), Some(self.token.as_bytes()), now, None)
    }
}

/// [RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1)
#[test]
fn the_proof_of_rfc_9449_for_a_resource_is_valid_for_its_request_only() {
    let proof = RFC_CASE.verify().unwrap();
    assert_eq!(proof.thumbprint(), RFC_THUMBPRINT);
    assert_eq!(
        proof.identity(),
        format!("{RFC_THUMBPRINT}\nhttps://resource.example.org/protectedresource\ne1j3V_bKic8-LAEB")
    );
    assert_eq!(proof.issued_at(), NumericDate::from_unix_seconds(1_562_262_618.0));
    let [claims, signature] = RFC_REQUEST;
    let forged = signature.replace("2oW9", "2oX9");
    let claim = ProofError::Claim;
    for (case, expected) in [
        (RfcCase { now: RFC_CASE.now + 60.0, ..RFC_CASE }, None),
        (RfcCase { now: RFC_CASE.now + 61.0, ..RFC_CASE }, Some(claim("iat"))),
        (RfcCase { now: RFC_CASE.now - 5.0, ..RFC_CASE }, None),
        (RfcCase { now: RFC_CASE.now - 6.0, ..RFC_CASE }, Some(claim("iat"))),
        (RfcCase { path: "/protectedresource?a=b", ..RFC_CASE }, None),
        (RfcCase { path: "/protectedresource/", ..RFC_CASE }, Some(claim("htu"))),
        (RfcCase { origin: "https://resource.example.com", ..RFC_CASE }, Some(claim("htu"))),
        (RfcCase { method: "POST", ..RFC_CASE }, Some(claim("htm"))),
        (RfcCase { token: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxu", ..RFC_CASE }, Some(claim("ath"))),
        (RfcCase { proof: [claims, &forged], ..RFC_CASE }, Some(ProofError::Signature)),
        (RfcCase { proof: [RFC_TOKEN_REQUEST[0], signature], ..RFC_CASE }, Some(ProofError::Signature)),
    ] {
        assert_eq!(case.verify().err(), expected, "{} {} {}", case.method, case.path, case.now);
    }
}

/// [RFC 9449 §4.3](https://www.rfc-editor.org/rfc/rfc9449#section-4.3), 12. All its other claims are valid.
#[test]
fn the_proof_of_rfc_9449_for_a_token_endpoint_has_no_ath_and_is_not_valid_for_a_resource() {
    let case = RfcCase {
        proof: RFC_TOKEN_REQUEST,
        method: "POST",
        origin: "https://server.example.com",
        path: "/token",
        now: 1_562_262_616.0,
        ..RFC_CASE
    };
    assert_eq!(case.verify(), Err(ProofError::Claim("ath")));
    let forged = [RFC_TOKEN_REQUEST[0], RFC_REQUEST[1]];
    assert_eq!(RfcCase { proof: forged, ..case }.verify(), Err(ProofError::Signature));
}
