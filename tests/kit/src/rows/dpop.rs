//! `resourceServer.dpop`: tokens that only the holder of a key can use.

use serde_json::{Value, json};

use super::{Request, Row, Step, World, config, get, row};
use crate::dpop::{Client, get_with_proof};
use crate::issuer::{Algorithm, SigningKey, base64url};

/// The resource of [`server`].
pub const RESOURCE: &str = "https://api.example/orders";
const METADATA: &str =
    "metadata: {resource: 'https://api.example/orders', authorizationServers: ['https://issuer.example']}";
const COMMON: &str = "realm=\"api.example\", \
                      resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";
const ALGORITHMS: &str = "algs=\"ES256 EdDSA PS256\"";

pub(super) fn rows(world: &World) -> Vec<Row> {
    let client = Client::new(SigningKey::generate(Algorithm::ES256), world.now);
    vec![
        accepted(world, &client),
        row(
            "a bound token passes only with the scheme DPoP and a proof of its key",
            server("", ""),
            schemes(world, &client),
        ),
        row("every check of a proof", server("", ""), checks(world, &client)),
        row("with required, every token must be bound", server("required: true", ""), required(world, &client)),
        row(
            "forwardToken: false removes the proof, too",
            server("", "forwardToken: false"),
            vec![request(world, &client).passes_to("/p", &["authorization", "dpop"], &[])],
        ),
    ]
}

/// A resource server at `https://api.example`, with these members of `dpop` and these lines.
///
/// Proofs are accepted for 300 s, since the rows take a while on a live Envoy.
pub fn server(dpop: &str, lines: &str) -> String {
    config(&format!(
        "parameter: Authorization\nparameterLocation: header\n\
         resourceServer: {{{METADATA}, dpop: {{maxAgeSeconds: 300, {dpop}}}}}\n{lines}"
    ))
}

/// A token that is bound to the key of the client.
pub fn bound_token(world: &World, client: &Client) -> String {
    world.token(&json!({"aud": RESOURCE, "cnf": {"jkt": client.thumbprint()}}))
}

/// Expects that the proof of a request is rejected for this reason.
pub fn bad_proof(request: Request, reason: &str) -> Step {
    let challenges = of_dpop("invalid_dpop_proof", "The DPoP proof is missing or not valid");
    let challenges = challenges.each_ref().map(String::as_str);
    request.challenged(401, "A403DP", format!("Invalid DPoP proof: {reason}"), &challenges)
}

/// Expects that a token is rejected because it is not bound to the key of the proof.
pub fn other_key(request: Request) -> Step {
    let challenges = of_dpop("invalid_token", "The token is not valid");
    let challenges = challenges.each_ref().map(String::as_str);
    let message = "Invalid JWT: claim cnf does not bind the token to the key of the proof";
    request.challenged(401, "A403JT", message, &challenges)
}

/// Expects that a bound token is rejected because it came with the scheme `Bearer`.
pub fn downgraded(request: Request) -> Step {
    let message = "Invalid JWT: claim cnf binds the token to a key, which was not proved";
    let bearer = format!("Bearer {COMMON}, error=\"invalid_token\", error_description=\"The token is not valid\"");
    request.challenged(401, "A403JT", message, &[&bearer, &format!("DPoP {COMMON}, {ALGORITHMS}")])
}

/// The challenges when a client used the scheme DPoP, or its proof is wrong.
fn of_dpop(error: &str, description: &str) -> [String; 2] {
    [
        format!("DPoP {COMMON}, {ALGORITHMS}, error=\"{error}\", error_description=\"{description}\""),
        format!("Bearer {COMMON}"),
    ]
}

/// A request with a bound token and its proof.
fn request(world: &World, client: &Client) -> Request {
    let token = bound_token(world, client);
    get_with_proof(&token, client.proof(&token).sign())
}

fn accepted(world: &World, client: &Client) -> Row {
    let of = |algorithm| request(world, &Client::new(SigningKey::cached(algorithm), world.now)).passes();
    let token = bound_token(world, client);
    let with = |name: &str, value: Value| get_with_proof(&token, client.proof(&token).claim(name, value).sign());
    let used = request(world, client);
    row(
        "a proof is accepted once, by each key",
        server("", ""),
        vec![
            of(Algorithm::ES256),
            of(Algorithm::EdDSA),
            of(Algorithm::PS256),
            used.clone().passes(),
            bad_proof(used, "it was used before"),
            with("htu", json!("https://API.example:443/p?a=b#c")).target("/p?x=y").passes(),
            with("htu", json!("https://api.example/%70")).passes(),
            with("iat", json!(world.now - 100)).passes(),
            with("nonce", json!("ignored")).passes(),
            // By now the token is in the token cache.
            bad_proof(with("htm", json!("POST")), "claim htm is not that of this request"),
            bad_proof(get().header("authorization", format!("DPoP {token}")), "it is missing"),
            downgraded(get().header("authorization", format!("Bearer {token}"))),
        ],
    )
}

