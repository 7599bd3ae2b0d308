use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::Plugin;
use kit::host::{self, Memory};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Ended, json, line, now, opened, run, run_with};

/// The algorithms that `dpop.algorithms` can allow.
const ALGORITHMS: [&str; 10] =
    ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

/// A folder with the key of a client in `client`, and the key of an issuer in `issuer`. Returns its plugin
/// configuration, too.
fn with_client(algorithm: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), ["keygen", "--alg", algorithm, "--private", "client", "--public", "public"]);
    line(folder.path(), "keygen --alg ES256 --kid k --private issuer");
    let mut jwk = json(&folder.path().join("issuer"));
    jwk.as_object_mut().expect("a key").remove("d").expect("the private part");
    let metadata =
        json!({"resource": "https://api.example/orders", "authorizationServers": ["https://issuer.example"]});
    let configuration = json!({
        "parameter": "Authorization",
        "parameterLocation": "header",
        "jwk": jwk,
        "resourceServer": {"metadata": metadata, "dpop": {"algorithms": ALGORITHMS}},
    });
    (folder, configuration.to_string())
}

/// The answer of the filter to `POST /orders/7?a=b` with this token and proof, the second time with the same proof,
/// too.
fn decide(configuration: &str, token: &str, proof: &str) -> [Result<(), String>; 2] {
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{:?}", plugin.faults());
    let authorization = format!("DPoP {token}");
    let headers = [(":method", "POST"), (":path", "/orders/7?a=b"), ("authorization", &authorization), ("dpop", proof)]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .to_vec();
    let memory = Memory::default();
    [(); 2].map(|()| {
        let decision = host::decide(&plugin, &headers, false, now() as f64, &memory);
        decision.map(drop).map_err(|rejection| format!("{}: {}", rejection.code(), rejection.message()))
    })
}

fn proof(folder: &Path, more: &[&str]) -> Ended {
    run(folder, ["dpop", "--key", "client"].iter().chain(more))
}

#[test]
fn a_proof_of_every_algorithm_is_accepted_once_and_has_only_the_public_key() {
    for algorithm in ALGORITHMS {
        let (folder, configuration) = with_client(algorithm);
        let token = line(folder.path(), "sign --key issuer --aud https://api.example/orders --dpop-key public");
        let before = now();
        let url = "https://api.example/orders/7?a=b#c";
        let ended = proof(folder.path(), &["--method", "POST", "--url", url, "--access-token", &token]);
        let warning = format!(
            "jwt-auth: warning: the filter accepts proofs with {algorithm} only if dpop.algorithms has {algorithm}; by \
             default it has ES256, EdDSA, PS256\n"
        );
        let is_usual = ["ES256", "EdDSA", "PS256"].contains(&algorithm);
        assert_eq!((ended.code, ended.stderr), (0, if is_usual { String::new() } else { warning }));
        let proof = ended.stdout.strip_suffix('\n').expect("a line");
        let (header, claims) = opened(proof);
        let mut jwk = json(&folder.path().join("public"));
        for name in ["use", "kid", "alg"] {
            jwk.as_object_mut().expect("a key").remove(name).expect(name);
        }
        assert_eq!(header, json!({"typ": "dpop+jwt", "alg": algorithm, "jwk": jwk}));
        let (issued, jti) = (claims["iat"].as_u64().expect("iat"), claims["jti"].as_str().expect("jti"));
        assert!((before..=now()).contains(&issued) && jti.len() == 22);
        let hash = sha256(&token);
        let expected =
            json!({"jti": jti, "htm": "POST", "htu": "https://api.example/orders/7", "iat": issued, "ath": hash});
        assert_eq!(claims, expected);
        let used = "A403DP: Invalid DPoP proof: it was used before".to_owned();
        assert_eq!(decide(&configuration, &token, proof), [Ok(()), Err(used)], "{algorithm}");
    }
}

/// SHA-256 in base64url, by openssl.
fn sha256(text: &str) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-binary"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("openssl");
    std::io::Write::write_all(&mut child.stdin.take().expect("its stdin"), text.as_bytes()).expect("its stdin");
    URL_SAFE_NO_PAD.encode(child.wait_with_output().expect("its output").stdout)
}

