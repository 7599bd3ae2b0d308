use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use kit::issuer::{Algorithm, Family};
use serde_json::Value;

use crate::command::{command, json, line, now, opened, run};
use crate::filter::{configuration, decide};

const OVERWRITE: &str = "  --force overwrites it; tokens of the old key become invalid\n";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").mode() & 0o777
}

/// `kid`, `use` and `alg` of a key.
fn labels(jwk: &Value) -> [&str; 3] {
    ["kid", "use", "alg"].map(|name| jwk[name].as_str().expect("a text"))
}

#[test]
fn the_filter_accepts_tokens_of_new_key_pairs_of_every_algorithm() {
    let folder = tempfile::tempdir().expect("a folder");
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.family() != Family::Oct) {
        let arguments = format!("keygen --alg {algorithm} --kid a --private {algorithm} --public {algorithm}.public");
        assert_eq!(run(folder.path(), arguments.split(' ')).stdout, "");
        let [private, public] = ["", ".public"].map(|end| folder.path().join(format!("{algorithm}{end}")));
        assert_eq!((mode(&private), mode(&public)), (0o600, 0o644));
        assert!(fs::read_to_string(&private).expect("a file").ends_with("}\n"));
        let [private, public] = [json(&private), json(&public)];
        assert_eq!(labels(&private), ["a", "sig", algorithm.name()]);
        for (name, value) in public.as_object().expect("an object") {
            assert_eq!(&private[name], value, "{name}");
        }
        let token = line(folder.path(), &format!("sign --key {algorithm}"));
        assert_eq!(decide(&configuration(&public), &token, now()).map(|_| ()), Ok(()), "{algorithm}");
    }
}

#[test]
fn the_filter_needs_the_secret_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    for algorithm in ["HS256", "HS384", "HS512"] {
        let ended = run(folder.path(), ["keygen", "--alg", algorithm, "--private", algorithm]);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
        assert_eq!(mode(&folder.path().join(algorithm)), 0o600);
        let token = line(folder.path(), &format!("sign --key {algorithm}"));
        let configuration = configuration(&json(&folder.path().join(algorithm)));
        assert_eq!(decide(&configuration, &token, now()).map(|_| ()), Ok(()), "{algorithm}");
    }
}

#[test]
fn the_filter_accepts_the_plugin_configuration_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    for algorithm in Algorithm::ALL {
        let ended =
            run(folder.path(), ["keygen", "--alg", algorithm.name(), "--private", algorithm.name(), "--plugin"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let token = line(folder.path(), &format!("sign --key {algorithm} --sub alice"));
        assert!(decide(&ended.stdout, &token, now()).is_ok_and(|edits| edits.headers.is_empty()), "{algorithm}");
        assert_eq!(
            ended.stdout.contains("The key below is the secret:"),
            algorithm.family() == Family::Oct,
            "{algorithm}"
        );
        assert!(!ended.stdout.contains("\"d\":"), "{algorithm}");

        // The commented-out lines must also be valid.
        let uncommented =
            ended.stdout.replace("\n# claim", "\nclaim").replace("\n# - ", "\n- ").replace("\n#   ", "\n  ");
        let edits = decide(&uncommented, &token, now()).expect("a valid token");
        assert_eq!(edits.headers.len(), 1, "{uncommented}");
    }
}

#[test]
fn keys_without_an_output_file_are_written_to_stdout() {
    let folder = tempfile::tempdir().expect("a folder");
    let parse = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");

    let both = parse(line(folder.path(), "keygen --alg ES256"));
    assert_eq!(both.as_object().expect("an object").keys().collect::<Vec<_>>(), ["private", "public"]);
    assert_eq!(both["private"]["x"], both["public"]["x"]);
    assert_eq!((both["private"]["d"].is_string(), both["public"]["d"].is_null()), (true, true));

    let public = parse(line(folder.path(), "keygen --alg ES256 --private a"));
    assert_eq!((&public["x"], &public["d"]), (&json(&folder.path().join("a"))["x"], &Value::Null));

    let private = parse(line(folder.path(), "keygen --alg ES256 --public b"));
    assert_eq!((&private["x"], private["d"].is_string()), (&json(&folder.path().join("b"))["x"], true));

    assert!(parse(line(folder.path(), "keygen --alg HS256"))["k"].is_string());
}

#[test]
fn the_default_kid_is_the_thumbprint_and_each_run_makes_a_new_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = || serde_json::from_str::<Value>(&line(folder.path(), "keygen --alg EdDSA")).expect("JSON");
    let [one, other] = [key(), key()];
    assert_ne!(one["public"]["x"], other["public"]["x"]);
    // The thumbprint has 32 bytes.
    assert_eq!(one["public"]["kid"].as_str().map(str::len), Some(43));
    assert_eq!(one["private"]["kid"], one["public"]["kid"]);
    assert_ne!(one["public"]["kid"], other["public"]["kid"]);
}

