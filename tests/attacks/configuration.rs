//! T15 and T16: configurations with errors. No request passes, whatever the error is.

use kit::bootstrap::{Configuration, Listener};
use kit::envoy;
use kit::issuer::{Algorithm, SigningKey};
use kit::proxy::{filter, now};
use kit::rows::{Row, World, config, get, header_config, key, row};
use serde_json::{Value, json};

use crate::arena::Arena;

attacks! {
    t15_key_sets_without_keys_or_with_a_bad_one: CHOSEN, key_sets_without_keys_or_with_a_bad_one;
    t16_unknown_fields_wrong_types_and_empty_lists: CHOSEN, unknown_fields_wrong_types_and_empty_lists;
    t16_targets_that_are_invalid_or_duplicate: CHOSEN, targets_that_are_invalid_or_duplicate;
}

fn closed(name: &str, config: String, errors: &str, world: &World) -> Row {
    let message = format!("Invalid JWT plugin config: {errors}");
    let sample = SigningKey::sample_private_key().token(Some("uniq_key"), &world.claims(&json!({})));
    let steps = [get(), get().token(world.token(&json!({}))), get().token(sample), get().token("junk")]
        .into_iter()
        .chain([kit::rows::Request { method: "OPTIONS", ..get() }])
        .map(|request| request.rejected("I400JP", message.clone()))
        .collect();
    row(name, config, steps)
}