#[test]
fn a_proof_is_for_one_request_one_token_and_one_key() {
    let (folder, configuration) = with_client("ES256");
    let folder = folder.path();
    line(folder, "keygen --alg ES256 --private other");
    let token = line(folder, "sign --key issuer --aud https://api.example/orders --dpop-key client");
    let unbound = line(folder, "sign --key issuer --aud https://api.example/orders");
    let invalid = |what: &str| format!("A403DP: Invalid DPoP proof: claim {what} is not that of this request");
    let other_key = "A403JT: Invalid JWT: claim cnf does not bind the token to the key of the proof";
    for (key, arguments, with, token, expected) in [
        ("client", "--method GET --url https://api.example/orders/7", &token, &token, invalid("htm")),
        ("client", "--method POST --url https://api.example/orders", &token, &token, invalid("htu")),
        ("client", "--method POST --url http://api.example/orders/7", &token, &token, invalid("htu")),
        ("client", "--method POST --url https://api.example/orders/7 --issued-ago 2m", &token, &token, invalid("iat")),
        ("client", "--method POST --url https://api.example/orders/7", &unbound, &token, invalid("ath")),
        ("other", "--method POST --url https://api.example/orders/7", &token, &token, other_key.to_owned()),
        ("client", "--method POST --url https://api.example/orders/7", &unbound, &unbound, other_key.to_owned()),
    ] {
        let proof = line(folder, &format!("dpop --key {key} {arguments} --access-token {with}"));
        let [answer, _] = decide(&configuration, token, &proof);
        assert_eq!(answer, Err(expected), "{key} {arguments}");
    }
    let without_token = line(folder, "dpop --key client --method POST --url https://api.example/orders/7");
    assert_eq!(opened(&without_token).1.get("ath"), None);
    assert_eq!(decide(&configuration, &token, &without_token)[0], Err(invalid("ath")));
}

#[test]
fn the_options_set_the_jti_and_the_time_and_the_token_can_come_from_stdin() {
    let (folder, _) = with_client("EdDSA");
    let arguments = "dpop --key client --jti ä-1 --issued-ago 1h --url https://api.example --access-token -";
    let before = now();
    let ended = run_with(folder.path(), arguments.split(' '), b"a.b.c\n");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let (_, claims) = opened(ended.stdout.trim_end());
    let issued = claims["iat"].as_u64().expect("iat");
    assert!((before - 3600..=now() - 3600).contains(&issued));
    let hash = sha256("a.b.c");
    assert_eq!(claims, json!({"jti": "ä-1", "htm": "GET", "htu": "https://api.example", "iat": issued, "ath": hash}));
    let key = fs::read(folder.path().join("client")).expect("a file");
    let ended = run_with(folder.path(), ["dpop", "--key", "-", "--url", "https://api.example"], &key);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
}

/// Runs the walkthrough in docs/cli.md.
#[test]
fn the_way_from_a_key_to_an_accepted_proof_in_the_document_works() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let document = fs::read_to_string(document).expect("a file");
    let (_, walk) = document.split_once("\n```sh dpop\n").expect("the walk");
    let (walk, _) = walk.split_once("```").expect("its end");
    let binary = Path::new(env!("CARGO_BIN_EXE_jwt-auth")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        Command::new("sh").args(["-e", "-c", walk]).current_dir(folder.path()).env("PATH", path).output().expect("sh");
    let stdout = "plugin.yaml:1:1: plugin (plugin): no errors\n\naccepted: the request is forwarded to the backend\n  \
                  without changes\n  note dpop: only Envoy knows whether the proof was used before\n";
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()),
        (Some(0), stdout),
        "{output:?}"
    );
}

#[test]
fn every_form_of_a_key_binds_a_token_to_its_thumbprint() {
    for (algorithm, kind) in [("ES256", "ec"), ("ES384", "ec"), ("EdDSA", "pkey"), ("PS256", "rsa")] {
        let (folder, _) = with_client(algorithm);
        let folder = folder.path();
        let thumbprint = json(&folder.join("client"))["kid"].clone();
        let bound = |file: &str| -> Value {
            opened(&line(folder, &format!("sign --key issuer --dpop-key {file}"))).1["cnf"].clone()
        };
        assert_eq!(bound("client"), json!({"jkt": thumbprint}), "{algorithm}");
        assert_eq!(bound("public"), json!({"jkt": thumbprint}), "{algorithm}");
        // A key of openssl, as a private and as a public key.
        let make = match kind {
            "ec" if algorithm == "ES256" => "ecparam -name prime256v1 -genkey -noout",
            "ec" => "ecparam -name secp384r1 -genkey -noout",
            "pkey" => "genpkey -algorithm ed25519",
            _ => "genrsa 2048",
        };
        let script = format!("umask 077; openssl {make} > key.pem; openssl pkey -in key.pem -pubout > public.pem");
        assert!(Command::new("sh").args(["-e", "-c", &script]).current_dir(folder).status().expect("sh").success());
        let jwk: Value = serde_json::from_str(&line(folder, "jwk key.pem")).expect("JSON");
        for file in ["key.pem", "public.pem"] {
            assert_eq!(bound(file), json!({"jkt": jwk["kid"]}), "{algorithm} {file}");
        }
    }
}

