use super::*;

#[test]
fn every_rejection_has_its_status_code_and_message() {
    let kid = Excerpt::new(b"k\r\n1", 64);
    for (rejection, status, code, grpc_status, message) in [
        (Rejection::TokenMissing, 400, "I400JR", 16, "JWT required"),
        (Rejection::JtiMissing, 403, "S403JI", 7, "Claim jti is required when preventJtiReplay:true"),
        (Rejection::JtiUsed, 403, "S403JU", 7, "Claim jti in JWT is used"),
        (Rejection::Invalid(Invalid::Signature), 403, "A403JT", 7, "Invalid JWT: signature verification failed"),
        (
            Rejection::Malformed { token: Excerpt::new(b"abc\n", 3) },
            400,
            "I400JD",
            16,
            "JWT Deserialize Failed: abc...",
        ),
        (Rejection::NoMatchingKey { kid: Some(kid) }, 403, "A403JK", 7, r"No matching JWK, kid:k\x0d\x0a1 not found"),
        (Rejection::NoMatchingKey { kid: None }, 403, "A403JK", 7, "No matching JWK, kid:(none) not found"),
        (
            Rejection::Expired { at: NumericDate::from_unix_seconds(1_300_819_380.0) },
            403,
            "A403JE",
            7,
            "JWT is expired at 2011-03-22T18:43:00Z",
        ),
        (
            Rejection::Misconfigured { faults: Excerpt::new(b"parameter: missing", 512) },
            400,
            "I400JP",
            13,
            "Invalid JWT plugin config: parameter: missing",
        ),
        (
            Rejection::ClaimNotAccepted { name: Excerpt::new(b"realm_access.roles", 64) },
            403,
            "A403JC",
            7,
            "Claim realm_access.roles is not accepted",
        ),
        (Rejection::ReplayStoreFull, 503, "S503JF", 14, "Replay store is full, try again later"),
        (Rejection::EngineUnavailable, 503, "S503JS", 14, "Replay store is not available"),
        (Rejection::KeysUnavailable, 503, "S503JW", 14, "JWK set is not available"),
        (
            Rejection::OpaqueForm,
            415,
            "I415FD",
            3,
            "Form can't be read: send it as application/x-www-form-urlencoded without content-encoding",
        ),
        (Rejection::FormTooLarge { limit: 1024 }, 413, "I413FD", 8, "Form is larger than 1024 bytes"),
        (Rejection::HostFailure, 503, "S503HF", 14, "The proxy failed a host call"),
    ] {
        assert_eq!(
            (rejection.status(), rejection.code(), rejection.grpc_status(), rejection.message().as_str()),
            (status, code, grpc_status, message)
        );
        assert!(Rejection::CODES.contains(&code));
    }
}

#[test]
fn the_body_is_a_line_of_json_with_the_same_code_and_message_as_the_headers() {
    let rejection = Rejection::NoMatchingKey { kid: Some(Excerpt::new(b"\"\\", 64)) };
    let body: serde_json::Value = serde_json::from_str(&rejection.body()).unwrap();
    assert_eq!(body, serde_json::json!({"code": "A403JK", "message": rejection.message()}));
    assert_eq!(Rejection::TokenMissing.body(), "{\"code\":\"I400JR\",\"message\":\"JWT required\"}\n");
}
