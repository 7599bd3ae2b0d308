//! Runs programs that read parameters like backends. Each is a child process with one answer per line.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::go;

/// The results of all readers, by name.
pub(crate) type Answers = BTreeMap<String, Found>;

/// What a reader finds under the name of the filter's parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Absent,
    /// Only the filter's value.
    Ours,
    /// The client's value, alone or with others.
    Forged,
    /// Something else.
    Other,
    /// The reader rejects the whole text.
    Rejected,
}

/// A text to read, and the filter's own parameter in the form in which it is added. `own` has the value `ours`.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) text: Vec<u8>,
    pub(crate) own: String,
}

/// Commands with the programs that they run.
const PROGRAMS: [(&str, &str); 4] =
    [("php", "php.php"), ("ruby", "rack.rb"), ("node", "node.cjs"), ("python", "python.py")];

/// Gives every question to every reader. The answers are in the order of the questions.
pub(crate) fn ask(questions: &[Question]) -> Vec<Answers> {
    let line = |question: &Question| json!({"text": STANDARD.encode(&question.text), "own": question.own}).to_string();
    let lines: Vec<String> = questions.iter().map(line).collect();
    let answers = run_all(&PROGRAMS, &lines);
    let answers = questions.iter().zip(answers).map(|(question, answers)| {
        let answers = answers.into_iter().map(|(reader, found)| (reader, Found::named(found.as_str().unwrap())));
        answers.chain(go::answers(question)).collect()
    });
    answers.collect()
}

/// Gives the lines to each program and merges their JSON objects for each line.
pub(crate) fn run_all(programs: &[(&str, &str)], lines: &[String]) -> Vec<serde_json::Map<String, Value>> {
    thread::scope(|scope| {
        let running: Vec<_> = programs.iter().map(|program| scope.spawn(|| run(*program, lines))).collect();
        let mut all = vec![serde_json::Map::new(); lines.len()];
        for answers in running.into_iter().map(|program| program.join().unwrap()) {
            for (joined, answer) in all.iter_mut().zip(answers) {
                joined.extend(answer);
            }
        }
        all
    })
}

fn run((command, program): (&str, &str), lines: &[String]) -> Vec<serde_json::Map<String, Value>> {
    let readers = env::var_os("READERS").expect(
        "READERS must be set: READERS=$(tools/scripts/readers.sh), which says what it can't fetch; `make test` does it",
    );
    let mut child = Command::new(Path::new(&readers).join(command))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/programs").join(program))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let answers = thread::scope(|scope| {
        scope.spawn(move || stdin.write_all((lines.join("\n") + "\n").as_bytes()).expect(program));
        let read = |line: std::io::Result<String>| serde_json::from_str(&line.unwrap()).expect("an answer");
        output.lines().map(read).collect::<Vec<_>>()
    });
    assert!(child.wait().unwrap().success(), "{program} failed");
    assert_eq!(answers.len(), lines.len(), "{program}");
    answers
}

impl Found {
    fn named(name: &str) -> Self {
        match name {
            "absent" => Self::Absent,
            "ours" => Self::Ours,
            "forged" => Self::Forged,
            "other" => Self::Other,
            "error" => Self::Rejected,
            other => panic!("{other}"),
        }
    }
}
