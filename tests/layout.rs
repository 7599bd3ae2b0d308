//! Checks the imports between the files of `src`: there is no circle, and no file imports one of a higher floor.
//!
//! An import is a path that begins with `crate`, `super`, `self` or the name of a child module, in a `use` or in other
//! code. It imports the deepest file that it names. Test code and `mod` lines don't count. No file may import `lib.rs`,
//! because it imports all others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The floors from top to bottom. A module may import those of its own floor and of all below.
const FLOORS: [&[&str]; 11] = [
    &["host"],
    &["plugin"],
    &["config"],
    &["resource_server"],
    &["cache", "replay", "outcome"],
    &["mapping", "remote_keys", "response"],
    &["claims"],
    &["signature"],
    &["key"],
    &["token", "request"],
    &["rejection", "document", "text", "json", "numeric_date", "header_map", "shared_data", "call", "notice", "url"],
];

/// The text of each file by its module path, for example `mapping::form`.
type Files = BTreeMap<String, String>;

#[test]
fn src_has_no_circle_and_no_import_of_a_higher_floor() {
    let mut files = Files::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), "", &mut files);
    assert!(files.contains_key("host::root"), "{:?}", files.keys());
    assert_eq!(problems(&files), Vec::<String>::new());
}

#[test]
fn a_circle_and_an_import_of_a_higher_floor_are_found() {
    let found = |texts: &[(&str, &str)]| {
        problems(&texts.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect())
    };
    let (one, two) = ("use super::{\n    two::One,\n    Three,\n};", "pub use super::one::Two;");
    assert_eq!(
        found(&[("plugin", "use crate::token::one::A;"), ("token", ""), ("token::one", one), ("token::two", two)]),
        [
            "token::one -> token::two is part of a circle (super::two::One)",
            "token::two -> token::one is part of a circle (super::one::Two)",
        ]
    );
    assert_eq!(found(&[("token", "fn f() { one::g() }"), ("token::one", "use super::X;")]).len(), 2);
    let up = "json -> plugin is an import of a higher floor (crate::plugin::Plugin)";
    for import in ["use crate::{text, plugin::{self, Plugin}};", "fn f(_: crate::plugin::Plugin) {}"] {
        assert!(found(&[("json", import), ("plugin", ""), ("text", "")]).contains(&up.to_owned()), "{import}");
    }
    assert_eq!(found(&[("news", "")]), ["news is on no floor of tests/layout.rs"]);
    for fine in [
        "// use crate::plugin::Plugin;\nmod one;",
        "#[cfg(test)]\nmod tests {\n    use crate::plugin::Plugin;\n}",
        "#[cfg(test)]\nuse crate::plugin::Plugin;",
    ] {
        assert_eq!(found(&[("json", fine), ("json::one", ""), ("plugin", "use crate::json;")]), Vec::<String>::new());
    }
}

fn read(folder: &Path, module: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let child = if module.is_empty() { stem.clone() } else { format!("{module}::{stem}") };
        if stem == "tests" || child == "lib" {
            continue;
        }
        if path.is_dir() {
            read(&path, &child, files);
        } else {
            files.insert(child, std::fs::read_to_string(&path).expect("a text"));
        }
    }
}

/// All problems, one line each.
fn problems(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let mut imports = Vec::new();
    for (file, text) in files {
        let Some(floor) = floor_of(file) else {
            found.push(format!("{file} is on no floor of tests/layout.rs"));
            continue;
        };
        for path in paths_in(file, files, &product_code(text)) {
            match file_of(&absolute(file, &path), files) {
                None => found.push(format!("{file} imports by way of lib.rs ({path})")),
                Some(target) if floor_of(target).is_some_and(|other| other < floor) => {
                    found.push(format!("{file} -> {target} is an import of a higher floor ({path})"));
                }
                Some(target) if target != file => imports.push((file.as_str(), target, path)),
                Some(_) => {}
            }
        }
    }
    // An import is in no circle if its target imports nothing, or if nothing imports its file.
    let mut before = usize::MAX;
    while imports.len() < before {
        before = imports.len();
        let files: BTreeSet<_> = imports.iter().map(|(file, _, _)| *file).collect();
        let targets: BTreeSet<_> = imports.iter().map(|(_, target, _)| *target).collect();
        imports.retain(|(file, target, _)| files.contains(target) && targets.contains(file));
    }
    found.extend(imports.iter().map(|(file, target, path)| format!("{file} -> {target} is part of a circle ({path})")));
    found
}

fn floor_of(file: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&file.split("::").next().unwrap_or_default()))
}

/// The text without comments and without the items after `#[cfg(test)]`. It expects the format of rustfmt: an item is
/// one line that ends with `;`, or ends at a `}` with the indentation of its first line.
fn product_code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//")).peekable();
    while let Some(line) = lines.next() {
        if line.trim_start() != "#[cfg(test)]" {
            code.extend([line.split(" // ").next().unwrap_or_default(), "\n"]);
        } else if lines.next_if(|item| item.ends_with(';')).is_none() {
            let end = line.replace("#[cfg(test)]", "}");
            lines.by_ref().find(|line| line.starts_with(&end));
        }
    }
    code
}

/// The paths in a file that begin in the crate. Each path in braces is listed separately.
fn paths_in(file: &str, files: &Files, code: &str) -> Vec<String> {
    let child = |name: &str| files.contains_key(&format!("{file}::{name}"));
    let mut paths = Vec::new();
    let mut before = ' ';
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let name = identifier(rest);
        let is_start = matches!(name, "crate" | "super" | "self") || child(name);
        if is_start && !":.".contains(before) && rest[name.len()..].starts_with("::") {
            rest = expand("", rest, &mut paths);
            before = ' ';
        } else {
            let length = name.len().max(first.len_utf8());
            before = rest[..length].chars().last().unwrap_or(' ');
            rest = &rest[length..];
        }
    }
    paths
}

/// Reads one path, or a tree of paths, after `prefix`. Returns the text after it.
fn expand<'t>(prefix: &str, text: &'t str, paths: &mut Vec<String>) -> &'t str {
    let name = identifier(text);
    let path = match name {
        "self" if !prefix.is_empty() => prefix.to_owned(),
        "" => prefix.to_owned(),
        name => [prefix, name].join(if prefix.is_empty() { "" } else { "::" }),
    };
    let rest = &text[name.len()..];
    let behind = rest.strip_prefix("::").unwrap_or_default();
    if let Some(group) = behind.strip_prefix('{') {
        let mut rest = group.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            rest = expand(&path, rest, paths);
            // Skips an alias, a star and the comma.
            rest = rest[rest.find([',', '}']).unwrap_or(rest.len())..].trim_start_matches(',').trim_start();
        }
        return rest.get(1..).unwrap_or_default();
    }
    if identifier(behind).is_empty() {
        paths.push(path);
        return rest;
    }
    expand(&path, behind, paths)
}

fn identifier(text: &str) -> &str {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap_or_default()
}

/// The path from the crate's root, without `crate`.
fn absolute(file: &str, path: &str) -> String {
    let mut at: Vec<&str> = file.split("::").collect();
    for (position, segment) in path.split("::").enumerate() {
        match segment {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" if position == 0 => {}
            segment => at.push(segment),
        }
    }
    at.join("::")
}

/// The deepest file that a path names. `None` if it names no file.
fn file_of<'f>(path: &str, files: &'f Files) -> Option<&'f str> {
    let ends = path.match_indices("::").map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| files.get_key_value(&path[..end])).last().map(|(file, _)| file.as_str())
}
