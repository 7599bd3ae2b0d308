//! Proofs of possession that an engine keeps: the proof is recorded first, and then the token, if each may be used once.

use kit::dpop::Client;
use kit::engine_model::{Kind, Question};
use kit::issuer::{Algorithm, SigningKey};
use serde_json::json;

use super::setup::Trial;
use crate::host::{Headers, Mode, Reply, Response};
use crate::scenarios::setup::{ROOT, configuration as fetching, serving};
use crate::{key, owned};

const NOW: u64 = 1_800_000_000;
const RESOURCE: &str = "https://api.example";

/// `lines` follow the fields of the resource server.
fn configuration(keys: &str, kind: Kind, lines: &str) -> String {
    format!(
        "parameter: Authorization
parameterLocation: header
claimParameters: [{{claimName: sub, parameterName: X-Sub, location: header}}]
{keys}
resourceServer:
  metadata: {{resource: '{RESOURCE}', authorizationServers: ['https://issuer.example']}}
  dpop: {{}}
jtiStore: {{kind: {}, cluster: jti-store}}
{lines}",
        kind.name()
    )
}

fn with_static_key(kind: Kind, lines: &str) -> String {
    configuration(&format!("jwk: {}", key().private_jwk(None, true)), kind, lines)
}

/// A trial whose etcd has the lease already.
fn warm(kind: Kind, lines: &str) -> Trial {
    let mut trial = Trial::with(kind, 1, &with_static_key(kind, lines));
    let client = client();
    let stream = send(&mut trial, request(&client, &token(&key(), &client, "warm")));
    trial.serve(0);
    assert_eq!(trial.site.result(0, stream), "forwarded as alice");
    trial
}

fn client() -> Client {
    Client::new(SigningKey::generate(Algorithm::ES256), NOW)
}

/// A token that is bound to the key of the client.
fn token(key: &SigningKey, client: &Client, jti: &str) -> String {
    let cnf = json!({"jkt": client.thumbprint()});
    let claims = json!({"sub": "alice", "aud": RESOURCE, "iat": NOW, "exp": NOW + 600, "jti": jti, "cnf": cnf});
    key.token(None, &claims)
}

/// A request with a new proof.
fn request(client: &Client, token: &str) -> Headers {
    request_with(token, &client.proof(token).sign())
}

fn request_with(token: &str, proof: &str) -> Headers {
    let authorization = format!("DPoP {token}");
    owned([
        (":method", "GET"),
        (":path", "/p"),
        (":authority", "test"),
        ("authorization", authorization.as_str()),
        ("dpop", proof),
    ])
}

fn send(trial: &mut Trial, headers: Headers) -> u32 {
    let stream = trial.site.workers[0].open(ROOT, Mode::Default).unwrap();
    trial.site.workers[0].headers(stream, headers, true).unwrap();
    stream
}

/// What the only call records: a `proof` or a `token`; `lease` if it records nothing.
fn recorded(trial: &Trial) -> &'static str {
    match trial.question(0) {
        Question::Record { key, .. } if key.starts_with(b"jwt-auth/jti/dpop/") => "proof",
        Question::Record { .. } => "token",
        Question::Grant { .. } => "lease",
    }
}

/// Lets the engine answer until it is asked about the token.
fn answer_until_the_token(trial: &mut Trial) {
    while recorded(trial) != "token" {
        trial.answer(0);
    }
}

fn response(trial: &mut Trial, stream: u32) -> Response {
    let stream = trial.site.close(0, stream);
    assert_eq!(stream.forwarded, None);
    stream.response.expect("a response")
}

fn challenges(response: &Response) -> Vec<String> {
    let values = response.headers.iter().filter(|(name, _)| name == "www-authenticate");
    values.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect()
}

#[test]
fn a_proof_is_recorded_before_its_token() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, "preventJtiReplay: true");
        let client = client();
        let token = token(&key(), &client, "1");
        let stream = send(&mut trial, request(&client, &token));
        assert_eq!(recorded(&trial), "proof");
        trial.answer(0);
        assert_eq!((recorded(&trial), trial.site.result(0, stream).as_str()), ("token", "waits"));
        trial.answer(0);
        assert_eq!(trial.site.result(0, stream), "forwarded as alice");
        // The token was used, and so is this proof now.
        let again = send(&mut trial, request(&client, &token));
        assert_eq!(trial.serve(0), 1);
        assert_eq!(trial.site.result(0, again), "S403JU");
    }
}

#[test]
fn with_dpop_alone_only_the_proof_is_recorded() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, "");
        let client = client();
        let token = token(&key(), &client, "1");
        for _ in 0..2 {
            let stream = send(&mut trial, request(&client, &token));
            assert_eq!(recorded(&trial), "proof");
            trial.answer(0);
            assert_eq!((trial.site.result(0, stream).as_str(), trial.site.calls().len()), ("forwarded as alice", 0));
        }
    }
}

