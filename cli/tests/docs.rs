//! The examples in `docs/cli.md` have the output that the commands print. `UPDATE=1 cargo test -p jwt-auth-cli --test
//! docs` updates them.
//!
//! In the sections listed here, each line of a `console` block that begins with `$` is a command for `sh`. A block
//! `yaml NAME` is a file for the commands.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::{Folder, repository};

/// The proof of RFC 9449, section 4.1.
const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ\
    OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs\
    ImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmV\
    yLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4Pt\
    FLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

const SECTIONS: [&str; 2] = ["inspect", "check"];

/// The output of a command: stdout, then stderr.
fn run(command: &str, folder: &Path) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_jwt-auth")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// The document with the current output of each command, and the number of commands.
fn with_outputs(document: &str, folder: &Folder) -> (String, usize) {
    let mut lines = Vec::new();
    let (mut section, mut block) = (String::new(), None);
    let (mut file, mut commands) = (String::new(), 0);
    for line in document.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        }
        let is_fence = line.starts_with("```");
        let is_ours = SECTIONS.contains(&section.as_str());
        match (&block, line.strip_prefix("$ ")) {
            (None, _) => {
                block = is_fence.then(|| line.trim_start_matches('`').to_owned());
                lines.push(line.to_owned());
            }
            (Some(kind), _) if is_fence => {
                if let Some(name) = kind.strip_prefix("yaml ").filter(|_| is_ours) {
                    folder.file(name, &std::mem::take(&mut file));
                }
                block = None;
                lines.push(line.to_owned());
            }
            (Some(kind), Some(command)) if is_ours && kind == "console" => {
                commands += 1;
                lines.push(line.to_owned());
                lines.extend(run(command, folder.path()).lines().map(str::to_owned));
            }
            // Skip the old output of a command.
            (Some(kind), None) if is_ours && kind == "console" => {}
            (Some(kind), _) => {
                if kind.starts_with("yaml ") {
                    file += line;
                    file.push('\n');
                }
                lines.push(line.to_owned());
            }
        }
    }
    (lines.join("\n") + "\n", commands)
}

#[test]
fn the_examples_have_the_output_in_the_document() {
    let folder = Folder::new();
    let vectors: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(repository("tests/vectors/rfc7515.json")).unwrap()).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    let vector = vectors.iter().find(|vector| vector["name"] == "RFC 7515 A.3, a second before exp").unwrap();
    folder.file("token.txt", &format!("{}\n", vector["token"].as_str().unwrap()));

    folder.file("proof.txt", &format!("{PROOF}\n"));

    let path = repository("docs/cli.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (current, commands) = with_outputs(&document, &folder);
    assert!(commands >= 6, "only {commands} commands were found");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &current).unwrap();
    } else {
        assert!(document == current, "the commands print:\n{current}\nUPDATE=1 updates the document");
    }
}
