use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kit::issuer::{SigningKey, sample_private_jwk};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{self, Ended, line, now, opened, run, run_with};
use crate::filter::{configuration, decide};

/// A folder with a private key in `key`, and the plugin configuration for it.
fn with_key(algorithm: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(folder.path(), ["keygen", "--alg", algorithm, "--kid", "k", "--private", "key", "--plugin"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    (folder, ended.stdout)
}

fn sign(folder: &Path, more: &[&str]) -> Ended {
    run(folder, ["sign", "--key", "key"].iter().chain(more))
}

/// The claims of a token, except those that differ in every token.
fn claims(folder: &Path, more: &[&str]) -> Value {
    let ended = sign(folder, more);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{more:?}");
    let (_, mut claims) = opened(ended.stdout.trim_end());
    for name in ["iat", "nbf", "exp", "jti"] {
        claims.as_object_mut().expect("an object").remove(name).expect(name);
    }
    claims
}

#[test]
fn a_token_has_times_a_random_jti_and_the_claims_of_the_options() {
    let (folder, configuration) = with_key("ES256");
    let before = now();
    let arguments =
        "sign --key key --sub alice --iss https://issuer.example --aud orders --claim userId=x --expires-in 2h";
    let token = line(folder.path(), arguments);
    let (header, claims) = opened(&token);
    assert_eq!(header, json!({"alg": "ES256", "typ": "JWT", "kid": "k"}));
    let (issued, jti) = (claims["iat"].as_u64().expect("iat"), claims["jti"].as_str().expect("jti"));
    assert!((before..=now()).contains(&issued));
    assert_eq!(
        claims,
        json!({
            "iss": "https://issuer.example", "sub": "alice", "aud": "orders", "userId": "x",
            "jti": jti, "iat": issued, "nbf": issued, "exp": issued + 7200,
        })
    );
    assert_eq!(jti.len(), 22);
    let (_, other) = opened(&line(folder.path(), arguments));
    assert_ne!(other["jti"], claims["jti"]);
    assert_eq!(decide(&configuration, &token, now()).map(|_| ()), Ok(()));
}

#[test]
fn a_claim_is_json_if_possible_and_otherwise_a_string() {
    let (folder, _) = with_key("EdDSA");
    for (argument, expected) in [
        ("a=text", json!("text")),
        ("a=two words", json!("two words")),
        ("a=", json!("")),
        ("a=b=c", json!("b=c")),
        ("a=12", json!(12)),
        ("a=\"12\"", json!("12")),
        ("a=true", json!(true)),
        ("a=null", json!(null)),
        ("a= [1, \"b\"] ", json!([1, "b"])),
        ("a={\"b\":{\"c\":1}}", json!({"b": {"c": 1}})),
        ("a={broken", json!("{broken")),
        ("a=1.2.3", json!("1.2.3")),
        ("a=ä\n", json!("ä\n")),
    ] {
        assert_eq!(claims(folder.path(), &["--claim", argument]), json!({"a": expected}), "{argument}");
    }
    // A number keeps its digits, even if it does not fit into 64 bits.
    let token = line(folder.path(), "sign --key key --claim n=9007199254740993.10");
    let payload = token.split('.').nth(1).expect("claims");
    use base64::Engine as _;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    assert!(String::from_utf8(payload).expect("UTF-8").starts_with("{\"n\":9007199254740993.10,\"jti\":"));
}

#[test]
fn several_audiences_are_a_list() {
    let (folder, _) = with_key("EdDSA");
    assert_eq!(claims(folder.path(), &["--aud", "a"]), json!({"aud": "a"}));
    assert_eq!(claims(folder.path(), &["--aud", "a", "--aud", "b"]), json!({"aud": ["a", "b"]}));
}

#[test]
fn options_override_the_claims_file() {
    let (folder, _) = with_key("EdDSA");
    fs::write(folder.path().join("claims"), r#"{"sub": "file", "aud": ["x"], "a": 1, "b": {"c": null}}"#)
        .expect("a file");
    let found = claims(folder.path(), &["--claims-file", "claims", "--sub", "option", "--claim", "a=2"]);
    assert_eq!(found, json!({"sub": "option", "aud": ["x"], "a": 2, "b": {"c": null}}));

    let ended =
        run_with(folder.path(), ["sign", "--key", "key", "--claims-file", "-"], b"{\"jti\":\"mine\",\"nbf\":5}");
    let (_, claims) = opened(ended.stdout.trim_end());
    assert_eq!((&claims["jti"], &claims["nbf"]), (&json!("mine"), &json!(5)));
}

/// The page has this key with only `n`, `e` and `d`.
#[test]
fn the_sample_key_of_the_page_signs() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("key"), sample_private_jwk().to_string()).expect("a file");
    fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(0o600)).expect("a file");
    let public = SigningKey::sample_private_key().public_jwk(Some("myJwtKey"), false);
    for algorithm in ["RS256", "PS512"] {
        let ended = sign(folder.path(), &["--sub", "YOUR_SUBJECT", "--alg", algorithm, "--expires-in", "120m"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let (header, _) = opened(ended.stdout.trim_end());
        assert_eq!(header, json!({"alg": algorithm, "typ": "JWT", "kid": "myJwtKey"}));
        assert_eq!(decide(&configuration(&public), ended.stdout.trim_end(), now()).map(|_| ()), Ok(()));
    }
}

#[test]
fn a_token_is_valid_as_long_as_the_filter_accepts_it() {
    let (folder, configuration) = with_key("EdDSA");
    for (duration, seconds) in [("1s", 1), ("1d 12h", 129_600), ("6d 23h 59m 59s", 604_799)] {
        let ended = sign(folder.path(), &["--expires-in", duration]);
        let (token, (_, claims)) = (ended.stdout.trim_end(), opened(ended.stdout.trim_end()));
        let issued = claims["iat"].as_u64().expect("iat");
        assert_eq!(claims["exp"], json!(issued + seconds));
        assert_eq!(decide(&configuration, token, issued + seconds - 1).map(|_| ()), Ok(()));
        assert!(decide(&configuration, token, issued + seconds).is_err_and(|why| why.starts_with("A403JE")));
    }
    for (duration, reason) in [
        ("7d", "expected less than 7 days: the filter rejects a longer lifetime (A403JT)"),
        ("1y", "expected less than 7 days: the filter rejects a longer lifetime (A403JT)"),
        ("0s", "a token without lifetime is never accepted"),
    ] {
        let ended = sign(folder.path(), &["--expires-in", duration]);
        let expected = format!(
            "error: invalid value '{duration}' for '--expires-in <DURATION>': {reason}\n\nFor more information, try '--help'.\n"
        );
        assert_eq!(ended, Ended { code: 2, stdout: String::new(), stderr: expected });
    }
}

#[test]
fn a_token_of_the_past_is_expired() {
    let (folder, configuration) = with_key("EdDSA");
    let ended = sign(folder.path(), &["--issued-ago", "3h", "--expires-in", "2h"]);
    let (_, claims) = opened(ended.stdout.trim_end());
    let issued = claims["iat"].as_u64().expect("iat");
    assert!((now() - 3 * 3600 - 5..=now() - 3 * 3600).contains(&issued));
    assert_eq!((&claims["nbf"], &claims["exp"]), (&json!(issued), &json!(issued + 7200)));
    assert!(decide(&configuration, ended.stdout.trim_end(), now()).is_err_and(|why| why.starts_with("A403JE")));
}

#[test]
fn a_key_can_come_from_stdin_and_a_key_that_others_can_read_gets_a_warning() {
    let (folder, configuration) = with_key("EdDSA");
    let key = fs::read(folder.path().join("key")).expect("a file");
    let ended = run_with(folder.path(), ["sign", "--key", "-"], &key);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(decide(&configuration, ended.stdout.trim_end(), now()).map(|_| ()), Ok(()));

    fs::set_permissions(folder.path().join("key"), fs::Permissions::from_mode(0o640)).expect("a file");
    let ended = sign(folder.path(), &[]);
    assert_eq!(ended.code, 0);
    assert_eq!(ended.stderr, "jwt-auth: warning: other users have access to key; run: chmod 600 key\n");
}

#[test]
fn claims_that_the_filter_can_not_read_are_not_signed() {
    for algorithm in ["ES256", "HS384"] {
        let (folder, configuration) = with_key(algorithm);
        // The claims object is one level.
        for (levels, expected) in [(64, None), (65, Some("I400JD"))] {
            let [open, close] = ["[", "]"].map(|bracket| bracket.repeat(levels - 1));
            let ended = sign(folder.path(), &["--claim", &format!("a={open}{close}")]);
            match expected {
                None => {
                    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
                    assert_eq!(decide(&configuration, ended.stdout.trim_end(), now()).map(|_| ()), Ok(()));
                }
                Some(code) => {
                    let problem = format!("jwt-auth: the filter would reject the token ({code})");
                    let stderr = format!("{problem}\n  claims can't be nested deeper than 64 levels\n");
                    assert_eq!(ended, Ended { code: 2, stdout: String::new(), stderr });
                }
            }
        }
        // A token that is not yet valid may be intended.
        assert_eq!(sign(folder.path(), &["--claim", "nbf=4102444800"]).code, 0);
    }
}

#[test]
fn errors_of_sign_say_what_to_do() {
    let (folder, _) = with_key("RS256");
    run(folder.path(), ["keygen", "--alg", "ES256", "--private", "other", "--public", "public"]);
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("a file");
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).expect("a file");
    };
    write("list", "[1]");
    write("twice", "{\"a\":{\"b\":1,\"b\":2}}");
    write("times", "{\"exp\":1}");
    write("text", "secret-that-must-not-show");
    write("typed", "{\"kty\":\"RSA\",\"d\":\"secret-that-must-not-show\",\"n\":true}");
    write("short", "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}");
    write("set", "{\"keys\":[]}");
    write("nameless", &{
        let mut jwk = command::json(&folder.path().join("other"));
        jwk["kid"] = "".into();
        jwk.to_string()
    });
    write("halved", &{
        let mut jwk = command::json(&folder.path().join("key"));
        jwk.as_object_mut().expect("a key").remove("q").expect("a prime");
        jwk.to_string()
    });
    write("long", &json!({"a": "x".repeat(20_000)}).to_string());
    let private = "use a private JWK, as `jwt-auth keygen` makes it";
    let times = "can't set iat and exp as claims\n  use --expires-in and --issued-ago";
    for (arguments, expected) in [
        ("--key nowhere", "can't read nowhere: No such file or directory (os error 2)".to_owned()),
        ("--key text", format!("the key: not JSON, at line 1, column 1\n  {private}")),
        ("--key typed", format!("the key: a member of the JWK is duplicate or has the wrong type, at line 1, column 53\n  {private}")),
        ("--key set", "the key: kty is missing\n  use one private JWK, as `jwt-auth keygen` makes it, and not a JWK set".to_owned()),
        ("--key public", "the key: d is missing, so the key can't sign\n  use the private JWK instead of the public one".to_owned()),
        ("--key nameless", "the key: kid: expected a non-empty string without control characters\n  change kid, or leave it out; the filter accepts no other".to_owned()),
        ("--key halved", "the key: p without q\n  include both primes, or leave out p, q, dp, dq and qi".to_owned()),
        ("--key short", "the key: HS256 needs a k of 32 bytes or more\n  RFC 7518, section 3.2: a secret must be at least as long as its hash".to_owned()),
        ("--key key --alg ES256", "ES256 does not suit the key; expected one of RS256, RS384, RS512, PS256, PS384, PS512".to_owned()),
        ("--key - --claims-file -", "--key and --claims-file can't both read stdin".to_owned()),
        ("--key key --claim exp=1", times.to_owned()),
        ("--key key --claims-file times", times.to_owned()),
        ("--key key --claim nbf=soon", "nbf must be a number of seconds since 1970".to_owned()),
        ("--key key --claim jti=7", "jti must be a string of 1 to 1024 bytes\n  leave it out for a random one; to use a number, quote it: --claim 'jti=\"7\"'".to_owned()),
        ("--key key --sub a --claim sub=b", "duplicate claim \"sub\"\n  to set a list: --claim 'sub=[\"one\",\"other\"]'".to_owned()),
        ("--key key --claims-file list", "list is not a JSON object but an array\n  expected one JSON object without duplicate members".to_owned()),
        ("--key key --claims-file twice", "twice has a duplicate member \"b\" at line 1 column 13\n  expected one JSON object without duplicate members".to_owned()),
        ("--key key --claims-file long", "the token would have 27181 bytes; the filter reads 16 KiB\n  use fewer or shorter claims".to_owned()),
    ] {
        let ended = run(folder.path(), ["sign"].into_iter().chain(arguments.split(' ')));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}");
        assert_eq!(ended.stderr, format!("jwt-auth: {expected}\n"), "{arguments}");
    }
    for (arguments, expected) in [
        ("--key key --claim a", "error: invalid value 'a' for '--claim <NAME=VALUE>': expected NAME=VALUE\n"),
        (
            "--key key --claim =a",
            "error: invalid value '=a' for '--claim <NAME=VALUE>': expected a name before the =\n",
        ),
        (
            "--key key --claim a={\"b\":1,\"b\":1}",
            "error: invalid value 'a={\"b\":1,\"b\":1}' for '--claim <NAME=VALUE>': duplicate member \"b\" at line 1 column 8",
        ),
        ("--key key --expires-in 2", "error: invalid value '2' for '--expires-in <DURATION>': "),
        ("", "error: the following required arguments were not provided:\n  --key <FILE>\n"),
    ] {
        let words = arguments.split(' ').filter(|word| !word.is_empty());
        let ended = run(folder.path(), ["sign"].into_iter().chain(words));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}");
        assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    }
}