#[test]
fn the_length_of_an_rsa_key_can_be_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    for (bits, characters) in [("2048", 342), ("3072", 512), ("4096", 683)] {
        let text = line(folder.path(), &format!("keygen --alg PS384 --bits {bits} --private {bits}"));
        let public: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(public["n"].as_str().map(str::len), Some(characters), "{bits}");
    }
}

#[test]
fn an_existing_file_is_overwritten_only_with_force_and_then_private_to_its_owner() {
    let folder = tempfile::tempdir().expect("a folder");
    let [private, public] = ["private", "public"].map(|name| folder.path().join(name));
    let arguments = ["keygen", "--alg", "ES256", "--private", "private", "--public", "public"];

    for (there, message) in [
        ("private", "jwt-auth: private already exists\n"),
        // Then the private key is not written either.
        ("public", "jwt-auth: public already exists\n"),
    ] {
        fs::write(folder.path().join(there), "precious").expect("a file");
        let ended = run(folder.path(), arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
        assert_eq!(ended.stderr, format!("{message}{OVERWRITE}"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert_eq!(fs::read_to_string(folder.path().join(there)).expect("a file"), "precious");
        fs::remove_file(folder.path().join(there)).expect("a file");
    }

    fs::write(&private, "precious").expect("a file");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o666)).expect("a file");
    let ended = run(folder.path(), arguments.into_iter().chain(["--force"]));
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    assert_eq!((mode(&private), json(&private)["x"] == json(&public)["x"]), (0o600, true));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

/// A link could point to a place where others can read the private key.
#[test]
fn a_link_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (link, target) = (folder.path().join("link"), folder.path().join("target"));
    std::os::unix::fs::symlink(&target, &link).expect("a link");
    let ended = run(folder.path(), ["keygen", "--alg", "ES256", "--private", "link"]);
    assert_eq!((ended.code, ended.stderr), (2, format!("jwt-auth: link already exists\n{OVERWRITE}")));
    assert_eq!(run(folder.path(), ["keygen", "--alg", "ES256", "--private", "link", "--force"]).code, 0);
    assert!(fs::symlink_metadata(&link).expect("a file").is_file() && !target.exists());
}

/// With two names for one file, the public key would replace the private key.
#[test]
fn one_file_under_two_names_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(".", folder.path().join("here")).expect("a link");
    let whole = folder.path().join("k.json");
    for public in ["k.json", "./k.json", "here/k.json", whole.to_str().expect("UTF-8")] {
        for force in [&[][..], &["--force"]] {
            let arguments = ["keygen", "--alg", "ES256", "--private", "k.json", "--public", public];
            let ended = run(folder.path(), arguments.iter().chain(force));
            assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{public}");
            assert_eq!(ended.stderr, "jwt-auth: --private and --public name the same file\n", "{public}");
            assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "{public}");
        }
    }
    // The same name in another folder is a different file.
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    line_less(folder.path(), "keygen --alg ES256 --private k.json --public folder/k.json");
    assert!(json(&whole)["d"].is_string() && json(&folder.path().join("folder/k.json"))["d"].is_null());
}

/// Runs a command line, split at spaces, that must succeed without output.
fn line_less(folder: &Path, arguments: &str) {
    let ended = run(folder, arguments.split(' '));
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""), "{arguments}");
}

