//! A configuration with faults rejects every request.

use crate::issuer::{Algorithm, SigningKey};
use serde_json::json;

use super::{Row, World, config, get, header_config, key, row};

/// The gateway's own example, comments and all.
const PAGE_EXAMPLE: &str = include_str!("page-example.yaml");

pub(super) fn rows(world: &World) -> Vec<Row> {
    let token = world.token(&json!({}));
    let faulty = |name: &str, config: String, faults: &str| {
        let message = format!("Invalid JWT plugin config: {faults}");
        let steps = vec![
            get().rejected("I400JP", message.clone()),
            get().token(&token).rejected("I400JP", message.clone()),
            get().token("junk").rejected("I400JP", message),
        ];
        row(name, config, steps)
    };
    let sample = SigningKey::sample_private_key();
    let many = (0..40).map(|number| format!("field{number}: 1\n")).collect::<String>();
    let mut all = (0..40).map(|number| format!("field{number}: unknown field")).collect::<Vec<_>>().join("; ");
    all.truncate(512);
    vec![
        row(
            "the page's own example works as it stands",
            PAGE_EXAMPLE,
            vec![
                get().rejected("I400JR", "JWT required"),
                get()
                    .token(sample.token(Some("uniq_key"), &world.claims(&json!({}))))
                    .invalid("signature verification failed"),
                get()
                    .token(sample.token(Some("myJwtKey"), &world.claims(&json!({}))))
                    .rejected("A403JK", "No matching JWK, kid:myJwtKey not found"),
            ],
        ),
        row(
            "the page's sample private key makes good tokens",
            format!("parameter: X-Token\njwk: {}", sample.public_jwk(Some("myJwtKey"), true)),
            vec![get().token(sample.token(Some("myJwtKey"), &world.claims(&json!({})))).passes()],
        ),
        row(
            "JSON is read as YAML is",
            json!({"parameter": "X-Token", "jwk": key().public_jwk(Some("k1"), true), "clockSkewSeconds": 30.0})
                .to_string(),
            vec![get().token(&token).passes(), get().rejected("I400JR", "JWT required")],
        ),
        faulty(
            "a misspelt field must not pass for a left-out one",
            header_config("preventJtiReply: true"),
            "preventJtiReply: unknown field, did you mean preventJtiReplay?",
        ),
        faulty(
            "a URL in place of keys says what to paste",
            "parameter: t\njwks: https://issuer.example/jwks.json".to_owned(),
            "jwks: expected a list, found a URL: keys are not fetched; paste the JWK set that is there",
        ),
        faulty(
            "all faults are told at once",
            config("parameterLocation: body\nbypassEmptyToken: 'yes'\nclockSkewSeconds: -1"),
            "parameter: required; parameterLocation: expected header, query or cookie; \
             bypassEmptyToken: expected true or false; clockSkewSeconds: expected a whole number from 0 to 3600",
        ),
        faulty(
            "a document with bypassEmptyToken lets nothing by either",
            header_config("bypassEmptyToken: true\nx: 1"),
            "x: unknown field",
        ),
        faulty("a long list of faults is cut to fit a header", header_config(&many), &format!("{all}...")),
        faulty("an empty configuration is a fault", String::new(), "expected a plugin configuration, found nothing"),
        faulty(
            "a configuration without a key is a fault",
            "parameter: t".to_owned(),
            "jwk: expected a key here or in jwks, found neither",
        ),
        faulty(
            "a private key in the configuration is a fault",
            format!("parameter: t\njwk: {}", SigningKey::cached(Algorithm::ES256).private_jwk(None, true)),
            "jwk.d: expected a public key, found a private or secret part",
        ),
        faulty(
            "replay protection needs exp",
            header_config("preventJtiReplay: true\nignoreExpirationCheck: true"),
            "preventJtiReplay: expected false with ignoreExpirationCheck: \
             a used jti can be forgotten only once its token is expired",
        ),
        faulty(
            "a cache takes no more than all caches of a VM may",
            header_config("bypassEmptyToken: true\ntokenCache: {maxBytes: 67108865}"),
            "tokenCache.maxBytes: expected a whole number from 0 to 67108864",
        ),
        row(
            "a cache may take all that the caches of a VM may",
            header_config("tokenCache: {maxBytes: 67108864}"),
            vec![get().token(&token).passes(), get().rejected("I400JR", "JWT required")],
        ),
        faulty(
            "a document that nests too deep is not read",
            header_config(&format!("bypassEmptyToken: true\nx: {}", "{a: ".repeat(50_000))),
            "expected at most 64 levels",
        ),
        faulty(
            "aliases that expand to too much are not read",
            header_config(&format!("bypassEmptyToken: true\nx: [&a {}, {}]", "x".repeat(3000), "*a,".repeat(30_000))),
            "expected one YAML document: x[1390]: expected at most 4194304 bytes of values, \
             aliases expanded at line 5 column 5",
        ),
        faulty(
            "names from a configuration are escaped",
            header_config("\"a\\r\\nset-cookie: <b>\": 1"),
            r"a\x0d\x0aset-cookie: \x3cb\x3e: unknown field",
        ),
    ]
}
