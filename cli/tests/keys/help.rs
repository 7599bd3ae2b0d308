//! The help texts, as people see them. `UPDATE_SNAPSHOTS=1` writes them anew, to be looked at in the diff.

use std::env;
use std::fs;
use std::path::Path;

use crate::command::run;

#[test]
fn the_help_texts_are_those_that_were_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys/help");
    for name in ["hash-password", "keygen", "serve", "sign"] {
        let ended = run(Path::new("."), [name, "--help"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let file = folder.join(format!("{name}.txt"));
        if env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(&file, &ended.stdout).expect("a file");
        }
        let looked_at = fs::read_to_string(&file).expect("a file");
        assert_eq!(ended.stdout, looked_at, "{name}: UPDATE_SNAPSHOTS=1 writes it anew");
        assert!(looked_at.contains("\nExamples:\n"), "{name}");
    }
}
