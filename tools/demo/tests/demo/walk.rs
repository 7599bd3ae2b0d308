use std::fs;
use std::path::Path;
use std::process::Command;

use crate::running::{Demo, answered, curls, promised, set};

/// The documents with commands for the demo, in the order in which their commands run.
const DOCUMENTS: [&str; 2] = ["start.md", "operate.md"];

/// The first lines of blocks that are not for the demo. `tests/examples/` has the reasons.
const OTHERS: [&str; 2] = ["make run", "jwt-auth check --config envoy.yaml"];

/// The `sh` blocks of the documents.
fn commands() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let texts = DOCUMENTS.map(|name| fs::read_to_string(folder.join(name)).expect("a document")).concat();
    let blocks = texts.split("\n```sh\n").skip(1).map(|rest| rest.split_once("```").expect("its end").0);
    blocks.filter(|block| !OTHERS.iter().any(|other| block.trim() == *other)).collect()
}

/// The two requests at the beginning of the README, with a valid and an expired token: the command, and the lines of
/// the response except times.
fn first_screen() -> [(String, Vec<String>); 2] {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).expect("a document");
    let blocks =
        readme.split("\n```text\n$ ").skip(1).map(|rest| rest.split_once("\n```").expect("its end").0.to_owned());
    let [valid, expired] = blocks.collect::<Vec<_>>().try_into().expect("two requests");
    [(valid, "$TOKEN"), (expired, "$SHORT")].map(|(block, token)| {
        let (command, answer) = block.split_once('\n').expect("an answer");
        let lines = answer.lines().filter(|line| !line.is_empty() && *line != "..." && !line.contains("expired at"));
        let lines = lines.map(|line| line.replace("eyJhbGciOi...", "eyJhbGciOi")).collect();
        (command.replace("'X-Token: eyJhbGciOi...'", &format!("\"X-Token: {token}\"")), lines)
    })
}

/// Runs all commands in one shell. Only the ports and the folder are changed.
#[test]
fn the_commands_of_the_documents_do_what_their_comments_say() {
    let (demo, lines) = Demo::new().start();
    let port = |mark: &str| {
        let line = curls(&lines).into_iter().find(|(comment, _)| comment.contains(mark)).expect(mark).1.to_owned();
        let (_, rest) = line.split_once("127.0.0.1:").expect("an address");
        rest.split('/').next().expect("a port").to_owned()
    };
    let first_screen = first_screen();
    let mut walk = commands();
    for (command, _) in &first_screen {
        walk += &format!("{command}\n");
    }
    for (typed, here) in [
        ("127.0.0.1:8080/", format!("127.0.0.1:{}/", port("the token service gives"))),
        ("127.0.0.1:10000/", format!("127.0.0.1:{}/", port("a valid token"))),
        ("127.0.0.1:10001/", format!("127.0.0.1:{}/", port("accepts this jti once"))),
        ("127.0.0.1:10002/", format!("127.0.0.1:{}/", port("a misspelt field"))),
        ("127.0.0.1:10005/", format!("127.0.0.1:{}/", port("where the metadata is"))),
        ("127.0.0.1:9901/", format!("127.0.0.1:{}/", port("the counters"))),
        ("dist/jwt-auth ", format!("{} ", set("JWT_AUTH").into_string().expect("UTF-8"))),
        ("run/", format!("{}/", demo.folder.path().display())),
    ] {
        assert!(walk.contains(typed), "{typed}");
        walk = walk.replace(typed, &here);
    }

    const END: &str = "--- the end of an answer ---";
    let script: String = walk
        .lines()
        .map(
            |line| {
                if line.starts_with("curl ") { format!("{line}\necho\necho '{END}'\n") } else { format!("{line}\n") }
            },
        )
        .collect();
    let output = Command::new("sh").args(["-e", "-c", &script]).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8_lossy(&output.stdout);
    let mut answers: Vec<_> = output.split(END).filter(|answer| !answer.trim().is_empty()).collect();
    for ((command, lines), answer) in first_screen.iter().zip(answers.split_off(answers.len() - 2)) {
        for line in lines {
            assert!(answer.lines().any(|known| known.starts_with(line)), "no {line:?} after {command}:\n{answer}");
        }
    }
    let promises: Vec<_> = walk.lines().filter(|line| line.starts_with("# expect ")).map(promised).collect();
    assert_eq!(answers.iter().map(|answer| answered(answer)).collect::<Vec<_>>(), promises);
    assert_eq!(
        promises,
        [
            "200",
            "403 A403JT",
            "400 I400JR",
            "200",
            "403 S403JU",
            "401 I400JR",
            "200",
            "200",
            "401 A403DP",
            "401 A403JT",
            "200",
            "403 A403JE",
            "200",
            "200",
            "403 A403JK",
            "403 A403JK",
            "200",
            "400 I400JP",
            "200",
            "200",
            "200"
        ]
    );
    assert!(answers[0].contains("\nx-aud: orders\n") && answers[0].contains("\nGET /hello?userId=1213234 HTTP/1.1\n"));
    let [.., all, counters, prometheus] = answers.as_slice() else { panic!("no statistics") };
    for counters in [all, counters] {
        assert!(counters.contains("wasmcustom.jwt_auth.accepted: ") && counters.contains("refused.I400JP: "));
    }
    assert!(prometheus.contains("\njwt_auth_accepted{} "), "{prometheus}");
}