fn schemes(world: &World, client: &Client) -> Vec<Step> {
    let bound = bound_token(world, client);
    let unbound = world.token(&json!({"aud": RESOURCE}));
    let other = Client::new(SigningKey::generate(Algorithm::ES256), world.now);
    vec![
        get().header("authorization", format!("Bearer {unbound}")).passes(),
        downgraded(
            get().header("authorization", format!("Bearer {bound}")).header("dpop", client.proof(&bound).sign()),
        ),
        other_key(get_with_proof(&unbound, client.proof(&unbound).sign())),
        other_key(get_with_proof(&bound, other.proof(&bound).sign())),
        get().challenged(
            401,
            "I400JR",
            "JWT required",
            &[&format!("Bearer {COMMON}"), &format!("DPoP {COMMON}, {ALGORITHMS}")],
        ),
    ]
}

fn checks(world: &World, client: &Client) -> Vec<Step> {
    let token = bound_token(world, client);
    let proof = || client.proof(&token);
    let good = proof().sign();
    let forged = Client::new(SigningKey::generate(Algorithm::ES256), world.now);
    let forged = forged.proof(&token).header("jwk", client.key().public_jwk(None, false)).sign();
    let header = |name: &str, value: Value, reason| {
        bad_proof(get_with_proof(&token, proof().header(name, value).sign()), reason)
    };
    let claim = |name: &str, value: Value| {
        let request = get_with_proof(&token, proof().claim(name, value).sign());
        bad_proof(request, &format!("claim {name} is not that of this request"))
    };
    let mut steps = vec![
        bad_proof(get().header("authorization", format!("DPoP {token}")), "it is missing"),
        bad_proof(get_with_proof(&token, ""), "it is missing"),
        bad_proof(get_with_proof(&token, &good).header("dpop", &good), "more than one was sent"),
        bad_proof(get_with_proof(&token, format!("{good},{good}")), "more than one was sent"),
        bad_proof(get_with_proof(&token, "a.b"), "it is not a JWT"),
        bad_proof(get_with_proof(&token, format!("{good}{}", "A".repeat(8192))), "it is not a JWT"),
        bad_proof(get_with_proof(&token, &forged), "signature verification failed"),
    ];
    for media_type in [json!("JWT"), json!("at+jwt"), json!(null), json!(1)] {
        steps.push(header("typ", media_type, "header typ is not dpop+jwt"));
    }
    for algorithm in [json!("none"), json!("HS256"), json!("ES384"), json!("RS256"), json!(null)] {
        steps.push(header("alg", algorithm, "header alg is not allowed"));
    }
    steps.push(header("crit", json!(["b64"]), "header alg is not allowed"));
    let private = client.key().private_jwk(None, false);
    for jwk in [private, json!(null), json!({}), json!("x"), json!({"kty": "oct", "k": "A".repeat(43)})] {
        steps.push(header("jwk", jwk, "header jwk is not a public key for proofs"));
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
        ("iat", vec![json!(world.now - 1000), json!(world.now + 1000), json!("1"), json!(null)]),
        ("ath", vec![json!("x"), json!(null), json!(base64url(&hmac_sha256::Hash::hash(b"another token")))]),
        ("jti", vec![json!(""), json!(null), json!(1), json!("j".repeat(1025))]),
    ] {
        steps.extend(values.into_iter().map(|value| claim(name, value)));
    }
    steps
}

fn required(world: &World, client: &Client) -> Vec<Step> {
    let alone = |error: &str| format!("DPoP {COMMON}, {ALGORITHMS}{error}");
    let error = ", error=\"invalid_dpop_proof\", error_description=\"The DPoP proof is missing or not valid\"";
    let unbound = world.token(&json!({"aud": RESOURCE}));
    let document = json!({
        "authorization_servers": ["https://issuer.example"],
        "bearer_methods_supported": ["header"],
        "dpop_bound_access_tokens_required": true,
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "PS256"],
        "resource": RESOURCE,
    });
    let headers =
        [("access-control-allow-origin", "*"), ("cache-control", "max-age=300"), ("content-type", "application/json")];
    vec![
        request(world, client).passes(),
        get().challenged(401, "I400JR", "JWT required", &[&alone("")]),
        get().header("authorization", format!("Bearer {unbound}")).challenged(
            401,
            "A403DP",
            "Invalid DPoP proof: it is missing",
            &[&alone(error)],
        ),
        get().target("/.well-known/oauth-protected-resource/orders").answered(200, &headers, document.to_string()),
    ]
}
