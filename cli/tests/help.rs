//! The help texts must equal the files next to this test. `UPDATE=1 cargo test -p jwt-auth-cli --test help` updates
//! them. The completions must have every command and option of these texts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn stdout_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_jwt-auth"))
        .args(arguments)
        // The width must not depend on the terminal.
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The names under a heading of a help text.
fn listed(help: &str, heading: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn commands() -> Vec<String> {
    let commands = listed(&stdout_of(&["--help"]), "Commands:");
    assert!(commands.iter().any(|command| command == "help"), "{commands:?}");
    commands.into_iter().filter(|command| command != "help").collect()
}

#[test]
fn every_help_text_equals_its_file() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let commands = commands();
    let mut expected_files = BTreeSet::from(["jwt-auth.txt".to_owned()]);
    let mut differences = Vec::new();
    for command in std::iter::once(None).chain(commands.iter().map(Some)) {
        let file = command.map_or("jwt-auth.txt".to_owned(), |command| format!("jwt-auth-{command}.txt"));
        let arguments: Vec<&str> = command.into_iter().map(String::as_str).chain(["--help"]).collect();
        let help = stdout_of(&arguments);
        let path = folder.join(&file);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &help).unwrap();
        }
        let snapshot = std::fs::read_to_string(&path).unwrap_or_default();
        if snapshot != help {
            differences.push(format!("{file} is not what --help prints:\n{help}"));
        }
        expected_files.insert(file);
    }
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for file in files.filter(|file| !expected_files.contains(file)) {
        differences.push(format!("{file} is of no command"));
    }
    assert!(differences.is_empty(), "{}\nUPDATE=1 writes them anew", differences.join("\n"));
}

#[test]
fn every_help_text_has_a_description_and_examples() {
    for command in commands() {
        let help = stdout_of(&[&command, "--help"]);
        assert!(help.contains("Examples:\n  "), "{command} has no examples:\n{help}");
        let program = format!("jwt-auth {command}");
        assert!(help.split_once("Examples:").unwrap().1.contains(&program), "{command}: none of them uses it:\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command}: too wide:\n{help}");
    }
}

#[test]
fn the_completions_of_every_shell_have_every_command_and_option() {
    let mut words: BTreeSet<String> = commands().into_iter().collect();
    for command in commands() {
        let help = stdout_of(&[&command, "--help"]);
        let options = help.lines().filter(|line| line.trim_start().starts_with('-')).map(str::split_whitespace);
        words.extend(
            options.flatten().filter(|word| word.starts_with("--")).map(|word| word.trim_matches(',').to_owned()),
        );
    }
    assert!(words.contains("--config") && words.contains("inspect"), "{words:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = stdout_of(&["completions", shell]);
        for word in &words {
            let name = word.trim_start_matches('-');
            assert!(completions.contains(name), "{shell}: no {word}");
        }
    }
}

/// Runs a real bash, which asks for completions like after the tab key.
#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    std::fs::write(&script, stdout_of(&["completions", "bash"])).unwrap();
    let complete = |words: &[&str]| {
        let ask = r#"
            source "$1"; shift
            function=$(complete -p jwt-auth | sed 's/.* -F \([^ ]*\) .*/\1/')
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}""#;
        let output =
            Command::new("bash").args(["--norc", "-c", ask, "bash"]).arg(&script).args(words).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["jwt-auth", "key"]), ["keygen"]);
    assert_eq!(complete(&["jwt-auth", "keygen", "--alg", "RS"]), ["RS256", "RS384", "RS512"]);
    assert_eq!(complete(&["dist/jwt-auth", "check", "--conf"]), ["--config"]);
    assert_eq!(complete(&["jwt-auth", "help", "ins"]), ["inspect"]);
    for command in commands() {
        assert_eq!(complete(&["jwt-auth", &command, "--hel"]), ["--help"], "{command}");
    }
}

#[test]
fn an_algorithm_is_read_in_any_case_and_a_misspelt_one_gets_a_suggestion() {
    for command in ["keygen", "sign", "serve", "jwk"] {
        let stderr = |name| {
            let output = Command::new(env!("CARGO_BIN_EXE_jwt-auth")).args([command, "--alg", name]).output().unwrap();
            String::from_utf8(output.stderr).unwrap()
        };
        assert!(stderr("RS255").contains("invalid value 'RS255' for '--alg <ALG>'"), "{command}");
        assert!(stderr("RS255").contains("similar value exists: 'RS256'"), "{command}");
        assert!(!stderr("es384").contains("invalid value"), "{command}");
    }
    assert!(stdout_of(&["keygen", "--alg", "es256k"]).contains(r#""alg":"ES256K""#));
}

#[test]
fn completions_succeed_on_a_closed_pipe_and_fail_on_a_full_disk() {
    let run = |stdout: Stdio| {
        let arguments = ["completions", "bash"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_jwt-auth"));
        let output = command.args(arguments).stdout(stdout).stderr(Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), (Some(0), String::new()));
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (code, stderr) = run(full.into());
    assert_eq!((code, stderr.starts_with("jwt-auth: can't write: ")), (Some(2), true), "{stderr}");
}

#[test]
fn the_main_help_has_the_exit_status_and_examples() {
    let help = stdout_of(&["--help"]);
    assert!(help.contains("Exit status: 0 ") && help.contains("Examples:\n  jwt-auth "), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "too wide:\n{help}");
}

#[test]
fn a_wrong_command_line_ends_with_2_and_a_message_on_stderr() {
    for arguments in [&["nonsense"][..], &["check"], &["inspect"], &["check", "--config", "x", "--nonsense"], &[]] {
        let output = Command::new(env!("CARGO_BIN_EXE_jwt-auth")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            output.stdout.is_empty() && output.stderr.starts_with(b"error: ") | arguments.is_empty(),
            "{arguments:?}"
        );
    }
}
