//! `jwt-auth check` and `inspect` with JWK sets in place of keys that `remoteJwks` would fetch.

mod support;

use kit::issuer::{Algorithm, SigningKey, jwk_set};
use serde_json::{Value, json};
use support::{Folder, jwt_auth, now};

const ISSUER: &str = "https://issuer.example/r";

/// A plugin configuration that fetches the keys of [`ISSUER`].
const PLUGIN: &str = "parameter: X-Token\nremoteJwks: {discovery: 'https://issuer.example/r', cluster: issuer}\n";

const REMOTE: &str = "  remoteJwks
    fetches  https://issuer.example/r/.well-known/openid-configuration, then its jwks_uri
    through  the cluster issuer
    when     every 10 min; requests wait for it at most 5 s; old keys stay in use for 1 d if it fails
    for      iss https://issuer.example/r
";

fn key() -> SigningKey {
    SigningKey::cached(Algorithm::ES256)
}

fn token(kid: &str, issuer: &str) -> String {
    key().token(Some(kid), &json!({"iss": issuer, "exp": now() + 60}))
}

/// A set with the key `a`, between two that can't be used.
fn set() -> String {
    let mut set = jwk_set(&[(Some("e"), &key()), (Some("a"), &key())]);
    set["keys"][0]["use"] = "enc".into();
    set["keys"].as_array_mut().unwrap().push(json!({"kty": "oct", "kid": "o", "k": "A".repeat(43)}));
    set.to_string()
}

/// A folder with the plugin configuration and sets.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("plugin.yaml", PLUGIN);
    folder.file("set.json", &set());
    folder.file("unusable.json", r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#);
    folder.file("large.json", &format!("{}{}", " ".repeat(256 * 1024), set()));
    folder.file("page.html", "<html>");
    folder
}

/// The exit status and stdout of a command in the folder: `FOLDER/` in an argument is its path, and is left out of the
/// output.
fn run(folder: &Folder, arguments: &[&str], stdin: &str) -> (i32, String) {
    let path = format!("{}/", folder.path().display());
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.replace("FOLDER/", &path)).collect();
    let answer = jwt_auth(&arguments, stdin.as_bytes());
    (answer.status, format!("{}{}", answer.stdout, answer.stderr).replace(&path, ""))
}

#[test]
fn without_keys_check_says_what_is_fetched_and_does_not_guess_a_verdict() {
    let folder = folder();
    let check = |stdin: &str| run(&folder, &["check", "--config", "FOLDER/plugin.yaml", "--token", "-"], stdin);
    let head = format!(
        "plugin.yaml:1:1: plugin (plugin): no errors\n{REMOTE}    keys     not known here; to check a token, give them \
         with --jwks FILE\n"
    );
    assert_eq!(run(&folder, &["check", "--config", "FOLDER/plugin.yaml"], ""), (0, head.clone()));
    let undecided = "
undecided: the answer depends on keys that are fetched
  why  A key of https://issuer.example/r may verify the token. As long as the filter does not have these keys, the \
                     request waits for them, at most 5 s.
  fix  Download the JWK set (its URL is jwks_uri in https://issuer.example/r/.well-known/openid-configuration) and \
                     give it to this command with --jwks FILE.
";
    assert_eq!(check(&token("a", ISSUER)), (2, format!("{head}{undecided}")));
    // Whatever the keys are, the filter rejects these.
    let hmac = SigningKey::cached(Algorithm::HS256).token(Some("a"), &json!({"exp": now() + 60}));
    for (token, answer) in [("garbage", "400 I400JD"), (hmac.as_str(), "403 A403JT")] {
        let (status, text) = check(token);
        assert!(status == 1 && text.contains(&format!("\nrejected: {answer}: ")), "{text}");
    }
    let (status, text) =
        run(&folder, &["check", "--config", "FOLDER/plugin.yaml", "--token", &token("a", ISSUER), "--json"], "");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &json["decision"]["accepted"], json["decision"]["code"].as_str()), (2, &Value::Null, None));
    let remote = json!([{
        "field": "remoteJwks", "url": ISSUER, "discovery": true, "cluster": "issuer", "jwksCluster": null,
        "issuer": ISSUER, "refreshSeconds": 600, "timeoutSeconds": 5, "staleSeconds": 86400, "set": null,
    }]);
    assert_eq!(json["plugins"][0]["remoteJwks"], remote);
}