#[test]
fn errors_of_proofs_and_bound_tokens_say_what_to_do() {
    let (folder, _) = with_client("ES256");
    let folder = folder.path();
    for (algorithm, name) in [("ES512", "p521"), ("ES256K", "k256"), ("HS256", "secret")] {
        run(folder, ["keygen", "--alg", algorithm, "--private", name]);
    }
    for (name, text) in [
        ("set", r#"{"keys":[]}"#.to_owned()),
        ("x5", r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}"#.to_owned()),
        ("halves", {
            run(folder, ["keygen", "--alg", "ES256", "--private", "third"]);
            let mut jwk = json(&folder.join("client"));
            jwk["d"] = json(&folder.join("third"))["d"].clone();
            jwk.to_string()
        }),
    ] {
        fs::write(folder.join(name), text).expect("a file");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).expect("a file");
    }
    let suitable = "expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, Ed25519\n  make \
                    another key: jwt-auth keygen --alg ES256 --private client.jwk.json";
    let url = "use a URL such as https://api.example/orders";
    let alone = "--access-token: expected the token alone, without spaces\n  leave out the scheme (Bearer or DPoP)";
    let kinds = "the key of --dpop-key is not for proofs\n  supported: RSA, P-256, P-384 and Ed25519";
    let private = "the key: d is missing, so the key can't sign\n  use the private JWK instead of the public one";
    for (arguments, expected) in [
        ("dpop --key nowhere --url https://a.example", "can't read nowhere: No such file or directory (os error 2)"),
        ("dpop --key public --url https://a.example", private),
        ("dpop --key p521 --url https://a.example", &format!("ES512 is not for proofs; {suitable}")),
        ("dpop --key k256 --url https://a.example", &format!("ES256K is not for proofs; {suitable}")),
        ("dpop --key secret --url https://a.example", &format!("HS256 is not for proofs; {suitable}")),
        ("dpop --key client --alg PS256 --url https://a.example", "PS256 does not suit the key; expected one of ES256"),
        (
            "dpop --key client --url /orders",
            &format!("--url: expected a URL of characters that RFC 3986 allows\n  {url}"),
        ),
        ("dpop --key client --url ftp://a.example", &format!("--url: expected a URL with https or http\n  {url}")),
        (
            "dpop --key client --url https://a@b.example",
            &format!("--url: expected a URL without user and password\n  {url}"),
        ),
        (
            "dpop --key client --url https://a.example/ü",
            &format!("--url: expected a URL of characters that RFC 3986 allows\n  {url}"),
        ),
        ("dpop --key client --url https://a.example --access-token=", alone),
        ("dpop --key client --url https://a.example --access-token -", alone),
        ("dpop --key - --url https://a.example --access-token -", "--key and --access-token can't both read stdin"),
        ("sign --key issuer --dpop-key nowhere", "can't read nowhere: No such file or directory (os error 2)"),
        ("sign --key issuer --dpop-key p521", kinds),
        ("sign --key issuer --dpop-key k256", kinds),
        ("sign --key issuer --dpop-key secret", kinds),
        ("sign --key issuer --dpop-key halves", "the key: d, x and y are not from the same key"),
        (
            "sign --key issuer --dpop-key x5",
            "the filter does not accept the key of --dpop-key: jwk.x: expected x and y to be a point of the curve",
        ),
        (
            "sign --key issuer --dpop-key client --claim cnf={}",
            "duplicate claim \"cnf\"\n  to set a list: --claim 'cnf=[\"one\",\"other\"]'",
        ),
        ("sign --key - --dpop-key -", "--key and --dpop-key can't both read stdin"),
    ] {
        let ended = run(folder, arguments.split(' '));
        let expected = Ended { code: 2, stdout: String::new(), stderr: format!("jwt-auth: {expected}\n") };
        assert_eq!(ended, expected, "{arguments}");
    }
    let long = "x".repeat(1025);
    for (arguments, expected) in [
        ("--method=", "invalid value '' for '--method <METHOD>': expected a method, such as GET or POST"),
        ("--method=G\nT", "invalid value 'G\nT' for '--method <METHOD>': expected a method, such as GET or POST"),
        ("--jti=", "invalid value '' for '--jti <JTI>': expected 1 to 1024 bytes"),
        (&format!("--jti={long}"), &format!("invalid value '{long}' for '--jti <JTI>': expected 1 to 1024 bytes")),
        (
            "--issued-ago=soon",
            "invalid value 'soon' for '--issued-ago <DURATION>': expected number at 0: expected a number and a unit, \
             such as 30s, 90m, 2h or 1d 12h",
        ),
    ] {
        let ended = proof(folder, &["--url", "https://a.example", arguments]);
        let stderr = format!("error: {expected}\n\nFor more information, try '--help'.\n");
        assert_eq!(ended, Ended { code: 2, stdout: String::new(), stderr }, "{arguments}");
    }
}
