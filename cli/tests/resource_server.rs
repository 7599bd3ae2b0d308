//! `jwt-auth check` for a plugin with `resourceServer`: challenges, the metadata, proofs of possession.

mod support;

use serde_json::json;
use support::{Answer, Folder, jwt_auth};

const RESOURCE: &str = "https://api.example/orders";
const CHALLENGE: &str = "realm=\"api.example\", \
                         resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/orders\"";
const ALGORITHMS: &str = "algs=\"ES256 EdDSA PS256\"";

/// A folder with the keys `client`, `other` and `issuer`, and with a plugin configuration for this `dpop`, which is
/// left out if it is empty.
struct World(Folder);

impl World {
    fn new(dpop: &str) -> Self {
        let world = Self(Folder::new());
        for name in ["client", "other", "issuer"] {
            let [private, public] = [name, &format!("{name}.public")].map(|name| world.path(name));
            let arguments = ["keygen", "--alg", "ES256", "--private", &private, "--public", &public];
            assert_eq!(jwt_auth(&arguments, b"").status, 0);
        }
        let jwk = std::fs::read_to_string(world.path("issuer.public")).unwrap();
        world.0.file(
            "plugin.yaml",
            &format!(
                "parameter: Authorization\nparameterLocation: header\njwk: {jwk}\nallowCorsPreflight: \
                 true\nresourceServer:\n  \
                 metadata: {{resource: '{RESOURCE}', authorizationServers: ['https://issuer.example']}}\n{dpop}"
            ),
        );
        world
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn line(&self, arguments: &[&str]) -> String {
        let answer = jwt_auth(arguments, b"");
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{arguments:?}");
        answer.stdout.trim_end().to_owned()
    }

    /// A token that is bound to the key of the client.
    fn bound(&self) -> String {
        let [issuer, client] = ["issuer", "client.public"].map(|name| self.path(name));
        self.line(&["sign", "--key", &issuer, "--aud", RESOURCE, "--dpop-key", &client])
    }

    fn unbound(&self) -> String {
        self.line(&["sign", "--key", &self.path("issuer"), "--aud", RESOURCE])
    }

    /// A proof for `GET /orders` with this token.
    fn proof(&self, key: &str, token: &str) -> String {
        self.line(&["dpop", "--key", &self.path(key), "--url", RESOURCE, "--access-token", token])
    }

    fn check(&self, more: &[&str], stdin: &str) -> Answer {
        jwt_auth(&[&["check", "--config", &self.path("plugin.yaml")], more].concat(), stdin.as_bytes())
    }

    /// What is said about the request, after the line about the configuration.
    fn verdict(&self, more: &[&str]) -> (i32, String) {
        let answer = self.check(more, "");
        assert_eq!(answer.stderr, "", "{more:?}");
        let first = format!("{}:1:1: plugin (plugin): no errors\n\n", self.path("plugin.yaml"));
        (answer.status, answer.stdout.strip_prefix(&first).unwrap_or_else(|| panic!("{answer:?}")).to_owned())
    }
}

fn rejected(answer: &str, why: &str, fix: &str, challenges: &[String]) -> (i32, String) {
    let challenges: String = challenges.iter().map(|challenge| format!("  challenge  {challenge}\n")).collect();
    (1, format!("rejected: {answer}\n  why  {why}\n  fix  {fix}\n{challenges}"))
}

#[test]
fn a_bound_token_is_accepted_with_its_proof_which_can_come_from_stdin() {
    let world = World::new("  dpop: {}\n");
    let token = world.bound();
    let proof = world.proof("client", &token);
    let accepted = "accepted: the request is forwarded to the backend\n  without changes\n  note dpop: only Envoy \
    knows whether the proof was used before\n";
    let expected = (0, accepted.to_owned());
    let authorization = format!("Authorization: dpop {token}");
    for arguments in [
        ["--path", "/orders?a=b", "--token", &token, "--dpop", &proof],
        ["--path", "/orders", "--header", &authorization, "--dpop", &proof],
    ] {
        assert_eq!(world.verdict(&arguments), expected);
    }
    let answer = world.check(&["--path", "/orders", "--token", &token, "--dpop", "-", "--json"], &format!("{proof}\n"));
    assert_eq!(answer.status, 0, "{answer:?}");
    let note = "dpop: only Envoy knows whether the proof was used before";
    assert_eq!(
        answer.json()["decision"],
        json!({"accepted": true, "headers": [], "plugin": "plugin", "notes": [note]})
    );
    let both = world.check(&["--token", "-", "--dpop", "-"], "");
    let stderr = "jwt-auth: --token and --dpop can't both read stdin\n  use a file or an argument for one of them\n";
    assert_eq!((both.status, both.stdout.as_str(), both.stderr.as_str()), (2, "", stderr));
}

#[test]
fn a_rejected_proof_is_explained_with_the_challenges() {
    let world = World::new("  dpop: {}\n");
    let (token, unbound) = (world.bound(), world.unbound());
    let [proof, other] = ["client", "other"].map(|key| world.proof(key, &token));
    let dpop = |error: &str, description: &str| {
        format!("DPoP {CHALLENGE}, {ALGORITHMS}, error=\"{error}\", error_description=\"{description}\"")
    };
    let bearer = format!("Bearer {CHALLENGE}");
    let invalid = |what: &str, why: &str, fix: &str| {
        let challenges = [dpop("invalid_dpop_proof", "The DPoP proof is missing or not valid"), bearer.clone()];
        rejected(&format!("401 A403DP: Invalid DPoP proof: {what}"), why, fix, &challenges)
    };
    let orders = &["--path", "/orders", "--token"];
    let verdict = |more: &[&str]| world.verdict(&[&orders[..], more].concat());
    assert_eq!(
        verdict(&[&token, "--dpop", &proof, "--method", "POST"]),
        invalid(
            "claim htm is not that of this request",
            "The proof is for another method.",
            "Make the proof with the method of the request."
        )
    );
    assert_eq!(
        world.verdict(&["--path", "/other", "--token", &token, "--dpop", &proof]),
        invalid(
            "claim htu is not that of this request",
            "The proof is for another URL. `htu` must be one of `origins` with the path of the request, without its \
             query. The host that the request names does not count.",
            "Make the proof with the URL that clients use, and set `origins` to its scheme, host and port."
        )
    );
    assert_eq!(
        verdict(&[&unbound, "--dpop", &proof]),
        invalid(
            "claim ath is not that of this request",
            "The proof is for another access token: `ath` must be its SHA-256 in base64url.",
            "Make the proof with the token of the request (`jwt-auth dpop --access-token`)."
        )
    );
    assert_eq!(
        verdict(&[&token, "--dpop", &token]),
        invalid(
            "header typ is not dpop+jwt",
            "The header of the proof must have `typ` `dpop+jwt`.",
            "Send the proof in `DPoP` and the token in `Authorization`, not the other way round."
        )
    );
    assert_eq!(
        verdict(&[&token, "--dpop", &other]),
        rejected(
            "401 A403JT: Invalid JWT: claim cnf does not bind the token to the key of the proof",
            "The proof is made with another key than the one that the token is bound to (`cnf`), or the token is not \
             bound.",
            "Make the proof with the key that the token was issued for, or send an unbound token with the scheme \
             Bearer.",
            &[dpop("invalid_token", "The token is not valid"), bearer.clone()],
        )
    );
}

#[test]
fn without_a_proof_the_token_has_the_scheme_bearer_and_a_bound_one_is_rejected() {
    for dpop in ["", "  dpop: {}\n"] {
        let world = World::new(dpop);
        let (token, unbound) = (world.bound(), world.unbound());
        let accepted = "accepted: the request is forwarded to the backend\n  without changes\n";
        assert_eq!(world.verdict(&["--token", &unbound]), (0, accepted.to_owned()));
        let invalid = "error=\"invalid_token\", error_description=\"The token is not valid\"";
        let bearer = format!("Bearer {CHALLENGE}, {invalid}");
        let both = [bearer, format!("DPoP {CHALLENGE}, {ALGORITHMS}")];
        assert_eq!(
            world.verdict(&["--token", &token]),
            rejected(
                "401 A403JT: Invalid JWT: claim cnf binds the token to a key, which was not proved",
                "The token is bound to a key (`cnf`), and a resource server must not accept it without proof of that \
                 key.",
                "With `dpop`, send the token with the scheme `DPoP` and a proof of the key (`jwt-auth dpop`). \
                 Otherwise, or if `cnf` is not only a `jkt`, get a token that is not bound.",
                if dpop.is_empty() { &both[..1] } else { &both },
            )
        );
    }
}

#[test]
fn the_metadata_and_a_preflight_need_no_token() {
    let world = World::new("  dpop: {required: true}\n");
    let document = json!({
        "resource": RESOURCE,
        "authorization_servers": ["https://issuer.example"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "PS256"],
        "dpop_bound_access_tokens_required": true,
    });
    let path = "/.well-known/oauth-protected-resource/orders";
    let (status, text) = world.verdict(&["--path", path]);
    let (first, body) = text.split_once("\n  body ").unwrap();
    let answered = "answered: 200: the filter answers with the metadata of the resource";
    assert_eq!((status, first, serde_json::from_str(body).unwrap()), (1, answered, document));
    let origin = ["--header", "Origin: https://app.example", "--header", "Access-Control-Request-Method: GET"];
    assert_eq!(
        world.verdict(&[&["--method", "OPTIONS"], &origin[..]].concat()),
        (
            0,
            "accepted: the request is forwarded to the backend\n  without changes\n  note there is no token: the \
             request is forwarded unauthenticated (allowCorsPreflight or bypassEmptyToken)\n"
                .to_owned()
        )
    );
    let missing = rejected(
        "401 I400JR: JWT required",
        "There is no token in the place that the configuration names, or only white space. With `resourceServer`, a \
         token without its scheme counts as none.",
        "Send the token as `parameter` and `parameterLocation` say, with `resourceServer` as `Bearer TOKEN`. \
         `bypassEmptyToken: true` forwards such requests.",
        &[format!("DPoP {CHALLENGE}, {ALGORITHMS}")],
    );
    assert_eq!(world.verdict(&["--path", "/orders"]), missing);
}

#[test]
fn a_jti_store_that_is_only_for_proofs_is_shown_and_its_cluster_is_checked() {
    let world = World::new("  dpop: {}\njtiStore: {kind: etcd, cluster: jti-store}\n");
    let answer = world.check(&[], "");
    let shown = answer.stdout.split_once("no errors\n").unwrap().1;
    assert_eq!(
        shown,
        "  jtiStore\n    asks     etcd, after all other checks\n    through  the cluster jti-store, as jti-store\n    \
         keys     jwt-auth/jti/dpop/...; filters with the same keyPrefix share used jtis\n    waits    at most 250 \
         ms, all attempts together\n    else     rejects the request: 503 S503JS\n"
    );
    let token = world.bound();
    let proof = world.proof("client", &token);
    let answer = world.check(&["--path", "/orders", "--token", &token, "--dpop", &proof], "");
    let expected = format!(
        "{}\naccepted: the request is forwarded to the backend\n  without changes\n  note dpop: only etcd knows \
         whether the proof was used before\n",
        world.check(&[], "").stdout
    );
    assert_eq!((answer.status, answer.stdout), (0, expected));
}