#[test]
fn a_set_stands_in_for_the_fetched_keys() {
    let folder = folder();
    let check = |token: &str, more: &[&str]| {
        let all = ["check", "--config", "FOLDER/plugin.yaml", "--jwks", "FOLDER/set.json", "--token", token];
        run(&folder, &[&all, more].concat(), "")
    };
    let head = format!(
        "plugin.yaml:1:1: plugin (plugin): no errors\n{REMOTE}    keys     set.json: 1 usable key
             usable   keys[1]: kid a, ES256
             skipped  keys[0].use: expected sig
             skipped  keys[2].kty: expected a public key, found a secret
"
    );
    let accepted = "\naccepted: the request is forwarded to the backend\n  without changes\n";
    assert_eq!(check(&token("a", ISSUER), &[]), (0, format!("{head}{accepted}")));
    let (status, text) = check(&token("a", "https://other.example"), &[]);
    assert!(status == 1 && text.contains("\nrejected: 403 A403JT: "), "{text}");
    let (status, text) = check(&token("e", ISSUER), &[]);
    assert!(status == 1 && text.contains("\nrejected: 403 A403JK: No matching JWK, kid:e not found\n"), "{text}");
    let note = "  note no key has this kid, so the filter first fetches the keys again, and the request waits for \
                them; this is the answer if they are the same\n";
    assert!(text.ends_with(note), "{text}");
    let (_, text) = check(&token("a", ISSUER), &["--json"]);
    let json: Value = serde_json::from_str(&text).unwrap();
    let set = json!({
        "file": "set.json", "failure": null, "keys": [{"field": "keys[1]", "kid": "a", "algorithms": ["ES256"]}],
        "skipped": ["keys[0].use: expected sig", "keys[2].kty: expected a public key, found a secret"], "warnings": [],
    });
    assert_eq!(json["plugins"][0]["remoteJwks"][0]["set"], set);
    // From a pipe, as for `curl URL | jwt-auth check`.
    let arguments = ["check", "--config", "FOLDER/plugin.yaml", "--jwks", "-", "--token", &token("a", ISSUER)];
    assert_eq!(run(&folder, &arguments, &self::set()).0, 0);
}

#[test]
fn a_set_that_the_filter_would_not_use_is_an_error_with_the_reason() {
    let folder = folder();
    for (file, reason) in [
        ("page.html", "the answer is not the JSON that was expected, or has more than 100 keys"),
        ("large.json", "the answer is larger than 256 KiB"),
        (
            "unusable.json",
            "the set has no usable key\n             skipped  keys[0].kty: expected a public key, found a secret",
        ),
    ] {
        let path = format!("FOLDER/{file}");
        let all = ["check", "--config", "FOLDER/plugin.yaml", "--jwks", &path];
        let line = format!("    keys     {file}: a fetch of this set fails: {reason}\n");
        let (status, text) = run(&folder, &all, "");
        assert!(status == 1 && text.ends_with(&line), "{text}");
        let (status, text) = run(&folder, &[&all[..], &["--token", &token("a", ISSUER)]].concat(), "");
        assert!(status == 1 && text.contains("\nrejected: 503 S503JW: "), "{text}");
    }
}

#[test]
fn sets_belong_to_the_entries_in_their_order() {
    let folder = folder();
    let entry = |name: &str| format!("- {{uri: 'https://{name}.example/keys', cluster: c, issuer: '{name}'}}\n");
    folder.file("two.yaml", &format!("parameter: X-Token\nremoteJwks:\n{}{}", entry("one"), entry("two")));
    let of_second = jwk_set(&[(Some("b"), &SigningKey::cached(Algorithm::EdDSA))]).to_string();
    folder.file("second.json", &of_second);
    let check = |sets: &[&str], kid: &str, issuer: &str| {
        let token = token(kid, issuer);
        let sets = sets.iter().flat_map(|set| ["--jwks", set]);
        let all = ["check", "--config", "FOLDER/two.yaml", "--token", &token].into_iter().chain(sets);
        let (status, text) = run(&folder, &all.collect::<Vec<_>>(), "");
        (status, text.lines().find(|line| line.contains("ed: ")).unwrap().to_owned())
    };
    let accepted = (0, "accepted: the request is forwarded to the backend".to_owned());
    let undecided = (2, "undecided: the answer depends on keys that are fetched".to_owned());
    assert_eq!(check(&["FOLDER/set.json", "FOLDER/second.json"], "a", "one"), accepted);
    assert_eq!(check(&["FOLDER/second.json", "FOLDER/set.json"], "a", "two"), accepted);
    assert_eq!(check(&["FOLDER/set.json", "FOLDER/second.json"], "a", "two").0, 1);
    assert_eq!(check(&["FOLDER/set.json"], "a", "one"), accepted);
    assert_eq!(check(&["FOLDER/second.json"], "a", "two"), undecided);
}

