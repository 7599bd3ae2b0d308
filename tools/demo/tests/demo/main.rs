//! The demo of `make run`: every command that it prints does what its comment says, and all processes end with the
//! demo. Also runs the commands in the documents. Needs variables that `make test` sets: `ENVOY_BINARIES`, of which it
//! uses the last, `JWT_AUTH_WASM`, `JWT_AUTH` and `ENGINES`.

mod compose;
mod fleet;
mod preflight;
mod running;
mod walk;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use kit::envoy::binaries;

use running::{Demo, answered, commands, promised, set, signal};

#[test]
fn every_command_does_what_its_comment_says() {
    assert!(Command::new("curl").arg("--version").output().is_ok(), "this test needs curl");
    let (mut demo, lines) = Demo::new().start();
    let mut promises = Vec::new();
    for (comment, curl) in commands(&lines) {
        let output = Command::new("sh").args(["-c", curl]).output().expect("a shell");
        let answer = String::from_utf8_lossy(&output.stdout);
        if !comment.starts_with("# expect ") {
            assert!(output.status.success() && output.stderr.is_empty(), "{comment}\n{curl}\n{output:?}");
            assert!(!curl.contains("inspect") || answer.starts_with("verified: signed with keys["), "{curl}\n{answer}");
            continue;
        }
        promises.push(promised(comment));
        assert_eq!(answered(&answer), promised(comment), "{comment}\n{curl}\n{answer}");
        if comment.contains("the backend gets") {
            assert!(answer.contains("\nx-aud: orders\n"), "{answer}");
            assert!(answer.contains("\nGET /hello?userId=1213234 HTTP/1.1\n"), "{answer}");
        }
        if comment.contains("forged values") {
            assert!(answer.contains("\nGET /hello?page=2&userId=1213234 HTTP/1.1\n"), "{answer}");
            assert!(!answer.contains("forged"), "{answer}");
        }
        if comment.contains("where the metadata is") {
            assert!(
                answer
                    .contains("\nwww-authenticate: Bearer realm=\"127.0.0.1\", resource_metadata=\"http://127.0.0.1:")
            );
            assert!(answer.contains("\nwww-authenticate: DPoP realm=\"127.0.0.1\", "), "{answer}");
        }
        if comment.contains("names the token service") {
            assert!(answer.contains("\"authorization_servers\":[\"http://127.0.0.1:"), "{answer}");
        }
    }
    for code in ["I400JR", "I400JD", "A403JK", "A403JT", "A403JE", "S403JU", "S403JI", "A403DP", "I400JP"] {
        assert!(promises.iter().any(|promise| promise.ends_with(code)), "no command shows {code}");
    }

    // There are two Envoys and the token service.
    assert_eq!(demo.processes().len(), 3);
    signal("TERM", &demo.child.id().to_string());
    assert_eq!((demo.wait(), demo.processes()), (Some(0), Vec::new()));
}

#[test]
fn the_demo_ends_when_one_of_its_processes_ends() {
    let envoy = binaries().pop().expect("an Envoy");
    for (program, message) in
        [(envoy, "an Envoy ended (signal: 9"), (set("JWT_AUTH").into(), "the token service ended (signal: 9")]
    {
        let (mut demo, _) = Demo::new().start();
        let of_program = |process: &String| {
            fs::read_link(format!("/proc/{process}/exe"))
                .is_ok_and(|path| path == fs::canonicalize(&program).expect("a file"))
        };
        let process = demo.processes().into_iter().find(of_program).expect("a process");
        signal("KILL", &process);
        assert_eq!((demo.wait(), demo.processes()), (Some(1), Vec::new()));
        let errors = demo.errors();
        assert!(errors.contains(message), "{errors}");
    }
}

#[test]
fn a_port_in_use_is_reported_with_its_variable() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let mut demo = Demo::new();
    demo.command.env("REPLAY_PORT", &port);
    let output = demo.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
    assert!(errors.contains(&port) && errors.contains("REPLAY_PORT=<port>"), "{errors}");

    let mut demo = Demo::new();
    demo.command.env("PORT", "http");
    assert!(String::from_utf8_lossy(&demo.output().stderr).contains("PORT=http: expected a port"));
}

/// A second demo would replace the keys of the first one, which would then reject its own tokens.
#[test]
fn a_second_demo_in_the_same_folder_is_rejected() {
    let (mut first, _) = Demo::new().start();
    let key = || fs::read(first.folder.path().join("private.jwk.json")).expect("a key");
    let before = key();
    for arguments in [&[][..], &["--compose"]] {
        let mut second = Demo::new();
        second.command.args(arguments).env("RUN_DIR", first.folder.path());
        let output = second.output();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("another demo has its keys in ") && errors.contains("RUN_DIR=<folder>"), "{errors}");
        assert!(key() == before);
    }
    signal("TERM", &first.child.id().to_string());
    assert_eq!(first.wait(), Some(0));
}

#[test]
fn an_envoy_that_does_not_start_shows_its_log() {
    let mut demo = Demo::new();
    // Envoy rejects the configuration, because there is no module.
    demo.command.env("JWT_AUTH_WASM", "Cargo.toml");
    let output = demo.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("envoy.log ends in\n") && errors.contains("Unable to create Wasm"), "{errors}");
}
