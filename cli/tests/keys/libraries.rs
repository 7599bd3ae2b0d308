//! Interoperability with jwcrypto, joserfc, PyJWT and the command `jose`, for every algorithm. Each key is used by both
//! sides to sign, and every token is verified by all of them and by the filter.

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use kit::issuer::{Algorithm, Family};
use serde_json::{Value, json};

use crate::command::{json, line, now, opened, run_with};
use crate::filter::{configuration, decide};

/// The libraries that support an algorithm, in the order of their answers.
fn libraries(algorithm: Algorithm) -> &'static [&'static str] {
    match algorithm {
        Algorithm::Ed25519 => &["jwcrypto", "joserfc"],
        Algorithm::ES256K | Algorithm::EdDSA => &["jwcrypto", "joserfc", "PyJWT"],
        _ => &["jwcrypto", "joserfc", "PyJWT", "jose"],
    }
}

/// Runs a task of the libraries for each of `cases`. Returns the answers of all libraries for all cases, in order.
fn ask(task: &str, cases: &[Value]) -> Vec<Value> {
    let tool = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("{name} must be set; `make test` fetches it"));
    let mut child = Command::new(tool("JOSE_PYTHON"))
        .args(["-B", "-W", "ignore"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/libraries.py"))
        .arg(task)
        .arg(tool("JOSE_COMMAND"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    child.stdin.take().expect("its stdin").write_all(json!(cases).to_string().as_bytes()).expect("its stdin");
    let output = child.wait_with_output().expect("its output");
    assert!(output.status.success(), "the libraries failed at the task {task}");
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected: Vec<_> = cases
        .iter()
        .map(|case| Algorithm::from_name(case["alg"].as_str().expect("alg")).expect("an algorithm"))
        .flat_map(|algorithm| libraries(algorithm).iter().map(move |library| (algorithm.name(), *library)))
        .collect();
    let found: Vec<_> = answers
        .iter()
        .map(|answer| (answer["alg"].as_str().expect("alg"), answer["library"].as_str().expect("library")))
        .collect();
    assert_eq!(found, expected);
    answers
}

fn claims() -> Value {
    json!({"sub": "älice", "roles": ["a", "b"], "iat": now(), "exp": now() + 3600})
}

#[test]
fn the_libraries_accept_our_keys_and_tokens_and_the_filter_accepts_theirs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut to_verify, mut to_sign, mut publics) = (Vec::new(), Vec::new(), Vec::new());
    for algorithm in Algorithm::ALL {
        let mut arguments = format!("keygen --alg {algorithm} --private {algorithm}");
        if algorithm.family() != Family::Oct {
            arguments += &format!(" --public {algorithm}.public");
        }
        let ended = run_with(folder.path(), arguments.split(' '), b"");
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let private = json(&folder.path().join(algorithm.name()));
        let public = match algorithm.family() {
            Family::Oct => private.clone(),
            Family::Rsa | Family::P256 | Family::P384 | Family::P521 | Family::Secp256k1 | Family::Ed25519 => {
                json(&folder.path().join(format!("{algorithm}.public")))
            }
        };
        let token = line(folder.path(), &format!("sign --key {algorithm} --sub älice --claim roles=[\"a\",\"b\"]"));
        to_verify.push(json!({"alg": algorithm.name(), "public": public, "token": token}));
        to_sign.push(json!({"alg": algorithm.name(), "private": private, "claims": claims()}));
        publics.push(public);
    }

    for answer in ask("verify", &to_verify) {
        let case = to_verify.iter().find(|case| case["alg"] == answer["alg"]).expect("its case");
        let (_, claims) = opened(case["token"].as_str().expect("a token"));
        assert_eq!(answer["claims"], claims, "{} {}", answer["library"], answer["alg"]);
    }
    for answer in ask("sign", &to_sign) {
        let public = publics.iter().find(|public| public["alg"] == answer["alg"]).expect("its key");
        let token = answer["token"].as_str().expect("a token");
        let decision = decide(&configuration(public), token, now()).map(|_| ());
        assert_eq!(decision, Ok(()), "{} {}", answer["library"], answer["alg"]);
    }
}

/// The libraries verify each proof with the key in its own header, as a resource server does.
#[test]
fn the_libraries_accept_our_proofs() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];
    let mut to_verify = Vec::new();
    for algorithm in names {
        let arguments = ["keygen", "--alg", algorithm, "--private", algorithm, "--public", "public", "--force"];
        assert_eq!(run_with(folder.path(), arguments, b"").code, 0);
        let arguments =
            ["dpop", "--key", algorithm, "--url", "https://api.example/%C3%A4?a", "--access-token", "a.b.c"];
        let ended = run_with(folder.path(), arguments, b"");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let proof = ended.stdout.trim_end();
        to_verify.push(json!({"alg": algorithm, "public": opened(proof).0["jwk"], "token": proof}));
    }
    for answer in ask("verify", &to_verify) {
        let case = to_verify.iter().find(|case| case["alg"] == answer["alg"]).expect("its case");
        let (_, claims) = opened(case["token"].as_str().expect("a proof"));
        assert_eq!(answer["claims"], claims, "{} {}", answer["library"], answer["alg"]);
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!("GET"), &json!("https://api.example/%C3%A4")));
        // SHA-256 of the token, by `printf a.b.c | sha256sum`.
        assert_eq!(claims["ath"], "hF4wRIgJ4ryJWOsCW_x5UjXROwd6U9DDq70jhRcNybg");
    }
}

#[test]
fn tokens_signed_here_with_keys_of_the_libraries_are_accepted_by_them_and_by_the_filter() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("claims"), json!({"sub": "älice"}).to_string()).expect("a file");
    let algorithms: Vec<_> = Algorithm::ALL.iter().map(|algorithm| json!({"alg": algorithm.name()})).collect();
    let keys = ask("make", &algorithms);
    // jose lacks ES256K, EdDSA and Ed25519; PyJWT lacks Ed25519.
    assert_eq!(keys.len(), 15 * 4 - 4);
    let mut to_verify = Vec::new();
    for key in &keys {
        let [algorithm, library] = ["alg", "library"].map(|name| key[name].as_str().expect("a text"));
        let arguments = ["sign", "--key", "-", "--alg", algorithm, "--claims-file", "claims"];
        let ended = run_with(folder.path(), arguments, key["private"].to_string().as_bytes());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{library} {algorithm}");
        let token = ended.stdout.trim_end();
        assert_eq!(opened(token).0["kid"], json!("k"));

        // The library may export other key_ops, but the filter requires `verify`.
        let mut public = key["public"].clone();
        public.as_object_mut().expect("a key").remove("key_ops");
        let decision = decide(&configuration(&public), token, now()).map(|_| ());
        assert_eq!(decision, Ok(()), "{library} {algorithm}");
        to_verify.push(json!({"alg": algorithm, "public": public, "token": token}));
    }
    let answers = ask("verify", &to_verify);
    let mut answers = answers.iter();
    for case in &to_verify {
        let algorithm = Algorithm::from_name(case["alg"].as_str().expect("alg")).expect("an algorithm");
        let (_, claims) = opened(case["token"].as_str().expect("a token"));
        for answer in answers.by_ref().take(libraries(algorithm).len()) {
            assert_eq!(answer["claims"], claims, "{} {algorithm}", answer["library"]);
        }
    }
    assert!(answers.next().is_none());
}
