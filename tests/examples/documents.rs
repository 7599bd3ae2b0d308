//! The documents: their blocks of code, each of which some test loads or runs.

use std::fs;

use jwt_auth::Plugin;
use serde_yaml::Value;

use crate::{assert_no_faults, at, read, root};

/// A block of code in a document.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) document: String,
    /// What stands behind the three backticks.
    pub(crate) info: String,
    /// The title of the section of level 2 that it is in.
    pub(crate) section: String,
    pub(crate) text: String,
}

/// Shell blocks of a document that a test elsewhere runs. Each of these tests names the document that it reads.
const RUN_ELSEWHERE: [(&str, &str); 6] = [
    ("docs/start.md", "tools/demo/tests/demo/walk.rs"),
    ("docs/operate.md", "tools/demo/tests/demo/walk.rs"),
    ("docs/issuers.md", "tests/examples/issuers.rs"),
    // The blocks named `yaml NAME`, `console`, `sh openssl` and `sh dpop`; the others show the options of one command.
    ("docs/cli.md", "cli/tests/docs.rs"),
    ("docs/cli.md", "cli/tests/keys/pem.rs"),
    ("docs/cli.md", "cli/tests/keys/dpop.rs"),
];

/// Blocks that no test runs, by document and first line, and why.
const NOT_RUN: [(&str, &str, &str); 8] = [
    ("README.md", "make run    # starts Envoy", "builds everything; the tests of tools/demo start the same program"),
    ("docs/start.md", "make run", "as in the README"),
    ("docs/operate.md", "jwt-auth check --config envoy.yaml", "your file; cli/tests/check.rs checks envoy/envoy.yaml"),
    ("docs/envoy.md", "kubectl apply -f envoy/istio-wasmplugin.yaml", "needs a cluster; main.rs checks the manifests"),
    ("docs/envoy.md", "kubectl apply -f envoy/envoy-gateway.yaml", "needs a cluster; main.rs checks the manifest"),
    ("CONTRIBUTING.md", "ENVOY_BINARIES=$(tools/scripts/envoy.sh)", "runs the tests that this is one of"),
    ("CONTRIBUTING.md", "row(", "a row as they are in the table of rows"),
    ("docs/cli.md", "users:", "a users file; cli/src/serve reads it in a unit test"),
];

/// Blocks of plain text: a formula, a picture, or the output of a command.
const TEXT: &str = "text";

/// All documents for people: those of the root, then those of `docs/`.
pub(crate) fn documents() -> Vec<String> {
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let pages = pages.map(|name| format!("docs/{}", name.into_string().unwrap()));
    let mut pages: Vec<String> = pages.filter(|name| name.ends_with(".md")).collect();
    pages.sort_unstable();
    let first = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(str::to_owned);
    first.into_iter().chain(pages).collect()
}

/// The blocks of a document in their order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut section, mut open) = (String::new(), None::<(usize, Block)>);
    for line in read(document).lines() {
        let text = line.trim_start();
        open = match (open.take(), text.strip_prefix("```")) {
            (None, Some(info)) => {
                let (info, section) = (info.to_owned(), section.clone());
                let block = Block { document: document.to_owned(), info, section, text: String::new() };
                Some((line.len() - text.len(), block))
            }
            (None, None) => {
                if let Some(title) = line.strip_prefix("## ") {
                    section = title.to_owned();
                }
                None
            }
            (Some((_, block)), Some(_)) => {
                blocks.push(block);
                None
            }
            // A block within a list is indented.
            (Some((indent, mut block)), None) => {
                block.text += line.get(indent..).unwrap_or_default();
                block.text.push('\n');
                Some((indent, block))
            }
        };
    }
    assert!(open.is_none(), "{document}: a block has no end");
    blocks
}

impl Block {
    fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Whether [`NOT_RUN`] lists it.
    pub(crate) fn is_listed(&self) -> bool {
        NOT_RUN.iter().any(|(document, line, _)| *document == self.document && self.first_line().starts_with(line))
    }

