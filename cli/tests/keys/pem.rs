//! Keys and certificates made by openssl.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{json, line, now, opened, run, run_with};
use crate::filter::{configuration, decide};

/// Runs lines in a shell.
fn shell(folder: &Path, lines: &str) {
    let script = format!("umask 077\n{lines}");
    let output = Command::new("sh").args(["-e", "-c", &script]).current_dir(folder).output().expect("a shell");
    assert!(output.status.success(), "{lines}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a private key of each kind, in `NAME.pem`. The keys are made once.
fn keys() -> TempDir {
    static KEYS: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        shell(
            folder.path(),
            "openssl genrsa 2048 > rsa.pem
             openssl rsa -in rsa.pem -traditional > rsa-pkcs1.pem
             openssl ecparam -name prime256v1 -genkey > p256.pem
             openssl pkcs8 -topk8 -nocrypt -in p256.pem > p256-pkcs8.pem
             openssl ec -in p256.pem -no_public > p256-bare.pem
             openssl ecparam -name secp384r1 -genkey -noout > p384.pem
             openssl ecparam -name secp521r1 -genkey -noout > p521.pem
             openssl ecparam -name secp256k1 -genkey -noout > k256.pem
             openssl ecparam -name secp224r1 -genkey -noout > p224.pem
             openssl genpkey -algorithm ed25519 > ed25519.pem
             openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 > pss.pem",
        );
        folder
    });
    let folder = tempfile::tempdir().expect("a folder");
    shell(folder.path(), &format!("cp {}/*.pem .", KEYS.path().display()));
    folder
}

fn jwk(folder: &Path, arguments: &str) -> Value {
    serde_json::from_str(&line(folder, &format!("jwk {arguments}"))).expect("JSON")
}

/// The error message of a command that must fail.
fn problem(folder: &Path, arguments: &str) -> String {
    let ended = run(folder, arguments.split(' '));
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}: {ended:?}");
    ended.stderr
}

#[test]
fn every_form_of_a_key_gives_the_same_jwk_and_its_tokens_pass() {
    let keys = keys();
    let folder = keys.path();
    let mut families = vec![
        ("rsa", "RS256", &["rsa-pkcs1"][..], "alg e kid kty n use"),
        ("p256", "ES256", &["p256-pkcs8", "p256-bare"], "alg crv kid kty use x y"),
        ("p384", "ES384", &[], "alg crv kid kty use x y"),
        ("k256", "ES256K", &[], "alg crv kid kty use x y"),
        ("ed25519", "EdDSA", &[], "alg crv kid kty use x"),
        ("pss", "PS256", &[], "alg e kid kty n use"),
    ];
    if run(folder, ["keygen", "--help"]).stdout.contains("ES512") {
        families.push(("p521", "ES512", &[], "alg crv kid kty use x y"));
    }
    for (name, algorithm, others, members) in families {
        shell(
            folder,
            &format!(
                "openssl pkey -in {name}.pem -pubout > public.pem
                 openssl pkey -in {name}.pem -outform DER > private.der
                 openssl pkey -in {name}.pem -pubout -outform DER > public.der
                 openssl req -x509 -key {name}.pem -subj /CN=orders -days 2 > certificate.pem
                 openssl x509 -in certificate.pem -outform DER > certificate.der
                 cat {name}.pem certificate.pem > both.pem"
            ),
        );
        let public = jwk(folder, &format!("{name}.pem"));
        let found: Vec<_> = public.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!((found.join(" "), public["alg"].as_str()), (members.to_owned(), Some(algorithm)), "{name}");
        let forms = ["public.pem", "private.der", "public.der", "certificate.pem", "certificate.der", "both.pem"];
        let others: Vec<_> = others.iter().map(|other| format!("{other}.pem")).collect();
        for form in forms.into_iter().chain(others.iter().map(String::as_str)) {
            assert_eq!(jwk(folder, form), public, "{name}: {form}");
        }
        for key in [&format!("{name}.pem"), "private.der", "both.pem"] {
            let token = line(folder, &format!("sign --key {key}"));
            assert_eq!(decide(&configuration(&public), &token, now()).map(|_| ()), Ok(()), "{name}: {key}");
            assert_eq!(opened(&token).0["kid"], public["kid"]);
        }
        let private = format!("jwk {name}.pem --private private.json --public public.json --force");
        assert_eq!(run(folder, private.split(' ')).stdout, "", "{name}");
        assert_eq!(json(&folder.join("public.json")), public);
        assert_eq!(fs::metadata(folder.join("private.json")).expect("a file").mode() & 0o777, 0o600);
        let token = line(folder, "sign --key private.json");
        assert_eq!(decide(&configuration(&public), &token, now()).map(|_| ()), Ok(()), "{name}: as a private JWK");
    }
    shell(folder, "openssl rsa -in rsa.pem -RSAPublicKey_out > rsa-public.pem");
    assert_eq!(jwk(folder, "rsa-public.pem"), jwk(folder, "rsa.pem"));
}

