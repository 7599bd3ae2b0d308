//! T23: a bound token without its key, and keys that prove nothing (RFC 9449, section 11).

use kit::dpop::{Client, get_with_proof};
use kit::issuer::{Algorithm, SigningKey};
use kit::rows::dpop::{RESOURCE, bad_proof, bound_token, downgraded, other_key, server};
use kit::rows::{Request, Row, Step, World, get, key, row};
use serde_json::{Value, json};

use crate::encodings::{base64url, difference, from_base64url, segments};

attacks! {
    t23_a_stolen_token_without_its_key: CHOSEN, a_stolen_token_without_its_key;
    t23_a_used_proof_in_another_guise: CHOSEN, a_used_proof_in_another_guise;
    t23_a_rejected_request_uses_up_no_proof: CHOSEN, a_rejected_request_uses_up_no_proof;
    t23_keys_that_prove_nothing: CHOSEN, keys_that_prove_nothing;
}

pub(crate) const MALFORMED: &str = "it is not a JWT";
pub(crate) const NO_KEY: &str = "header jwk is not a public key for proofs";
pub(crate) const FORGED: &str = "signature verification failed";

pub(crate) fn client(world: &World) -> Client {
    Client::new(SigningKey::generate(Algorithm::ES256), world.now)
}

pub(crate) fn not_of_this_request(request: Request, claim: &str) -> Step {
    bad_proof(request, &format!("claim {claim} is not that of this request"))
}

fn bearer(token: &str) -> Request {
    get().header("authorization", format!("Bearer {token}"))
}

/// The thief has the token, and perhaps an old proof, but not the key.
fn a_stolen_token_without_its_key(world: &World) -> Vec<Row> {
    let (owner, thief) = (client(world), client(world));
    let token = bound_token(world, &owner);
    let own = bound_token(world, &thief);
    let unbound = world.token(&json!({"aud": RESOURCE}));
    let stolen = |proof: String| get_with_proof(&token, proof);
    let claiming = |jwk: Value| thief.proof(&token).header("jwk", jwk);
    let confirmed = |cnf: Value| world.token(&json!({"aud": RESOURCE, "cnf": cnf}));
    let mut steps = vec![
        downgraded(bearer(&token)),
        downgraded(bearer(&token).header("dpop", owner.proof(&token).sign())),
        downgraded(get().header("authorization", format!("bearer\t{token}"))),
        bad_proof(get().header("authorization", format!("DPoP {token}")), "it is missing"),
        other_key(stolen(thief.proof(&token).sign())),
        bad_proof(stolen(claiming(owner.key().public_jwk(None, false)).sign()), FORGED),
        not_of_this_request(stolen(thief.proof(&own).sign()), "ath"),
        not_of_this_request(stolen(owner.proof(&own).sign()), "ath"),
        other_key(get_with_proof(&unbound, thief.proof(&unbound).sign())),
    ];
    // Bound to something that the filter can't check, so no proof is enough.
    for cnf in [
        json!({}),
        json!({"jkt": null}),
        json!({"jkt": 1}),
        json!({"jkt": [owner.thumbprint()]}),
        json!({"x5t#S256": owner.thumbprint()}),
        json!({"jwk": owner.key().public_jwk(None, false)}),
        json!({"jkt": owner.thumbprint(), "x5t#S256": "a"}),
        json!(owner.thumbprint()),
        json!([]),
    ] {
        let token = confirmed(cnf);
        steps.push(downgraded(bearer(&token)));
    }
    for jkt in [String::new(), format!("{} ", owner.thumbprint()), owner.thumbprint().to_uppercase()] {
        let token = confirmed(json!({"jkt": jkt}));
        steps.push(downgraded(bearer(&token)));
        steps.push(other_key(get_with_proof(&token, owner.proof(&token).sign())));
    }
    steps.push(stolen(owner.proof(&token).sign()).passes());
    vec![row("stolen", server("", ""), steps)]
}

/// The same proof again: encoded differently, for another spelling of the path, beside another query.
fn a_used_proof_in_another_guise(world: &World) -> Vec<Row> {
    let client = client(world);
    let token = bound_token(world, &client);
    let proof = client.proof(&token).sign();
    let [header, claims, signature] = segments(&proof);
    let signature = from_base64url(signature);
    let (r, s) = signature.split_at(32);
    let n = from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    let twin = format!("{header}.{claims}.{}", base64url([r, &difference(&n, s)].concat()));
    let used = |request: Request| bad_proof(request, "it was used before");
    let with = |target: &str, proof: &str| get_with_proof(&token, proof).target(target);
    let id: Value = serde_json::from_slice(&from_base64url(claims)).expect("a proof has JSON");
    let again = client.proof(&token).claim("jti", id["jti"].clone());
    let fresh = client.proof(&token);
    vec![row(
        "guises",
        server("", ""),
        vec![
            with("/p", &proof).passes(),
            used(with("/p", &proof)),
            used(with("/p", &twin)),
            used(with("/%70", &proof)),
            used(with("/p?x=y", &proof)),
            used(get().header("authorization", format!("dpop  {token}")).header("DPOP", format!(" {proof}\t"))),
            // Signed again with the same jti.
            used(with("/p", &again.clone().claim("iat", world.now - 1).sign())),
            used(with("/p", &again.clone().header("typ", "DPOP+JWT").sign())),
            // Another proof, since the store knows them by key, target and jti.
            with("/q", &again.claim("htu", "https://api.example/q").sign()).passes(),
            with("/p", &fresh.sign()).passes(),
            used(with("/p", &fresh.sign())),
        ],
    )]
}

