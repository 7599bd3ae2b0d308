use std::fs;
use std::path::Path;
use std::process::Command;

use crate::running::{Demo, answered, curls, promised, set};

/// Each command of the README's walk, as typed there but for the ports and the folder, in one shell.
#[test]
fn the_walk_of_the_readme_goes_as_it_says() {
    let (demo, lines) = Demo::new().start();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).expect("a file");
    let (_, section) = readme.split_once("\n## A walk\n").expect("the walk");
    let (_, block) = section.split_once("```sh\n").expect("its commands");
    let (walk, _) = block.split_once("```").expect("their end");

    let port = |mark: &str| {
        let line = curls(&lines).into_iter().find(|(comment, _)| comment.contains(mark)).expect(mark).1.to_owned();
        let (_, rest) = line.split_once("127.0.0.1:").expect("an address");
        rest.split('/').next().expect("a port").to_owned()
    };
    let mut walk = walk.to_owned();
    for (typed, here) in [
        ("127.0.0.1:8080/", format!("127.0.0.1:{}/", port("the token service gives"))),
        ("127.0.0.1:10000/", format!("127.0.0.1:{}/", port("a good token"))),
        ("127.0.0.1:10001/", format!("127.0.0.1:{}/", port("accepts this jti once"))),
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
    let answers: Vec<_> = output.split(END).filter(|answer| !answer.trim().is_empty()).collect();
    let promises: Vec<_> = walk.lines().filter(|line| line.starts_with("# expect ")).collect();
    assert_eq!(
        answers.iter().map(|answer| answered(answer)).collect::<Vec<_>>(),
        ["200", "403 A403JT", "200", "403 S403JU", "200", "403 A403JE"]
    );
    assert_eq!(
        promises.into_iter().map(promised).collect::<Vec<_>>(),
        answers.iter().map(|answer| answered(answer)).collect::<Vec<_>>()
    );
    assert!(answers[0].contains("\nx-aud: orders\n") && answers[0].contains("\nGET /hello?userId=1213234 HTTP/1.1\n"));
}
