//! `resourceServer.dpop`: tokens that only the holder of a key can use.

use serde_json::{Value, json};

use super::{Request, Row, Step, World, config, get, row};
use crate::issuer::{Algorithm, SigningKey, base64url};

const RESOURCE: &str = "https://api.example/orders";
const METADATA: &str =
    "metadata: {resource: 'https://api.example/orders', authorizationServers: ['https://issuer.example']}";
const COMMON: &str = "realm=\"api.example\", \
                      resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";
const ALGORITHMS: &str = "algs=\"ES256 EdDSA PS256\"";

/// A client: its key, and a number for its proofs.
struct Client<'w> {
    world: &'w World,
    key: SigningKey,
    name: &'static str,
}

pub(super) fn rows(world: &World) -> Vec<Row> {
    let client = Client { world, key: SigningKey::generate(Algorithm::ES256), name: "c" };
    vec![
        accepted(world, &client),
        row(
            "a bound token passes only with the scheme DPoP and a proof of its key",
            server(""),
            schemes(world, &client),
        ),
        row("every check of a proof", server(""), checks(world, &client)),
        row("with required, every token must be bound", server(", required: true"), required(&client)),
        row(
            "forwardToken: false removes the proof, too",
            format!("{}forwardToken: false\n", server("")),
            vec![client.request("hidden").passes_to("/p", &["authorization", "dpop"], &[])],
        ),
    ]
}

/// Proofs are accepted for 300 s, since the rows take a while on a live Envoy.
fn server(dpop: &str) -> String {
    config(&format!(
        "parameter: Authorization\nparameterLocation: header\n\
         resourceServer: {{{METADATA}, dpop: {{maxAgeSeconds: 300{dpop}}}}}\n"
    ))
}

impl Client<'_> {
    fn thumbprint(&self) -> String {
        let jwk = self.key.public_jwk(None, false);
        let names: &[&str] = match jwk["kty"].as_str() {
            Some("EC") => &["crv", "kty", "x", "y"],
            Some("OKP") => &["crv", "kty", "x"],
            _ => &["e", "kty", "n"],
        };
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":{}", jwk[*name])).collect();
        base64url(&hmac_sha256::Hash::hash(format!("{{{}}}", members.join(",")).as_bytes()))
    }

    /// A token that is bound to the key of the client.
    fn token(&self) -> String {
        self.world.token(&json!({"aud": RESOURCE, "cnf": {"jkt": self.thumbprint()}}))
    }

    /// A proof for `GET /p`, with these members of header and claims changed. `null` removes one.
    fn proof(&self, token: &str, id: &str, header: &Value, claims: &Value) -> String {
        let mut all_header = json!({
            "typ": "dpop+jwt", "alg": self.key.algorithm().name(), "jwk": self.key.public_jwk(None, false),
        });
        let mut all_claims = json!({
            "jti": format!("{}-{id}", self.name),
            "htm": "GET",
            "htu": "https://api.example/p",
            "iat": self.world.now,
            "ath": base64url(&hmac_sha256::Hash::hash(token.as_bytes())),
        });
        for (all, changed) in [(&mut all_header, header), (&mut all_claims, claims)] {
            for (name, value) in changed.as_object().into_iter().flatten() {
                if value.is_null() {
                    all.as_object_mut().unwrap().remove(name);
                } else {
                    all[name] = value.clone();
                }
            }
        }
        self.key.token_raw(all_header.to_string().as_bytes(), all_claims.to_string().as_bytes())
    }

    fn request_with(&self, proof: &str, token: &str) -> Request {
        get().header("authorization", format!("DPoP {token}")).header("dpop", proof)
    }

    fn request(&self, id: &str) -> Request {
        let token = self.token();
        self.request_with(&self.proof(&token, id, &json!({}), &json!({})), &token)
    }
}

/// The challenges when a client used the scheme DPoP, or its proof is wrong.
fn of_dpop(error: &str, description: &str) -> [String; 2] {
    [
        format!("DPoP {COMMON}, {ALGORITHMS}, error=\"{error}\", error_description=\"{description}\""),
        format!("Bearer {COMMON}"),
    ]
}

fn bad_proof(request: Request, reason: &str) -> Step {
    let challenges = of_dpop("invalid_dpop_proof", "The DPoP proof is missing or not valid");
    let challenges = challenges.each_ref().map(String::as_str);
    request.challenged(401, "A403DP", format!("Invalid DPoP proof: {reason}"), &challenges)
}

fn accepted(world: &World, client: &Client) -> Row {
    let of = |algorithm, name| {
        let client = Client { world, key: SigningKey::cached(algorithm), name };
        client.request("ok").passes()
    };
    let token = client.token();
    let with = |id: &str, claims: Value| client.request_with(&client.proof(&token, id, &json!({}), &claims), &token);
    let used = client.request_with(&client.proof(&token, "used", &json!({}), &json!({})), &token);
    row(
        "a proof is accepted once, by each key",
        server(""),
        vec![
            of(Algorithm::ES256, "es256"),
            of(Algorithm::EdDSA, "eddsa"),
            of(Algorithm::PS256, "ps256"),
            used.clone().passes(),
            bad_proof(used, "it was used before"),
            with("query", json!({"htu": "https://API.example:443/p?a=b#c"})).target("/p?x=y").passes(),
            with("percent", json!({"htu": "https://api.example/%70"})).passes(),
            with("past", json!({"iat": world.now - 100})).passes(),
            with("nonce", json!({"nonce": "ignored"})).passes(),
        ],
    )
}

