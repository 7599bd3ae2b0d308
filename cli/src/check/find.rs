//! The plugins of a file: a plugin configuration as it stands, or those in the YAML of Envoy, Istio and Envoy Gateway.

use super::handover::{self, Notation};
use super::origin::Origin;
use super::yaml::{self, Node, Position};

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) plugins: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
}

/// A configuration of this filter.
#[derive(Debug)]
pub(super) struct Found {
    /// The name that the file gives it.
    pub(super) name: String,
    /// The form in which it stands there.
    pub(super) form: &'static str,
    /// Where it begins.
    pub(super) position: Position,
    /// What Envoy hands over, or why it would not take the file.
    pub(super) handover: Result<Handover, Unusable>,
}

/// What Envoy hands over to the filter.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) configuration: Vec<u8>,
    pub(super) vm_configuration: Vec<u8>,
    fields: Fields,
    vm_position: Position,
}

/// A part that Envoy would not take for a configuration.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) position: Position,
    pub(super) field: &'static str,
    pub(super) problem: &'static str,
}

/// Another Wasm filter.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) name: String,
    pub(super) position: Position,
}

/// Where the fields of a configuration stand.
#[derive(Debug)]
enum Fields {
    /// In a text of its own.
    Text { text: String, origin: Origin },
    /// Among the file's own.
    Tree(Node),
}

impl Handover {
    /// The place in the file of a field that the filter names.
    pub(super) fn place(&self, field: &str) -> Position {
        if field.starts_with("vm_config.") {
            return self.vm_position;
        }
        match &self.fields {
            Fields::Tree(root) => root.locate(field),
            Fields::Text { text, origin } => origin.place(place_in_text(text, field)),
        }
    }
}

fn place_in_text(text: &str, field: &str) -> Position {
    // The filter's own reader first: it may refuse what the other one takes.
    if let Err(error) = serde_yaml::from_str::<serde_yaml::Value>(text)
        && let Some(location) = error.location()
    {
        return Position { line: location.line().max(1), column: location.column().max(1) };
    }
    match yaml::load(text) {
        Ok(documents) => documents.first().map_or(Position::START, |root| root.locate(field)),
        Err((position, _)) => position,
    }
}

/// The keys of which a file has one at its top if it is Envoy's or of Kubernetes; none of them is a plugin's.
const CONTAINER_KEYS: [&str; 15] = [
    "@type",
    "admin",
    "apiVersion",
    "config",
    "dynamic_resources",
    "dynamicResources",
    "filter_chains",
    "filterChains",
    "http_filters",
    "kind",
    "listeners",
    "resources",
    "static_resources",
    "staticResources",
    "typed_config",
];

/// The fields by which a configuration is known as one of this filter.
const OUR_FIELDS: [&str; 3] = ["parameter", "jwk", "jwks"];

/// The form in which Istio has a plugin.
const ISTIO: &str = "WasmPlugin";

/// Looks through a file. What is not YAML, or no YAML of Envoy or Kubernetes, is taken for a plugin configuration.
pub(super) fn find(file: &str, notation: Notation) -> Contents {
    let mut search = Search { file, notation, contents: Contents::default() };
    let documents = yaml::load(file).unwrap_or_default();
    for document in &documents {
        search.walk(document, "plugin");
    }
    let Contents { plugins, skipped } = &search.contents;
    let is_container = |document: &Node| document.get_any(&CONTAINER_KEYS).is_some();
    if plugins.is_empty() && skipped.is_empty() && !documents.iter().any(is_container) {
        let position = documents.first().map_or(Position::START, |root| root.position);
        let handover = Handover {
            configuration: file.as_bytes().to_vec(),
            vm_configuration: Vec::new(),
            fields: Fields::Text { text: file.to_owned(), origin: Origin::File },
            vm_position: position,
        };
        let name = "plugin".to_owned();
        search.contents.plugins.push(Found { name, form: "plugin", position, handover: Ok(handover) });
    }
    search.contents
}

struct Search<'a> {
    file: &'a str,
    notation: Notation,
    contents: Contents,
}