    /// As YAML, when it is a block of it that belongs to no other file.
    pub(crate) fn yaml(&self) -> Option<Value> {
        (self.info == "yaml" && !self.is_listed()).then(|| {
            serde_yaml::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.document, self.text))
        })
    }
}

/// A plugin configuration, or some of its fields, made whole; `None` for a part of an Envoy configuration.
fn plugin_configuration(value: &Value) -> Option<String> {
    const FIELDS: [&str; 7] =
        ["parameter", "claimParameters", "backendPath", "preventJtiReplay", "tokenCache", "outcome", "remoteJwks"];
    let fields = value.as_mapping()?;
    if !FIELDS.iter().any(|field| fields.contains_key(*field)) {
        return None;
    }
    let mut whole = fields.clone();
    let example: Value = serde_yaml::from_str(&read("envoy/envoy.yaml")).unwrap();
    let plugin = at(
        &example,
        "static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value",
    );
    let plugin: Value = serde_yaml::from_str(plugin.as_str().unwrap()).unwrap();
    let keys = ["jwk", "jwks", "remoteJwks"].iter().any(|field| fields.contains_key(*field));
    for field in ["parameter", "jwk"].into_iter().filter(|field| !(*field == "jwk" && keys)) {
        whole.entry(field.into()).or_insert_with(|| at(&plugin, field).clone());
    }
    Some(serde_yaml::to_string(&whole).unwrap())
}

/// The blocks that are parts of an Envoy configuration: `live.rs` puts them into one.
pub(crate) fn parts_of_envoy() -> Vec<(Block, Value)> {
    let blocks = documents().into_iter().flat_map(|document| blocks(&document));
    let values = blocks.filter_map(|block| block.yaml().map(|value| (block, value)));
    values.filter(|(_, value)| plugin_configuration(value).is_none()).collect()
}

#[test]
fn each_plugin_configuration_has_no_faults() {
    let mut count = 0;
    for block in documents().iter().flat_map(|document| blocks(document)) {
        if let Some(configuration) = block.yaml().as_ref().and_then(plugin_configuration) {
            assert_no_faults(&format!("{}:\n{}", block.document, block.text), &configuration);
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} plugin configurations were found");
}

#[test]
fn each_block_is_bound_to_a_test() {
    for (document, test) in RUN_ELSEWHERE {
        let name = document.strip_prefix("docs/").unwrap();
        assert!(read(test).contains(name), "{test} does not read {document}");
    }
    let (mut listed, mut loose) = (0, Vec::new());
    for block in documents().iter().flat_map(|document| blocks(document)) {
        let elsewhere = RUN_ELSEWHERE.iter().any(|(document, _)| *document == block.document);
        match block.info.split(' ').next().unwrap() {
            _ if block.is_listed() => listed += 1,
            TEXT => {}
            "yaml" if block.info == "yaml" || elsewhere => {}
            "sh" | "console" if elsewhere => {}
            _ => loose.push(format!("{}, ```{}: {}", block.document, block.info, block.first_line())),
        }
    }
    assert!(loose.is_empty(), "no test loads or runs these blocks:\n{}", loose.join("\n"));
    assert_eq!(listed, NOT_RUN.len(), "a block that NOT_RUN lists is gone, or stands twice");
}

/// The document shows what the filter says of two mistakes.
#[test]
fn the_errors_in_the_document_are_those_of_the_filter() {
    let blocks = blocks("docs/configuration.md");
    let shown = blocks.iter().find(|block| block.text.starts_with("parameterLocation: expected")).unwrap();
    let configuration = "parameterLocation: body\npreventJtiReply: true\nparameter: X-Token\njwk: {kty: oct, alg: HS256, \
                         k: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}";
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    assert_eq!(plugin.faults().unwrap().to_string(), shown.text.trim_end());
}
