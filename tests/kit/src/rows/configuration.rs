//! With a configuration error, the filter rejects every request.

use crate::issuer::{Algorithm, SigningKey};
use serde_json::json;

use super::{Row, World, config, get, header_config, key, row};

/// The example from the page of the gateway, with its comments.
const PAGE_EXAMPLE: &str = include_str!("page-example.yaml");

pub(super) fn rows(world: &World) -> Vec<Row> {
    let token = world.token(&json!({}));
    let misconfigured = |name: &str, config: String, errors: &str| {
        let message = format!("Invalid JWT plugin config: {errors}");
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
            "the page's example works unchanged",
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
            "the page's sample private key makes valid tokens",
            format!("parameter: X-Token\njwk: {}", sample.public_jwk(Some("myJwtKey"), true)),
            vec![get().token(sample.token(Some("myJwtKey"), &world.claims(&json!({})))).passes()],
        ),
        row(
            "JSON is read like YAML",
            json!({"parameter": "X-Token", "jwk": key().public_jwk(Some("k1"), true), "clockSkewSeconds": 30.0})
                .to_string(),
            vec![get().token(&token).passes(), get().rejected("I400JR", "JWT required")],
        ),
        misconfigured(
            "a misspelled field is a configuration error",
            header_config("preventJtiReply: true"),
            "preventJtiReply: unknown field, did you mean preventJtiReplay?",
        ),
        misconfigured(
            "the error for a URL instead of keys says what to paste",
            "parameter: t\njwks: https://issuer.example/jwks.json".to_owned(),
            "jwks: expected a list, found a URL: to fetch keys, use remoteJwks",
        ),
        misconfigured(
            "all configuration errors are reported at once",
            config("parameterLocation: body\nbypassEmptyToken: 'yes'\nclockSkewSeconds: -1"),
            "parameter: required; parameterLocation: expected header, query or cookie; \
             bypassEmptyToken: expected true or false; clockSkewSeconds: expected a whole number from 0 to 3600",
        ),
        misconfigured(
            "no request passes, also with bypassEmptyToken",
            header_config("bypassEmptyToken: true\nx: 1"),
            "x: unknown field",
        ),
        misconfigured("a long list of errors is cut to fit a header", header_config(&many), &format!("{all}...")),
        misconfigured(
            "an empty configuration is an error",
            String::new(),
            "expected a plugin configuration, found nothing",
        ),
        misconfigured(
            "a configuration without a key is an error",
            "parameter: t".to_owned(),
            "jwk: expected a key here, in jwks or from remoteJwks, found none",
        ),
        misconfigured(
            "a private key in the configuration is an error",
            format!("parameter: t\njwk: {}", SigningKey::cached(Algorithm::ES256).private_jwk(None, true)),
            "jwk.d: expected a public key, found a private or secret part",
        ),
        misconfigured(
            "an engine without replay protection is an error, and so is one that is not known",
            header_config("jtiStore: {kind: memcached, cluster: c, password: p}"),
            "jtiStore: expected preventJtiReplay: true beside it, or dpop in resourceServer; jtiStore.kind: expected etcd or redis; \
             jtiStore.password: unknown field",
        ),
        misconfigured(
            "a cold start without a longest lifetime would never end",
            header_config("preventJtiReplay: true\nreplayColdStart: refuse\nmaxTokenLifetimeSeconds: 0"),
            "replayColdStart: expected maxTokenLifetimeSeconds to be more than 0",
        ),
        misconfigured(
            "replay protection needs exp",
            header_config("preventJtiReplay: true\nignoreExpirationCheck: true"),
            "preventJtiReplay: expected false with ignoreExpirationCheck: \
             a used jti can be forgotten only once its token is expired",
        ),
        misconfigured(
            "maxBytes is at most the budget of all caches of a VM",
            header_config("bypassEmptyToken: true\ntokenCache: {maxBytes: 67108865}"),
            "tokenCache.maxBytes: expected a whole number from 0 to 67108864",
        ),
        row(
            "maxBytes may be the whole budget of all caches of a VM",
            header_config("tokenCache: {maxBytes: 67108864}"),
            vec![get().token(&token).passes(), get().rejected("I400JR", "JWT required")],
        ),
        misconfigured(
            "a document with too many levels is a configuration error",
            header_config(&format!("bypassEmptyToken: true\nx: {}", "{a: ".repeat(50_000))),
            "expected at most 64 levels",
        ),
        misconfigured(
            "aliases that expand too much are a configuration error",
            header_config(&format!("bypassEmptyToken: true\nx: [&a {}, {}]", "x".repeat(3000), "*a,".repeat(30_000))),
            "expected one YAML document: x[1390]: expected at most 4194304 bytes of values, \
             aliases expanded at line 5 column 5",
        ),
        misconfigured(
            "names from a configuration are escaped",
            header_config("\"a\\r\\nset-cookie: <b>\": 1"),
            r"a\x0d\x0aset-cookie: \x3cb\x3e: unknown field",
        ),
    ]
}