#[test]
fn a_device_or_a_pipe_is_never_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let [pipe, socket] = ["pipe", "socket"].map(|name| folder.path().join(name));
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("the command mkfifo").success());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    for arguments in ["--private pipe", "--public pipe", "--private socket"] {
        for force in ["", " --force"] {
            let (_, name) = arguments.split_once(' ').expect("a name");
            let ended = run(folder.path(), format!("keygen --alg ES256 {arguments}{force}").split(' '));
            let message = format!("jwt-auth: {name} is a device, a pipe or a socket\n");
            assert_eq!((ended.code, ended.stdout, ended.stderr), (2, String::new(), message), "{arguments}{force}");
        }
    }
    let kind = |path| fs::symlink_metadata(path).expect("a file").file_type();
    assert!(kind(&pipe).is_fifo() && kind(&socket).is_socket());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_an_error_that_names_the_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let keygen = |more: &str, stdout: Stdio| {
        let mut command = command();
        command.current_dir(folder.path()).args(["keygen", "--alg", "ES256"]).args(more.split_whitespace());
        let output = command.stdout(stdout).output().expect("the command runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    assert_eq!(keygen("--private a", OwnedFd::from(writer).into()), (Some(0), String::new()));

    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("a device").into();
    let problem = "jwt-auth: can't write: No space left on device (os error 28)\n";
    assert_eq!(keygen("", full()), (Some(2), problem.to_owned()));
    let written = format!("{problem}  already written: b; with --force this command makes another key\n");
    assert_eq!(keygen("--private b --plugin", full()), (Some(2), written));
    assert!(folder.path().join("b").is_file());
}

#[test]
fn errors_say_what_to_do_and_leave_no_files() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    for (arguments, expected) in [
        (
            "--alg HS256 --private a --public b",
            "jwt-auth: HS256 has no public key: anyone who can verify its tokens can also forge them\n  leave out --public; --plugin prints a configuration with the secret\n",
        ),
        ("--alg ES256 --bits 2048", "jwt-auth: --bits is only for RSA keys; keys for ES256 have a fixed length\n"),
        ("--alg ES256 --private a --public a", "jwt-auth: --private and --public name the same file\n"),
        ("--alg ES256 --private nowhere/a", "jwt-auth: can't write nowhere/a: entity not found\n"),
        ("--alg ES256 --private folder --force", "jwt-auth: folder is a directory\n"),
        (
            "--alg ES256 --private -",
            "jwt-auth: - is not the name of a file\n  leave out the option to write to stdout; use ./- for a file named -\n",
        ),
        (
            "--alg ES256 --private a --public - --force",
            "jwt-auth: - is not the name of a file\n  leave out the option to write to stdout; use ./- for a file named -\n",
        ),
        ("--alg none", "error: invalid value 'none' for '--alg <ALG>'\n"),
        ("--alg RS256 --bits 1024", "error: invalid value '1024' for '--bits <BITS>'\n"),
        (
            "--alg RS256 --kid ",
            "error: invalid value '' for '--kid <KID>': expected a non-empty string without control characters\n",
        ),
        ("--alg RS256 --plugin", "error: the following required arguments were not provided:\n  --private <FILE>\n"),
        ("", "error: the following required arguments were not provided:\n  --alg <ALG>\n"),
    ] {
        let words = arguments.split(' ').take(if arguments.is_empty() { 0 } else { usize::MAX });
        let ended = run(folder.path(), ["keygen"].into_iter().chain(words));
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments}");
        let is_usage = expected.starts_with("error: ");
        assert!(
            if is_usage { ended.stderr.starts_with(expected) } else { ended.stderr == expected },
            "{}",
            ended.stderr
        );
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "{arguments}");
    }
}

/// `sign` sets the `kid` that selects the key.
#[test]
fn tokens_name_the_key() {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), ["keygen", "--alg", "ES384", "--kid", "orders 2026/ä", "--private", "a", "--public", "b"]);
    let (header, _) = opened(&line(folder.path(), "sign --key a"));
    assert_eq!(header, serde_json::json!({"alg": "ES384", "typ": "JWT", "kid": "orders 2026/ä"}));
}
