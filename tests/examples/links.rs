//! The documents name no file, section or folder that does not exist.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::documents::documents;
use crate::{read, root};

/// A path in backticks that begins with one of these is one of the repository.
const FOLDERS: [&str; 7] = ["src/", "cli/", "tests/", "tools/", "envoy/", "docs/", ".ci/"];

/// The text without its blocks of code.
fn prose(document: &str) -> String {
    let text = read(document);
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// What the anchor of a heading is, by the rules of GitHub.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(document: &str) -> BTreeSet<String> {
    let text = prose(document);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// `path`, as seen from the folder of `document`, from the root of the repository.
fn resolve(document: &str, path: &str) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in Path::new(document).parent().unwrap().join(path).components() {
        match part {
            Component::ParentDir => assert!(resolved.pop(), "{document}: {path} leads out of the repository"),
            part => resolved.push(part),
        }
    }
    resolved
}

/// The parts of `text` between `start` and the next `end`.
fn between<'a>(text: &'a str, start: &'a str, end: char) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split_once(end).map(|(part, _)| part))
}

/// What is wrong with a link of a document, if anything.
fn broken(document: &str, link: &str) -> Option<String> {
    let (path, section) = link.split_once('#').map_or((link, None), |(path, section)| (path, Some(section)));
    let target = if path.is_empty() { PathBuf::from(document) } else { resolve(document, path) };
    if !root().join(&target).exists() {
        return Some(format!("{document}: there is no {}", target.display()));
    }
    let section = section?;
    let known = anchors(target.to_str().unwrap());
    (!known.contains(section)).then(|| format!("{document}: {} has no section #{section}", target.display()))
}

#[test]
fn each_link_leads_somewhere() {
    let (mut count, mut faults) = (0, Vec::new());
    for document in documents() {
        let text = prose(&document);
        for link in between(&text, "](", ')').filter(|link| !link.starts_with("http")) {
            faults.extend(broken(&document, link));
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} links were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(broken("docs/start.md", "nowhere.md").is_some() && broken("docs/start.md", "envoy.md#nowhere").is_some());
}

#[test]
fn each_path_exists() {
    let (mut count, mut faults) = (0, Vec::new());
    for document in documents() {
        let text = prose(&document);
        // In a line, every second part is in backticks.
        let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for path in quoted.filter(|part| FOLDERS.iter().any(|folder| part.starts_with(folder))) {
            if !root().join(path).exists() {
                faults.push(format!("{document}: there is no {path}"));
            }
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} paths were found");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The document lists the modules of the filter, floor by floor.
#[test]
fn the_layout_names_every_module() {
    let text = read("docs/design.md");
    let (_, layout) = text.split_once("\n| floor |").unwrap();
    let (layout, _) = layout.split_once("\n\n").unwrap();
    let cells = layout.lines().filter_map(|line| line.split('|').nth(2));
    let listed: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let library = read("src/lib.rs");
    let modules = library.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let modules: BTreeSet<&str> = modules.filter_map(|rest| rest.strip_suffix(';')).collect();
    assert!(modules.len() >= 15, "{modules:?}");
    assert_eq!(listed, modules);
}

/// The text of all files in a folder and below.
fn all_text(folder: &str) -> String {
    let mut text = String::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// The names of the rows in a file of the kit.
fn row_names(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split("row(").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    names.filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
}

/// The last column of the tables in `docs/oauth-rfcs.md` names rows of the kit, tests in `src` and attacks. Each of them
/// exists, and every row about OAuth is named.
#[test]
fn the_tests_in_the_tables_of_rfcs_exist() {
    let table = read("docs/oauth-rfcs.md");
    let cells = table.lines().filter(|line| line.starts_with("| §")).map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        assert_eq!(cells.len(), 6, "{line}");
        cells[4]
    });
    let named: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let (rows, tests) = (all_text("tests/kit/src/rows"), all_text("src") + &all_text("tests/attacks"));
    let rows: BTreeSet<&str> = row_names(&rows).collect();
    let is_test = |name: &str| {
        let is_in_src = tests.contains(&format!("fn {name}("));
        // The attacks are an argument of a macro.
        rows.contains(name) || is_in_src || tests.contains(&format!(" {name}: "))
    };
    let unknown: Vec<_> = named.iter().filter(|name| !is_test(name)).collect();
    assert!(named.len() >= 20 && unknown.is_empty(), "{unknown:?}");
    for file in ["resource_server", "dpop"] {
        let text = read(&format!("tests/kit/src/rows/{file}.rs"));
        let missing: Vec<_> = row_names(&text).filter(|name| !named.contains(name)).collect();
        assert!(missing.is_empty(), "docs/oauth-rfcs.md does not name {missing:?}");
    }
}

/// `docs/attacks.md` names every attack that is tried, and no other.
#[test]
fn the_attacks_in_the_document_are_those_that_are_tried() {
    let text = read("docs/attacks.md");
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_attack = |name: &&str| match name.as_bytes() {
        [b't', tens, ones, b'_', ..] => tens.is_ascii_digit() && ones.is_ascii_digit(),
        _ => false,
    };
    let listed: BTreeSet<String> = quoted.filter(is_attack).map(str::to_owned).collect();
    let mut tried = BTreeSet::new();
    for file in std::fs::read_dir(root().join("tests/attacks")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let words = text.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
        tried.extend(words.filter(is_attack).map(str::to_owned));
    }
    assert!(tried.len() >= 60, "{tried:?}");
    assert_eq!(listed, tried);
}
