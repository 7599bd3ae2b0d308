use std::path::Path;

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
fn what_is_no_password_is_refused() {
    for (stdin, expected) in [
        (&b""[..], "the password is empty\n"),
        (b"\n", "the password is empty\n"),
        (b"one\ntwo\n", "stdin has more than one line\n  give the password alone\n"),
        (b"\xff", "can't read the password: it is not UTF-8\n"),
        (&[b'x'; 1025], "the password is longer than 1024 bytes\n"),
        (&[b'x'; 100_000], "the password is longer than 1024 bytes\n"),
    ] {
        let ended = hash(&[], stdin);
        assert_eq!((ended.code, ended.stdout, ended.stderr), (2, String::new(), format!("jwt-auth: {expected}")));
    }
    assert_eq!(hash(&[], &[b'x'; 1024]).code, 0);
    // Others could read it there.
    assert!(hash(&["wonderland"], b"").stderr.starts_with("error: unexpected argument 'wonderland' found\n"));
}