/// Another Envoy accepted it first. The token stays good for another proof.
#[test]
fn a_proof_that_another_process_has_seen_is_rejected_and_its_token_is_not_used_up() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, "preventJtiReplay: true");
        let client = client();
        let token = token(&key(), &client, "1");
        let proof = client.proof(&token).sign();
        let stream = send(&mut trial, request_with(&token, &proof));
        assert_eq!(recorded(&trial), "proof");
        let call = trial.call(0);
        trial.use_up(&call);
        trial.answer(0);
        let response = response(&mut trial, stream);
        assert_eq!((response.status, response.header("x-ca-error-code")), (401, Some("A403DP")));
        let dpop = "DPoP realm=\"api.example\", \
                    resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\", \
                    algs=\"ES256 EdDSA PS256\", error=\"invalid_dpop_proof\", \
                    error_description=\"The DPoP proof is missing or not valid\"";
        let bearer = "Bearer realm=\"api.example\", \
                      resource_metadata=\"https://api.example/.well-known/oauth-protected-resource\"";
        assert_eq!(challenges(&response), [dpop, bearer]);
        assert!(trial.site.calls().is_empty(), "the engine is asked about the token");
        // This process knows it now.
        let again = send(&mut trial, request_with(&token, &proof));
        assert_eq!((trial.site.result(0, again).as_str(), trial.site.calls().len()), ("A403DP", 0));
        let other = send(&mut trial, request(&client, &token));
        trial.serve(0);
        assert_eq!(trial.site.result(0, other), "forwarded as alice");
    }
}

#[test]
fn without_an_answer_about_the_proof_or_about_the_token_the_request_is_rejected() {
    for kind in Kind::ALL {
        for about_token in [false, true] {
            let mut trial = warm(kind, "preventJtiReplay: true");
            let client = client();
            let token = token(&key(), &client, "1");
            let stream = send(&mut trial, request(&client, &token));
            if about_token {
                answer_until_the_token(&mut trial);
            }
            while !trial.site.calls().is_empty() {
                trial.answer_with(0, &Reply::default());
            }
            let response = response(&mut trial, stream);
            assert_eq!((response.status, response.header("x-ca-error-code")), (503, Some("S503JS")));
            assert_eq!(challenges(&response), Vec::<String>::new());
        }
    }
}

/// The keys come first, then the proof, and then the token.
#[test]
fn a_request_waits_for_the_keys_before_its_proof_is_looked_at() {
    for kind in Kind::ALL {
        let signer = SigningKey::generate(Algorithm::EdDSA);
        let fetching = fetching("");
        let remote = fetching.lines().find(|line| line.starts_with("remoteJwks")).unwrap().to_owned();
        let configuration = configuration(&remote, kind, "preventJtiReplay: true");
        let mut trial = Trial::with(kind, 1, &configuration);
        let client = client();
        let token = token(&signer, &client, "1");
        let proof = client.proof(&token).sign();
        let stream = send(&mut trial, request_with(&token, &proof));
        assert_eq!(trial.site.call().cluster, "issuer");
        trial.site.answer(0, &serving(&[(None, &signer)]));
        trial.site.pass(20);
        assert_eq!((recorded(&trial), trial.site.result(0, stream).as_str()), ("proof", "waits"));
        assert_eq!(trial.call(0).cluster, "jti-store");
        answer_until_the_token(&mut trial);
        trial.serve(0);
        assert_eq!(trial.site.result(0, stream), "forwarded as alice");
        let again = send(&mut trial, request_with(&token, &proof));
        assert_eq!((trial.site.result(0, again).as_str(), trial.site.calls().len()), ("A403DP", 0));
    }
}

/// The client has left while the engine was asked about its proof.
#[test]
fn after_the_client_has_left_nothing_more_is_asked() {
    for kind in Kind::ALL {
        let mut trial = warm(kind, "preventJtiReplay: true");
        let client = client();
        let token = token(&key(), &client, "1");
        let stream = send(&mut trial, request(&client, &token));
        assert_eq!(recorded(&trial), "proof");
        let call = trial.call(0);
        trial.site.close(0, stream);
        let reply = trial.reply(&call);
        let _ = trial.site.workers[0].answer(call.token, &reply);
        trial.site.pass(20);
        assert!(trial.site.calls().is_empty());
        let other = send(&mut trial, request(&client, &token));
        trial.serve(0);
        assert_eq!(trial.site.result(0, other), "forwarded as alice");
    }
}