/// CVE-2026-31837: there is no default key when none is configured, and a malformed key is not skipped silently.
fn key_sets_without_keys_or_with_a_bad_one(world: &World) -> Vec<Row> {
    let good = key().public_jwk(Some("k1"), true);
    let rsa = SigningKey::cached(Algorithm::RS256).public_jwk(Some("k2"), true);
    let with = |members: Value| {
        let mut jwk = good.clone();
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let rsa_with = |name: &str, value: Value| {
        let mut jwk = rsa.clone();
        jwk[name] = value;
        jwk
    };
    let none = "jwk: expected a key here, in jwks or from remoteJwks, found none";
    let list = |keys: Value| format!("jwks: {keys}");
    let unfit = |reason: &str| format!("jwks: expected at least one key for verifying signatures; {reason}");
    let cases = [
        ("nothing", String::new(), none.to_owned()),
        ("empty list", list(json!([])), "jwks: expected at least one key".to_owned()),
        ("empty set", list(json!({"keys": []})), "jwks.keys: expected at least one key".to_owned()),
        ("no set", list(json!({})), "jwks.keys: required".to_owned()),
        ("an error instead of a set", list(json!({"error": "not found"})), "jwks.keys: required".to_owned()),
        ("null", list(Value::Null), "jwks: expected a list".to_owned()),
        (
            "an address",
            list(json!("https://idp.example/jwks.json")),
            "jwks: expected a list, found a URL: to fetch keys, use remoteJwks".to_owned(),
        ),
        ("a set as a string", list(json!(json!({"keys": [good]}).to_string())), "jwks: expected a list".to_owned()),
        ("a key instead of a list", list(good.clone()), "jwks.keys: required".to_owned()),
        ("keys is null", list(json!({"keys": null})), "jwks.keys: expected a list".to_owned()),
        ("a list in a list", list(json!([[good]])), "jwks[0]: expected a map of fields".to_owned()),
        ("null among keys", list(json!([good, null])), "jwks[1]: expected a map of fields".to_owned()),
        ("an empty key", list(json!([good, {}])), "jwks[1].kty: required".to_owned()),
        (
            "an unknown type",
            list(json!([{"kty": "AKP", "kid": "pq"}])),
            unfit("jwks[0].kty: expected RSA, EC, OKP or oct"),
        ),
        (
            "type in lower case",
            list(json!([with(json!({"kty": "ec"}))])),
            unfit("jwks[0].kty: expected RSA, EC, OKP or oct"),
        ),
        (
            "another curve",
            list(json!([with(json!({"crv": "P-192"}))])),
            unfit("jwks[0].crv: expected P-256, P-384, P-521 or secp256k1"),
        ),
        (
            "a longer curve",
            list(json!([with(json!({"crv": "P-521"}))])),
            "jwks[0].x: expected x and y to be a point of the curve".to_owned(),
        ),
        ("for encryption", list(json!([with(json!({"use": "enc"}))])), unfit("jwks[0].use: expected sig")),
        (
            "for signing",
            list(json!([with(json!({"key_ops": ["sign"]}))])),
            unfit("jwks[0].key_ops: expected a list with verify"),
        ),
        (
            "for nothing",
            list(json!([with(json!({"key_ops": []}))])),
            unfit("jwks[0].key_ops: expected a list with verify"),
        ),
        ("kid is a number", list(json!([with(json!({"kid": 1}))])), "jwks[0].kid: expected a string".to_owned()),
        (
            "empty kid",
            list(json!([with(json!({"kid": ""}))])),
            "jwks[0].kid: expected a string that is not empty".to_owned(),
        ),
        (
            "alg is of another family",
            list(json!([with(json!({"alg": "RS256"}))])),
            unfit("jwks[0].alg: expected what fits this key: ES256"),
        ),
        (
            "alg none",
            list(json!([with(json!({"alg": "none"}))])),
            unfit("jwks[0].alg: expected what fits this key: ES256"),
        ),
        ("alg is null", list(json!([with(json!({"alg": null}))])), "jwks[0].alg: expected a string".to_owned()),
        (
            "RSA for HMAC",
            list(json!([rsa_with("alg", json!("HS256"))])),
            unfit("jwks[0].alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"),
        ),
        (
            "two keys for other uses",
            format!("jwks: {}", json!({"keys": [with(json!({"use": "enc"})), rsa_with("alg", json!("RSA-OAEP"))]})),
            "jwks.keys: expected at least one key for verifying signatures; jwks.keys[0].use: expected sig; \
             jwks.keys[1].alg: expected what fits this key: RS256, RS384, RS512, PS256, PS384, PS512"
                .to_owned(),
        ),
        (
            "a private key for encryption",
            list(json!([good, with(json!({"use": "enc", "kid": "k2", "d": "AA"}))])),
            "jwks[1].d: expected a public key, found a private or secret part".to_owned(),
        ),
        (
            "use is a number",
            list(json!([good, with(json!({"use": 5, "kid": "k2"}))])),
            "jwks[1].use: expected a string".to_owned(),
        ),
        (
            "a weak key beside a valid one",
            list(json!([good, rsa_with("n", json!("AQAB"))])),
            "jwks[1].n: expected a modulus of 2048 to 4096 bits".to_owned(),
        ),
        (
            "padded modulus",
            list(json!([rsa_with("n", json!(format!("{}=", rsa["n"].as_str().unwrap())))])),
            "jwks[0].n: expected base64url without padding".to_owned(),
        ),
        ("remote keys", format!("jwk: {good}\njwksUri: https://idp.example/"), "jwksUri: unknown field".to_owned()),
    ];
    cases
        .into_iter()
        .map(|(name, lines, error)| {
            closed(name, format!("parameter: X-Token\nbypassEmptyToken: true\n{lines}"), &error, world)
        })
        .collect()
}

/// H8: the filter never logs a warning and uses the rest of a configuration with errors.
fn unknown_fields_wrong_types_and_empty_lists(world: &World) -> Vec<Row> {
    let lines = [
        ("preventJtiReply: true", "preventJtiReply: unknown field, did you mean preventJtiReplay?"),
        ("PreventJtiReplay: true", "PreventJtiReplay: unknown field, did you mean preventJtiReplay?"),
        ("\"bypassEmptyToken \": true", "bypassEmptyToken : unknown field, did you mean bypassEmptyToken?"),
        ("allow_missing: true", "allow_missing: unknown field"),
        ("preventJtiReplay: 'true'", "preventJtiReplay: expected true or false"),
        ("preventJtiReplay: yes", "preventJtiReplay: expected true or false"),
        ("preventJtiReplay: 1", "preventJtiReplay: expected true or false"),
        ("preventJtiReplay:", "preventJtiReplay: expected true or false"),
        ("bypassEmptyToken: [true]", "bypassEmptyToken: expected true or false"),
        ("ignoreExpirationCheck: null", "ignoreExpirationCheck: expected true or false"),
        ("forwardToken: {}", "forwardToken: expected true or false"),
        ("clockSkewSeconds: -1", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: 3601", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: 1.5", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: .inf", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: .nan", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("clockSkewSeconds: '30'", "clockSkewSeconds: expected a whole number from 0 to 3600"),
        ("maxTokenLifetimeSeconds: -1", "maxTokenLifetimeSeconds: expected a whole number from 0 to 4294967295"),
        ("maxTokenLifetimeSeconds: 1e300", "maxTokenLifetimeSeconds: expected a whole number from 0 to 4294967295"),
        ("maxTrackedJtis: 0", "maxTrackedJtis: expected a whole number from 1 to 10000000"),
        ("issuer: []", "issuer: expected at least one element"),
        ("issuer: ''", "issuer: expected a string that is not empty"),
        ("issuer: [me, '']", "issuer[1]: expected a string that is not empty"),
        ("issuer: null", "issuer: expected a string"),
        ("issuer: 5", "issuer: expected a string"),
        ("audiences: []", "audiences: expected at least one element"),
        ("audiences: me", "audiences: expected a list"),
        ("audiences: [1]", "audiences[0]: expected a string"),
        ("audiences: null", "audiences: expected a list"),
        ("claimParameters: null", "claimParameters: expected a list"),
        ("claimParameters: {a: b}", "claimParameters: expected a list"),
        ("claimParameters: [X-User]", "claimParameters[0]: expected a map of fields"),
        ("tokenCache: {maxEntry: 1}", "tokenCache.maxEntry: unknown field, did you mean maxEntries?"),
        ("tokenCache: 5", "tokenCache: expected a map of fields"),
        ("5: a", "expected a map of fields"),
    ];
    lines.into_iter().map(|(line, error)| closed(line, header_config(&format!("{line}\n")), error, world)).collect()
}

fn targets_that_are_invalid_or_duplicate(world: &World) -> Vec<Row> {
    let twice = "claimParameters[1].parameterName: expected a target that no other claim has";
    let mapping = |claim: &str, parameter: &str, location: &str| json!({"claimName": claim, "parameterName": parameter, "location": location});
    let two =
        |one: &str, other: &str, location: &str| json!([mapping("a", one, location), mapping("b", other, location)]);
    let cases = [
        (two("X-User", "X-User", "header"), twice),
        (two("X-User", "x-user", "header"), twice),
        (two("X-User-Id", "x_user_id", "header"), twice),
        (two("X_User-Id", "X-USER_ID", "header"), twice),
        (two("uid", "uid", "query"), twice),
        (two("uid", "uid", "formData"), twice),
        (json!([mapping("a", "x", "body")]), "claimParameters[0].location: expected header, query, path or formData"),
        (json!([mapping("a", "x", "Header")]), "claimParameters[0].location: expected header, query, path or formData"),
        (json!([mapping("a", "x", "cookie")]), "claimParameters[0].location: expected header, query, path or formData"),
        (json!([mapping("", "x", "header")]), "claimParameters[0].claimName: expected a string that is not empty"),
        (json!([mapping("a", "", "query")]), "claimParameters[0].parameterName: expected a string that is not empty"),
        (json!([{"claimName": "a", "parameterName": "x"}]), "claimParameters[0].location: required"),
        (
            json!([{"claimName": "a", "parameterName": "x", "location": "header", "override": false}]),
            "claimParameters[0].override: unknown field",
        ),
        (
            json!([{"claimName": 1, "parameterName": "x", "location": "query"}]),
            "claimParameters[0].claimName: expected a string",
        ),
    ];
    let mut rows: Vec<_> = cases
        .into_iter()
        .map(|(targets, error)| {
            let lines = format!("bypassEmptyToken: true\nclaimParameters: {targets}");
            closed(&targets.to_string(), header_config(&lines), error, world)
        })
        .collect();
    let places = ("parameterLocation: [header]", "parameterLocation: expected a string");
    for (lines, error) in [
        ("parameter: ''", "parameter: expected a string that is not empty"),
        ("parameter: 5", "parameter: expected a string"),
        ("parameter: null", "parameter: expected a string"),
        (
            "parameter: ':path'\nparameterLocation: header",
            "parameter: expected a name of letters, digits and !#$%\\x26'*+-.^_`|~",
        ),
        ("parameter: t\nparameterLocation: Header", "parameterLocation: expected header, query or cookie"),
        ("parameter: t\nparameterLocation: formData", "parameterLocation: expected header, query or cookie"),
        (&format!("parameter: t\n{}", places.0), places.1),
    ] {
        rows.push(closed(lines, config(&format!("bypassEmptyToken: true\n{lines}")), error, world));
    }
    rows
}

/// Text that is not a YAML document. Only the code is checked: the message comes from the YAML library.
#[test]
fn t16_documents_that_can_not_be_read() {
    let good = header_config("bypassEmptyToken: true");
    let documents = [
        String::new(),
        " \n".to_owned(),
        "---".to_owned(),
        "# only a comment".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "true".to_owned(),
        "a: b: c".to_owned(),
        "{".to_owned(),
        "\t".to_owned(),
        "- a".to_owned(),
        format!("{good}preventJtiReplay: false\npreventJtiReplay: true\n"),
        format!("{good}---\n{good}"),
        format!("{good}issuer: *nowhere\n"),
        format!(
            "{good}a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
        ),
        format!("{good}issuer: {}{}\n", "[".repeat(2000), "]".repeat(2000)),
        format!("{good}<<: {{bypassEmptyToken: true}}\n"),
    ];
    for binary in envoy::binaries() {
        let listeners = documents.iter().enumerate().map(|(index, document)| {
            Listener::new(&format!("d{index}"), vec![filter(Configuration::Text(document.clone()), None)])
        });
        let arena = Arena::start(&binary, listeners.collect());
        let token = World { now: now() }.token(&json!({}));
        for (index, document) in documents.iter().enumerate() {
            let mut lane = arena.lane(&format!("d{index}"));
            for request in [get(), get().token(&token), get().token("junk")] {
                let response = lane.send(&request);
                let code = response.header("x-ca-error-code").map(|code| String::from_utf8_lossy(code).into_owned());
                let found = (response.status, code.as_deref(), arena.proxy.upstream.requests());
                assert_eq!(found, (400, Some("I400JP"), 0), "{document}");
            }
        }
        arena.proxy.report(&arena.harm([token.as_bytes()].into_iter()));
    }
}