/// Nobody who sees a proof on its way, or guesses its `jti`, can use it up.
fn a_rejected_request_uses_up_no_proof(world: &World) -> Vec<Row> {
    let (owner, thief) = (client(world), client(world));
    let token = bound_token(world, &owner);
    let lacking = world.token(&json!({"aud": RESOURCE, "sub": "bob", "cnf": {"jkt": owner.thumbprint()}}));
    let proof = owner.proof(&token).claim("jti", "kept");
    let good = proof.sign();
    let id = |proof: kit::dpop::Proof<'_>| proof.claim("jti", "kept").sign();
    vec![row(
        "kept",
        server("", "requiredClaims: [{claimName: sub, equals: alice}]"),
        vec![
            other_key(get_with_proof(&token, id(thief.proof(&token)))),
            downgraded(bearer(&token).header("dpop", &good)),
            not_of_this_request(get_with_proof(&token, &good).target("/q"), "htu"),
            not_of_this_request(Request { method: "POST", ..get_with_proof(&token, &good) }, "htm"),
            bad_proof(get_with_proof(&token, format!("{good}AAAA")), FORGED),
            get_with_proof(&lacking, id(owner.proof(&lacking))).challenged(
                403,
                "A403JC",
                "Claim sub is not accepted",
                &[],
            ),
            get_with_proof(&token, &good).passes(),
            bad_proof(get_with_proof(&token, &good), "it was used before"),
        ],
    )]
}

/// The token is bound to the thumbprint of each of these, so only the rules for keys stand in the way.
fn keys_that_prove_nothing(world: &World) -> Vec<Row> {
    let algorithms = "algorithms: [ES256, ES384, EdDSA, Ed25519, RS256, PS256]";
    let config = server(algorithms, "");
    let challenge = "DPoP realm=\"api.example\", \
                     resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\", \
                     algs=\"ES256 ES384 EdDSA Ed25519 RS256 PS256\", error=\"invalid_dpop_proof\", \
                     error_description=\"The DPoP proof is missing or not valid\"";
    let bearer = "Bearer realm=\"api.example\", \
                  resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";
    let bad = |request: Request, reason: &str| {
        request.challenged(401, "A403DP", format!("Invalid DPoP proof: {reason}"), &[challenge, bearer])
    };
    let good = client(world);
    let token = bound_token(world, &good);
    let with = |jwk: Value| get_with_proof(&token, good.proof(&token).header("jwk", jwk).sign());
    let public = good.key().public_jwk(None, false);
    let changed = |name: &str, value: Value| {
        let mut jwk = public.clone();
        jwk[name] = value;
        jwk
    };
    let own = |key: SigningKey| {
        let client = Client::new(key, world.now);
        let token = bound_token(world, &client);
        get_with_proof(&token, client.proof(&token).sign())
    };
    let shared = SigningKey::from_shared_secret(Algorithm::HS256, &[7; 32]);
    let mut steps = vec![
        bad(own(SigningKey::generate_rsa(1024)), NO_KEY),
        bad(own(SigningKey::generate(Algorithm::ES512)), NO_KEY),
        bad(own(SigningKey::generate(Algorithm::ES256K)), NO_KEY),
        bad(own(SigningKey::cached(Algorithm::RS512)), "header alg is not allowed"),
        bad(with(good.key().private_jwk(None, false)), NO_KEY),
        bad(with(shared.public_jwk(None, false)), NO_KEY),
        bad(with(changed("x", json!("AA"))), NO_KEY),
        bad(with(changed("y", public["x"].clone())), NO_KEY),
        bad(with(changed("crv", json!("P-384"))), NO_KEY),
        bad(with(changed("crv", json!("secp256k1"))), NO_KEY),
        bad(with(changed("kty", json!("RSA"))), NO_KEY),
        bad(with(changed("kty", json!("oct"))), NO_KEY),
        bad(with(changed("use", json!("enc"))), NO_KEY),
        bad(with(changed("key_ops", json!(["sign"]))), NO_KEY),
        bad(with(changed("d", json!("AA"))), NO_KEY),
        bad(with(json!({"keys": [public]})), NO_KEY),
        bad(with(json!([public])), NO_KEY),
        bad(with(key().public_jwk(None, false)), FORGED),
    ];
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::Ed25519, Algorithm::RS256] {
        steps.push(own(SigningKey::cached(algorithm)).passes());
    }
    vec![row("keys", config, steps)]
}