#[test]
fn options_set_kid_use_and_alg_and_no_private_key_is_printed() {
    let keys = keys();
    let folder = keys.path();
    let labels = |arguments: &str| {
        let jwk = jwk(folder, arguments);
        ["kid", "use", "alg"].map(|name| jwk[name].as_str().map(str::to_owned))
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(labels("rsa.pem --kid a --alg PS384 --use none"), [text("a"), None, text("PS384")]);
    assert_eq!(labels("p256.pem --kid b"), [text("b"), text("sig"), text("ES256")]);
    let token = line(folder, "sign --key rsa.pem --kid a --alg PS384");
    let (header, _) = opened(&token);
    assert_eq!([&header["kid"], &header["alg"]], ["a", "PS384"]);
    let key = fs::read(folder.join("p384.pem")).expect("a file");
    let piped = run_with(folder, ["jwk", "-", "--plugin"], &key);
    assert_eq!((piped.code, piped.stderr.as_str()), (0, ""));
    assert!(piped.stdout.contains("\njwk: {") && !piped.stdout.contains("\"d\""), "{piped:?}");
}

#[test]
fn a_file_with_several_keys_needs_a_choice() {
    let keys = keys();
    let folder = keys.path();
    shell(
        folder,
        "openssl req -x509 -key rsa.pem -subj /CN=leaf -days 2 > chain.pem
         openssl req -x509 -key p256.pem -subj /CN=root -days 2 >> chain.pem
         cat rsa.pem p256.pem > two.pem",
    );
    assert_eq!(
        problem(folder, "jwk chain.pem"),
        "jwt-auth: the file has 2 different keys\n  choose one with --nth NUMBER, or all with --all: \
         1 (certificate of CN=leaf), 2 (certificate of CN=root)\n"
    );
    assert!(problem(folder, "jwk chain.pem --nth 3").contains("the file has 2 different keys"));
    assert_eq!(jwk(folder, "chain.pem --nth 1"), jwk(folder, "rsa.pem"));
    assert_eq!(jwk(folder, "chain.pem --nth 2"), jwk(folder, "p256.pem"));
    let set = jwk(folder, "chain.pem --all");
    assert_eq!(set["keys"], Value::from(vec![jwk(folder, "rsa.pem"), jwk(folder, "p256.pem")]));
    assert!(problem(folder, "sign --key two.pem").contains("the file has several private keys"));
    assert!(problem(folder, "check --key chain.pem").contains("the file has 2 different keys"));
}

#[test]
fn errors_for_unsupported_files_say_what_to_do() {
    let keys = keys();
    let folder = keys.path();
    shell(
        folder,
        "openssl rsa -in rsa.pem -aes128 -passout pass:secret > encrypted.pem
         openssl rsa -in rsa.pem -aes128 -passout pass:secret -traditional > encrypted-pkcs1.pem
         openssl genrsa 1024 > short.pem
         openssl genpkey -algorithm ed448 > ed448.pem
         openssl ec -in p256.pem -pubout -conv_form compressed > compressed.pem
         openssl req -new -key rsa.pem -subj /CN=a > request.pem
         openssl req -x509 -key rsa.pem -subj /CN=a -days 2 > certificate.pem
         cat certificate.pem encrypted.pem > encrypted-both.pem
         sed '3d' rsa.pem > damaged.pem
         echo '{\"kty\": \"oct\"}' > jwk.json
         echo hello > text.txt",
    );
    for (arguments, expected) in [
        (
            "jwk encrypted.pem",
            "keys that are encrypted with a password are not supported\n  decrypt a copy: (umask 077 && openssl pkey",
        ),
        ("jwk encrypted-pkcs1.pem", "encrypted with a password"),
        ("sign --key encrypted.pem", "encrypted with a password"),
        ("sign --key encrypted-both.pem", "encrypted with a password"),
        ("sign --key certificate.pem", "the file has no private key, only a certificate of CN=a\n"),
        ("jwk certificate.pem --private x", "the file has no private key\n"),
        ("jwk short.pem", "expected an n of 2048 to 4096 bits"),
        ("jwk ed448.pem", "of an unsupported kind"),
        ("jwk p224.pem", "of an unsupported kind"),
        ("jwk compressed.pem", "the point of the key is compressed"),
        ("jwk request.pem", "the PEM has no key, but \"CERTIFICATE REQUEST\""),
        ("jwk damaged.pem", "damaged"),
        ("jwk jwk.json", "jwk.json: the file is JSON\n  a JWK needs no conversion"),
        ("jwk text.txt", "text.txt: the file is neither PEM nor DER"),
        ("jwk none.pem", "can't read none.pem: "),
        ("jwk rsa.pem --alg ES256", "ES256 does not suit the key; expected one of RS256, "),
        ("jwk rsa.pem --private a --public a", "--private and --public name the same file"),
    ] {
        let problem = problem(folder, arguments);
        assert!(problem.starts_with("jwt-auth: ") && problem.contains(expected), "{arguments}: {problem}");
    }
    assert_eq!(jwk(folder, "encrypted-both.pem"), jwk(folder, "rsa.pem"), "the key of the certificate");
    assert!(!folder.join("x").exists());
    let damaged = fs::read(folder.join("rsa.pem")).expect("a file");
    let cut = run_with(folder, ["jwk", "-"], &damaged[..damaged.len() / 2]);
    assert_eq!((cut.code, cut.stdout.as_str()), (2, ""), "{cut:?}");
}

#[test]
fn a_certificate_that_is_not_valid_is_used_with_a_warning() {
    let keys = keys();
    let folder = keys.path();
    shell(folder, "openssl req -x509 -key p256.pem -subj /CN=a -days -1 > expired.pem || true");
    if fs::metadata(folder.join("expired.pem")).is_ok_and(|file| file.len() == 0) {
        // Some versions of openssl can't make such a certificate.
        return;
    }
    let ended = run(folder, ["jwk", "expired.pem"]);
    let warning =
        "jwt-auth: warning: the certificate has expired or is not valid yet; the filter does not check its dates\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (0, warning));
}

#[test]
fn check_accepts_a_key_instead_of_a_configuration() {
    let keys = keys();
    let folder = keys.path();
    shell(
        folder,
        "openssl pkey -in rsa.pem -pubout > public.pem
         openssl pkey -in p256.pem -pubout > other.pem",
    );
    fs::write(folder.join("public.json"), jwk(folder, "rsa.pem").to_string()).expect("a file");
    fs::write(folder.join("set.json"), serde_json::json!({"keys": [jwk(folder, "rsa.pem")]}).to_string())
        .expect("a file");
    let token = line(folder, "sign --key rsa.pem --alg PS256 --sub alice");
    let default = line(folder, "sign --key rsa.pem --sub alice");
    for (key, token, code, expected) in [
        ("public.pem", &token, 0, "public.pem:1:1: key (no configuration): no errors\n\naccepted: "),
        ("rsa.pem", &token, 0, "accepted: "),
        ("public.json", &default, 0, "accepted: "),
        ("set.json", &default, 0, "accepted: "),
        ("public.json", &token, 1, "rejected: 403 A403JT"),
        ("other.pem", &token, 1, "rejected: 403 A403JT"),
    ] {
        let ended = run(folder, ["check", "--key", key, "--token", token]);
        assert_eq!((ended.code, ended.stdout.contains(expected)), (code, true), "{key}: {ended:?}");
    }
    assert!(problem(folder, "check --key - --token -").contains("--key and --token can't both read stdin"));
    assert!(problem(folder, "check --token x").contains("--config"));
}

/// Runs the walkthrough in docs/cli.md.
#[test]
fn the_way_from_openssl_to_an_accepted_token_in_the_document_works() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let document = fs::read_to_string(document).expect("a file");
    let (_, walk) = document.split_once("\n```sh openssl\n").expect("the walk");
    let (walk, _) = walk.split_once("```").expect("its end");
    let binary = Path::new(env!("CARGO_BIN_EXE_jwt-auth")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let folder = tempfile::tempdir().expect("a folder");
    let output =
        Command::new("sh").args(["-e", "-c", walk]).current_dir(folder.path()).env("PATH", path).output().expect("sh");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        (output.status.code(), stdout.as_ref()),
        (
            Some(0),
            "plugin.yaml:2:1: plugin (plugin): no errors\n\naccepted: the request is forwarded to the backend\n  without changes\n"
        ),
        "{output:?}"
    );
}
