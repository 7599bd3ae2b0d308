//! `jwt-auth check` with a request, and its errors.

mod support;

use support::{Answer, Folder, jwt_auth};

const KEY: &str = "{kty: oct, k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";

/// The token of RFC 7515, appendix A.1, which expires at 1300819380, and its key.
const RFC_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly\
                         9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const RFC_KEY: &str =
    "{kty: oct, k: AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow}";

fn check(file: &str, more: &[&str]) -> Answer {
    jwt_auth(&[&["check", "--config", "-"], more].concat(), file.as_bytes())
}

#[test]
fn with_configuration_errors_a_request_is_rejected_and_the_errors_are_listed() {
    let answer = check("parameter: t\n", &["--path", "/"]);
    assert_eq!(answer.status, 1);
    let expected = "stdin:1:1: jwk: expected a key here, in jwks or from remoteJwks, found none
stdin:1:1: plugin (plugin): 1 error

rejected: 400 I400JP: Invalid JWT plugin config: jwk: expected a key here, in jwks or from remoteJwks, found none
  why  The configuration has errors, so every request is rejected.
  fix  Fix the errors listed.
";
    assert_eq!(answer.stdout, expected);
}

#[test]
fn errors_end_with_2_and_say_what_to_do() {
    let folder = Folder::new();
    let config = folder.file("plugin.yaml", &format!("parameter: t\njwk: {KEY}\n"));
    let config = config.to_str().unwrap();
    for (arguments, problem) in [
        (&["--config", "/nonexistent"][..], "can't read /nonexistent: "),
        (&["--config", "-", "--token", "-"], "--config and --token can't both read stdin\n  use a file"),
        (&["--config", config, "--header", "nothing"], "--header \"nothing\" is not a header\n  use the form"),
        (&["--config", config, "--header", "a: b\r\nc: d"], "--header \"a: b\\r\\nc: d\" is not a header"),
    ] {
        let answer = jwt_auth(&[&["check"], arguments].concat(), b"");
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(answer.stderr.starts_with(&format!("jwt-auth: {problem}")), "{answer:?}");
    }
}

#[test]
fn the_output_does_not_contain_the_token() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";
    let plugin = format!(
        "parameter: t\nparameterLocation: query\njwk: {KEY}\nbypassEmptyToken: true\n\
         claimParameters: [{{claimName: a, parameterName: a, location: query}}]\n"
    );
    for more in [&["--token", token][..], &["--path", "/?a=1&b", "--token", token]] {
        let answer = check(&plugin, more);
        assert_eq!(answer.status, 1);
        assert!(!answer.stdout.contains(&token[20..]), "{answer:?}");
    }
    let plugin = format!(
        "parameter: t\nparameterLocation: query\njwk: {RFC_KEY}\n\
         claimParameters: [{{claimName: iss, parameterName: a, location: query}}]\n"
    );
    let token = RFC_TOKEN;
    let path = format!("/?t={token}&a=b");
    for more in [["--path", &path], ["--token", token]] {
        let answer = check(&plugin, &[&more[..], &["--time", "1300819000"]].concat());
        assert_eq!(answer.status, 0, "{answer:?}");
        assert!(answer.stdout.contains("t=eyJ0eXAiOiJKV1Qi..."), "{answer:?}");
        assert!(!answer.stdout.contains(&token[20..]), "{answer:?}");
    }
}

#[test]
fn a_request_forwarded_without_a_token_gets_a_note() {
    let plugin = format!("parameter: t\nparameterLocation: query\njwk: {KEY}\nbypassEmptyToken: true\n");
    let folder = Folder::new();
    let config = folder.file("plugin.yaml", &plugin);
    let arguments = ["check", "--config", config.to_str().unwrap(), "--token", "-"];
    let answer = jwt_auth(&arguments, b"");
    let note = "  note there is no token: the request is forwarded unauthenticated (bypassEmptyToken)\n";
    assert_eq!((answer.status, answer.stdout.ends_with(note)), (0, true), "{answer:?}");
    let with_token = check(&plugin.replace(KEY, RFC_KEY), &["--token", RFC_TOKEN, "--time", "1300819000"]);
    assert_eq!((with_token.status, with_token.stdout.contains("note")), (0, false), "{with_token:?}");
}

/// As in Envoy, where a request with `content-length: 0` ends with its headers; tests/live.rs compares with a real one.
#[test]
fn an_empty_body_is_no_body() {
    let plugin = format!(
        "parameter: t\njwk: {RFC_KEY}\nclaimParameters: [{{claimName: iss, parameterName: a, location: formData}}]\n"
    );
    let with = |data: &str| {
        let form = "content-type: multipart/form-data; boundary=x";
        check(&plugin, &["--token", RFC_TOKEN, "--time", "1300819000", "--header", form, "--data", data])
    };
    let (empty, other) = (with(""), with("a"));
    assert_eq!((empty.status, empty.stdout.contains("accepted: ")), (0, true), "{empty:?}");
    assert_eq!((other.status, other.stdout.contains("rejected: 415 I415FD")), (1, true), "{other:?}");
}

#[test]
fn for_a_token_over_the_limit_the_size_is_reported() {
    let plugin = format!("parameter: t\njwk: {KEY}\n");
    for (length, expected) in [(16384, false), (16385, true)] {
        let token = "a".repeat(length);
        for more in [["--token", &token], ["--header", &format!("t: {token}")]] {
            let answer = check(&plugin, &more);
            let note = format!("  note the token has {length} bytes; the limit is 16384\n");
            assert!(answer.stdout.contains("rejected: 400 I400JD: JWT Deserialize Failed: aaa"), "{answer:?}");
            assert_eq!((answer.status, answer.stdout.contains(&note)), (1, expected), "{answer:?}");
        }
        let inspected = jwt_auth(&["inspect", &token], b"");
        let line = format!("the token has {length} bytes; the limit is 16384 (I400JD)");
        assert_eq!(inspected.stdout.contains(&line), expected, "{inspected:?}");
    }
}

#[test]
fn input_has_a_size_limit() {
    let folder = Folder::new();
    let config = folder.file("plugin.yaml", &format!("parameter: t\njwk: {KEY}\n"));
    let config = config.to_str().unwrap();
    let long = vec![b' '; (16 << 20) + 1];
    for arguments in
        [&["check", "--config", "-"][..], &["check", "--config", config, "--token", "-"], &["inspect", "-"]]
    {
        let answer = jwt_auth(arguments, &long);
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(answer.stderr.contains("longer than 16 MiB"), "{answer:?}");
    }
}
