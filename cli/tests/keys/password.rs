use std::env;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::{Ended, run_with};

fn hash(arguments: &[&str], stdin: &[u8]) -> Ended {
    run_with(Path::new("."), ["hash-password"].iter().chain(arguments), stdin)
}

#[test]
fn a_password_from_stdin_becomes_one_line_with_a_new_salt() {
    let hashes = [&b"wonderland"[..], b"wonderland\n", b"wonderland\r\n", b" \xc3\xa4 "].map(|stdin| {
        let ended = hash(&[], stdin);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let line = ended.stdout.strip_suffix('\n').expect("a line").to_owned();
        assert!(line.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !line.contains('\n'), "{line}");
        line
    });
    assert!(hashes.iter().enumerate().all(|(index, hash)| !hashes[..index].contains(hash)));
}

#[test]
fn input_that_is_not_a_password_is_rejected() {
    for (stdin, expected) in [
        (&b""[..], "the password is empty\n"),
        (b"\n", "the password is empty\n"),
        (b"one\ntwo\n", "stdin has more than one line\n  write only the password to stdin\n"),
        (b"\xff", "can't read the password: it is not UTF-8\n"),
        (&[b'x'; 1025], "the password is longer than 1024 bytes\n"),
        (&[b'x'; 100_000], "the password is longer than 1024 bytes\n"),
    ] {
        let ended = hash(&[], stdin);
        assert_eq!((ended.code, ended.stdout, ended.stderr), (2, String::new(), format!("jwt-auth: {expected}")));
    }
    assert_eq!(hash(&[], &[b'x'; 1024]).code, 0);
    // Other users could read a password in the command line.
    assert!(hash(&["wonderland"], b"").stderr.starts_with("error: unexpected argument 'wonderland' found\n"));
}

/// The content of a terminal after these lines are typed, and the exit code.
fn on_a_terminal(typed: &str) -> (String, Option<i32>) {
    let mut child = Command::new(env::var_os("JOSE_PYTHON").expect("JOSE_PYTHON must be set; `make test` does it"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/terminal.py"))
        .args(["10", env!("CARGO_BIN_EXE_jwt-auth"), "hash-password"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    child.stdin.take().expect("its stdin").write_all(typed.as_bytes()).expect("its stdin");
    let output = child.wait_with_output().expect("its output");
    (String::from_utf8(output.stdout).expect("UTF-8").replace("\r\n", "\n"), output.status.code())
}

#[test]
fn on_a_terminal_the_password_is_asked_for_twice_and_not_shown() {
    let (shown, code) = on_a_terminal("wonderland\nwonderland\n");
    let hash = shown.strip_prefix("Password: \nAgain: \n").and_then(|rest| rest.strip_suffix("\n[usable]"));
    assert!(hash.is_some_and(|hash| hash.starts_with("$argon2id$") && !hash.contains('\n')), "{shown}");
    assert_eq!(code, Some(0));

    let expected = "Password: \nAgain: \njwt-auth: the passwords do not match\n[usable]";
    assert_eq!(on_a_terminal("wonderland\nwonderlamd\n"), (expected.to_owned(), Some(2)));
}

#[test]
fn ctrl_c_ends_the_prompt_and_leaves_the_terminal_usable() {
    for typed in ["\u{3}", "wonderland\n\u{3}"] {
        let (shown, code) = on_a_terminal(typed);
        assert!(shown.ends_with("jwt-auth: can't read the password: interrupted\n[usable]"), "{shown}");
        assert_eq!((shown.contains("wonder"), code), (false, Some(2)));
    }
}