fn schemes(world: &World, client: &Client) -> Vec<Step> {
    let bound = client.token();
    let unbound = world.token(&json!({"aud": RESOURCE}));
    let invalid = |description: &str| {
        [
            format!("Bearer {COMMON}, error=\"invalid_token\", error_description=\"{description}\""),
            format!("DPoP {COMMON}, {ALGORITHMS}"),
        ]
    };
    let downgraded = invalid("The token is not valid");
    let downgraded = downgraded.each_ref().map(String::as_str);
    let other = Client { world, key: SigningKey::generate(Algorithm::ES256), name: "other" };
    let wrong_key = of_dpop("invalid_token", "The token is not valid");
    let wrong_key = wrong_key.each_ref().map(String::as_str);
    let other_key = "Invalid JWT: claim cnf does not bind the token to the key of the proof";
    let proof = |token: &str, id: &str| client.proof(token, id, &json!({}), &json!({}));
    vec![
        get().header("authorization", format!("Bearer {unbound}")).passes(),
        get().header("authorization", format!("Bearer {bound}")).header("dpop", proof(&bound, "bearer")).challenged(
            401,
            "A403JT",
            "Invalid JWT: claim cnf binds the token to a key, which was not proved",
            &downgraded,
        ),
        client.request_with(&proof(&unbound, "unbound"), &unbound).challenged(401, "A403JT", other_key, &wrong_key),
        client
            .request_with(&other.proof(&bound, "stolen", &json!({}), &json!({})), &bound)
            .challenged(401, "A403JT", other_key, &wrong_key),
        get().challenged(
            401,
            "I400JR",
            "JWT required",
            &[&format!("Bearer {COMMON}"), &format!("DPoP {COMMON}, {ALGORITHMS}")],
        ),
    ]
}

fn checks(world: &World, client: &Client) -> Vec<Step> {
    let token = client.token();
    let changed =
        |header: Value, claims: Value| client.request_with(&client.proof(&token, "bad", &header, &claims), &token);
    let good = client.proof(&token, "twice", &json!({}), &json!({}));
    let private = client.key.private_jwk(None, false);
    let forged = SigningKey::generate(Algorithm::ES256);
    let forged = Client { world, key: forged, name: "forged" }.proof(
        &token,
        "forged",
        &json!({"jwk": client.key.public_jwk(None, false)}),
        &json!({}),
    );
    let claim = |name: &str, value: Value| {
        bad_proof(changed(json!({}), json!({name: value})), &format!("claim {name} is not that of this request"))
    };
    let mut steps = vec![
        bad_proof(get().header("authorization", format!("DPoP {token}")), "it is missing"),
        bad_proof(client.request_with("", &token), "it is missing"),
        bad_proof(client.request_with(&good, &token).header("dpop", &good), "more than one was sent"),
        bad_proof(client.request_with(&format!("{good},{good}"), &token), "more than one was sent"),
        bad_proof(client.request_with("a.b", &token), "it is not a JWT"),
        bad_proof(client.request_with(&format!("{good}{}", "A".repeat(8192)), &token), "it is not a JWT"),
        bad_proof(client.request_with(&forged, &token), "signature verification failed"),
    ];
    for media_type in [json!("JWT"), json!("at+jwt"), json!(null), json!(1)] {
        steps.push(bad_proof(changed(json!({"typ": media_type}), json!({})), "header typ is not dpop+jwt"));
    }
    for algorithm in [json!("none"), json!("HS256"), json!("ES384"), json!("RS256"), json!(null)] {
        steps.push(bad_proof(changed(json!({"alg": algorithm}), json!({})), "header alg is not allowed"));
    }
    steps.push(bad_proof(changed(json!({"crit": ["b64"], "b64": false}), json!({})), "header alg is not allowed"));
    for jwk in [private, json!(null), json!({}), json!("x"), json!({"kty": "oct", "k": "A".repeat(43)})] {
        steps.push(bad_proof(changed(json!({"jwk": jwk}), json!({})), "header jwk is not a public key for proofs"));
    }
    for (name, values) in [
        ("htm", vec![json!("POST"), json!("get"), json!(null), json!(["GET"])]),
        (
            "htu",
            vec![
                json!("https://api.example/q"),
                json!("https://api.example/p/"),
                json!("http://api.example/p"),
                json!("https://evil.example/p"),
                json!("https://test/p"),
                json!("/p"),
                json!(null),
            ],
        ),
        ("iat", vec![json!(world.now - 1000), json!(world.now + 1000), json!(null)]),
        ("ath", vec![json!("x"), json!(null), json!(base64url(&hmac_sha256::Hash::hash(b"another token")))]),
        ("jti", vec![json!(""), json!(null), json!(1), json!("j".repeat(1025))]),
    ] {
        steps.extend(values.into_iter().map(|value| claim(name, value)));
    }
    steps
}

fn required(client: &Client) -> Vec<Step> {
    let alone = |error: &str| format!("DPoP {COMMON}, {ALGORITHMS}{error}");
    let error = ", error=\"invalid_dpop_proof\", error_description=\"The DPoP proof is missing or not valid\"";
    let unbound = client.world.token(&json!({"aud": RESOURCE}));
    vec![
        client.request("required").passes(),
        get().challenged(401, "I400JR", "JWT required", &[&alone("")]),
        get().header("authorization", format!("Bearer {unbound}")).challenged(
            401,
            "A403DP",
            "Invalid DPoP proof: it is missing",
            &[&alone(error)],
        ),
    ]
}