impl Search<'_> {
    /// `name` is that of the nearest thing around.
    fn walk(&mut self, node: &Node, name: &str) {
        let name = node.get("name").and_then(Node::text).unwrap_or(name);
        match node.get("kind").and_then(Node::text) {
            Some("WasmPlugin") => return self.wasm_plugin(node),
            Some("EnvoyExtensionPolicy") => return self.extension_policy(node),
            Some(_) | None => {}
        }
        let has_typed_configuration = || node.get("configuration").is_some_and(|any| any.get("@type").is_some());
        if node.get_any(&["vm_config", "vmConfig"]).is_some() || has_typed_configuration() {
            return self.plugin_config(node, name);
        }
        for (_, value) in node.entries() {
            self.walk(value, name);
        }
        for element in node.elements() {
            self.walk(element, name);
        }
    }

    /// `envoy.extensions.wasm.v3.PluginConfig`.
    fn plugin_config(&mut self, node: &Node, name: &str) {
        let (form, position, found) = match node.get("configuration") {
            Some(any) => (form_of(any), key_position(node, "configuration"), self.any(any)),
            None => ("no configuration", node.position, Ok((Vec::new(), Fields::Tree(node.clone())))),
        };
        let vm = node.get_any(&["vm_config", "vmConfig"]);
        let vm_configuration = match vm.and_then(|vm| vm.get("configuration")) {
            Some(any) => self.any(any).map(|(bytes, _)| bytes),
            None => Ok(Vec::new()),
        };
        let vm_position = vm.map_or(node.position, |vm| key_position(vm, "configuration"));
        let handover = found.and_then(|(configuration, fields)| {
            Ok(Handover { configuration, vm_configuration: vm_configuration?, fields, vm_position })
        });
        // Also one that Envoy could not read is to be told of.
        let any = node.get("configuration");
        let has_fields = |node: &Node| node.get_any(&OUR_FIELDS).is_some();
        let looks_like_ours = any.is_some_and(|any| has_fields(any) || any.get("value").is_some_and(has_fields));
        let is_ours = looks_like_ours || names_us(name) || vm.is_some_and(mentions_us);
        self.add(Found { name: name.to_owned(), form, position, handover }, is_ours);
    }

    /// The bytes that Envoy's `MessageUtil::anyToBytes` makes of a `google.protobuf.Any`.
    fn any(&self, any: &Node) -> Result<(Vec<u8>, Fields), Unusable> {
        let unusable = |field, problem| Unusable { position: any.position, field, problem };
        let value = any.get("value");
        match (form_of(any), value) {
            ("StringValue", Some(value)) => {
                let Some(scalar) = value.scalar() else {
                    return Err(Unusable {
                        position: key_position(any, "value"),
                        field: "configuration.value",
                        problem: "expected a string, since it is a StringValue; Envoy would not start with it",
                    });
                };
                let fields = Fields::Text { text: scalar.text.clone(), origin: Origin::of(scalar, self.file) };
                Ok((scalar.text.clone().into_bytes(), fields))
            }
            ("Struct", Some(value)) => Ok((handover::struct_bytes(value, self.notation), Fields::Tree(value.clone()))),
            ("StringValue" | "Struct", None) => Ok((Vec::new(), Fields::Tree(any.clone()))),
            (_, _) => Err(unusable(
                "configuration.@type",
                "expected type.googleapis.com/google.protobuf.StringValue or type.googleapis.com/google.protobuf.Struct",
            )),
        }
    }

    /// Istio's `WasmPlugin`, which hands `pluginConfig` over as JSON.
    fn wasm_plugin(&mut self, node: &Node) {
        let name = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
        let spec = node.get("spec").unwrap_or(node);
        let is_ours = name.is_some_and(names_us) || spec.get("url").is_some_and(mentions_us);
        let config = spec.get_any(&["pluginConfig", "plugin_config"]);
        self.json(name, ISTIO, config, key_position(spec, "pluginConfig"), is_ours);
    }

    /// Envoy Gateway's `EnvoyExtensionPolicy`, which hands each `config` over as JSON.
    fn extension_policy(&mut self, node: &Node) {
        let wasm = node.get("spec").and_then(|spec| spec.get("wasm")).map_or(&[][..], Node::elements);
        let policy = node.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Node::text);
        for filter in wasm {
            let name = filter.get("name").and_then(Node::text).or(policy);
            let is_ours = name.is_some_and(names_us) || filter.get("code").is_some_and(mentions_us);
            self.json(name, "EnvoyExtensionPolicy", filter.get("config"), key_position(filter, "config"), is_ours);
        }
    }

    fn json(
        &mut self,
        name: Option<&str>,
        form: &'static str,
        config: Option<&Node>,
        position: Position,
        is_ours: bool,
    ) {
        // Nothing is handed over for what is left empty; Istio takes an empty map for that, too.
        let json = config.map(handover::json).filter(|json| match json {
            serde_json::Value::Null => false,
            serde_json::Value::Object(members) => !members.is_empty() || form != ISTIO,
            _ => true,
        });
        let handover = Handover {
            configuration: json.map(|json| json.to_string().into_bytes()).unwrap_or_default(),
            vm_configuration: Vec::new(),
            fields: config.map_or_else(
                || Fields::Text { text: String::new(), origin: Origin::Start(position) },
                |config| Fields::Tree(config.clone()),
            ),
            vm_position: position,
        };
        let name = name.unwrap_or("plugin").to_owned();
        self.add(Found { name, form, position, handover: Ok(handover) }, is_ours);
    }

    fn add(&mut self, found: Found, is_ours: bool) {
        if is_ours || found.handover.as_ref().is_ok_and(has_our_fields) {
            self.contents.plugins.push(found);
        } else {
            self.contents.skipped.push(Skipped { name: found.name, position: found.position });
        }
    }
}

/// The last part of an `@type`, where it is one of those that hold a configuration.
fn form_of(any: &Node) -> &'static str {
    let message = any.get("@type").and_then(Node::text).and_then(|url| url.rsplit('/').next());
    match message {
        Some("google.protobuf.StringValue") => "StringValue",
        Some("google.protobuf.Struct") => "Struct",
        Some(_) | None => "unknown",
    }
}

fn key_position(node: &Node, key: &str) -> Position {
    node.locate(key)
}

fn has_our_fields(handover: &Handover) -> bool {
    let is_ours = |root: &Node| root.get_any(&OUR_FIELDS).is_some();
    match &handover.fields {
        Fields::Tree(root) => is_ours(root),
        Fields::Text { text, .. } => yaml::load(text).is_ok_and(|documents| documents.first().is_some_and(is_ours)),
    }
}

fn names_us(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name.contains("jwt-auth")
}

fn mentions_us(node: &Node) -> bool {
    node.text().is_some_and(names_us)
        || node.elements().iter().any(mentions_us)
        || node.entries().iter().any(|(_, value)| mentions_us(value))
}

#[cfg(test)]
mod tests;