#[test]
fn options_that_do_not_fit_end_with_2_and_say_what_to_do() {
    let folder = folder();
    folder.file("static.yaml", &format!("parameter: X-Token\njwk: {}\n", key().public_jwk(None, true)));
    let remedy = "--jwks gives the keys that remoteJwks would fetch. For a key alone, use --key";
    let set = ["--jwks", "FOLDER/set.json"];
    for (arguments, message) in [
        (
            [&["check", "--config", "FOLDER/static.yaml"][..], &set].concat(),
            "the configuration has no remoteJwks, but there is an option --jwks",
        ),
        (
            [&["check", "--config", "FOLDER/plugin.yaml"][..], &set, &set].concat(),
            "remoteJwks has one entry, but there are 2 options --jwks",
        ),
    ] {
        assert_eq!(run(&folder, &arguments, ""), (2, format!("jwt-auth: {message}\n  {remedy}\n")));
    }
    let both = ["check", "--config", "FOLDER/plugin.yaml", "--jwks", "-", "--token", "-"];
    let problem = "jwt-auth: --token and --jwks can't both read stdin\n  use a file or an argument for one of them\n";
    assert_eq!(run(&folder, &both, ""), (2, problem.to_owned()));
    // The errors of the configuration are what the user must see.
    folder.file("faulty.yaml", "parameter: X-Token\nremoteJwks: {}\n");
    let (status, text) = run(&folder, &["check", "--config", "FOLDER/faulty.yaml", "--jwks", "FOLDER/set.json"], "");
    assert!(status == 1 && text.contains("remoteJwks.cluster: required\n"), "{text}");
}

#[test]
fn inspect_says_which_key_signed_the_token() {
    let folder = folder();
    let keys = [(Some("a"), &SigningKey::cached(Algorithm::RS256)), (Some("a"), &key()), (None, &key())];
    folder.file("keys.json", &jwk_set(&keys).to_string());
    let inspect = |token: &str| {
        let (status, text) = run(&folder, &["inspect", "--jwks", "FOLDER/keys.json", "--json", token], "");
        let json: Value = serde_json::from_str(&text).unwrap();
        (status, json["verified"].clone(), json["set"]["signer"].clone(), json["set"]["rejection"]["code"].clone())
    };
    let verified = |field: &str, kid: Value| (0, json!(true), json!({"field": field, "kid": kid}), Value::Null);
    let rejected = |code: &str| (1, json!(false), Value::Null, json!(code));
    assert_eq!(inspect(&token("a", "any")), verified("keys[1]", json!("a")));
    assert_eq!(inspect(&token("unknown", "any")), verified("keys[2]", Value::Null));
    let expired = key().token(Some("a"), &json!({"exp": 1}));
    assert_eq!(inspect(&expired), verified("keys[1]", json!("a")), "the signature of an expired token is valid");
    let mut forged = token("a", "any");
    let end = forged.split_off(forged.len() - 8);
    forged.push_str(if end == "AAAAAAAA" { "BBBBBBBB" } else { "AAAAAAAA" });
    assert_eq!(inspect(&forged), rejected("A403JT"));
    assert_eq!(inspect(&SigningKey::cached(Algorithm::HS256).token(Some("a"), &json!({}))), rejected("A403JT"));
    assert_eq!(inspect(&format!("\"{}\"", token("a", "any"))), rejected("I400JD"), "the filter can't read it");

    let (status, text) = run(&folder, &["inspect", "--jwks", "FOLDER/set.json", "-"], &token("a", "any"));
    assert!(status == 0 && text.starts_with("verified: signed with keys[1] of set.json, kid a\n"), "{text}");
    assert!(
        text.contains("\nsignature: 64 bytes, valid\n") && text.contains("\n    usable   keys[1]: kid a, ES256\n"),
        "{text}"
    );
    let (status, text) = run(&folder, &["inspect", "--jwks", "FOLDER/set.json", "-"], &token("x", "any"));
    let first = "not verified with set.json: A403JK No matching JWK, kid:x not found\n";
    assert!(status == 1 && text.starts_with(first) && text.contains("\nsignature: 64 bytes, not verified\n"), "{text}");
    let (status, text) = run(&folder, &["inspect", "--jwks", "FOLDER/unusable.json", "-"], &token("x", "any"));
    assert!(
        status == 1 && text.contains("\n  unusable.json: a fetch of this set fails: the set has no usable key\n"),
        "{text}"
    );
}
