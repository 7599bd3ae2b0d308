//! Finds the plugins of a file: the file itself, or those in a configuration of Envoy, Istio or Envoy Gateway.

mod ours;

use serde_json::Value;

use super::clusters::Clusters;
use super::handover::chain::{self, Guard, Place};
use super::handover::reader::{self, Notation};
use super::handover::{Fields, Finding, Handover};
use super::origin::Origin;
use super::yaml::{self, Node, Position};
use ours::{has_our_fields, has_our_keys, mentions_us, names_us};

/// The plugins of a file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) plugins: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) clusters: Clusters,
}

/// A plugin configuration of this filter.
#[derive(Debug)]
pub(super) struct Found {
    /// Its name in the file.
    pub(super) name: String,
    /// The kind of object that contains it.
    pub(super) form: &'static str,
    /// Where it begins.
    pub(super) position: Position,
    /// What Envoy passes to the filter, or why it would reject the file.
    pub(super) handover: Result<Handover, Finding>,
    /// `vm_id`; empty by default.
    pub(super) vm_id: String,
    /// Its place in a chain of HTTP filters, if it is in one.
    pub(super) place: Option<Place>,
}

/// Another Wasm filter.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) name: String,
    pub(super) position: Position,
    /// `vm_id`; empty by default.
    pub(super) vm_id: String,
}

/// Top-level keys of files for Envoy and Kubernetes. A plugin configuration has none of them.
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

/// The plugins of Istio.
const ISTIO: &str = "WasmPlugin";

/// Finds the plugins of a file. A file that is not for Envoy or Kubernetes, or not YAML, is a plugin configuration
/// itself.
pub(super) fn find(file: &str, notation: Notation) -> Contents {
    let mut search = Search { file, notation, contents: Contents::default(), chains: 0 };
    let documents = yaml::load(file).unwrap_or_default();
    for document in &documents {
        search.walk(document, "plugin");
    }
    search.contents.clusters = Clusters::of(&documents);
    let Contents { plugins, skipped, .. } = &search.contents;
    let is_container = |document: &Node| document.get_any(&CONTAINER_KEYS).is_some();
    if plugins.is_empty() && skipped.is_empty() && !documents.iter().any(is_container) {
        let position = documents.first().map_or(Position::START, |root| root.position);
        let fields = Fields::Text { text: file.to_owned(), origin: Origin::File };
        let handover = Handover::new(file.as_bytes().to_vec(), fields, Vec::new(), position);
        search.contents.plugins.push(Found::new("plugin", "plugin", position, Ok(handover)));
    }
    search.contents
}

impl Found {
    fn new(name: &str, form: &'static str, position: Position, handover: Result<Handover, Finding>) -> Self {
        Self { name: name.to_owned(), form, position, handover, vm_id: String::new(), place: None }
    }
}

struct Search<'a> {
    file: &'a str,
    notation: Notation,
    contents: Contents,
    /// The number of chains of HTTP filters so far.
    chains: usize,
}

impl Search<'_> {
    /// Searches a value. `name` is the name of the nearest named object around it.
    fn walk(&mut self, node: &Node, name: &str) {
        let name = node.text_of("name").unwrap_or(name);
        match node.text_of("kind") {
            Some("WasmPlugin") => return self.wasm_plugin(node),
            Some("EnvoyExtensionPolicy") => return self.extension_policy(node),
            Some("EnvoyFilter") => {
                let notation = std::mem::replace(&mut self.notation, Notation::Kubernetes);
                self.walk_parts(node, name);
                self.notation = notation;
                return;
            }
            Some(_) | None => {}
        }
        let has_typed_configuration = || node.get("configuration").is_some_and(|any| any.get("@type").is_some());
        if node.get_any(&["vm_config", "vmConfig"]).is_some() || has_typed_configuration() {
            return self.plugin_config(node, name);
        }
        self.walk_parts(node, name);
    }

    fn walk_parts(&mut self, node: &Node, name: &str) {
        for (key, value) in node.entries() {
            match key.text() {
                Some("http_filters" | "httpFilters") => self.chain(value, name),
                Some(_) | None => self.walk(value, name),
            }
        }
        for element in node.elements() {
            self.walk(element, name);
        }
    }

    /// The HTTP filters of a connection manager.
    fn chain(&mut self, filters: &Node, name: &str) {
        self.chains += 1;
        let chain = self.chains;
        let filters = filters.elements();
        for (index, filter) in filters.iter().enumerate() {
            let first = self.contents.plugins.len();
            self.walk(filter, name);
            for found in self.contents.plugins.iter_mut().skip(first) {
                let guards = filters.iter().skip(index + 1).filter_map(Guard::of).collect();
                found.place = Some(Place { chain, is_off: chain::is_off(filter), guards });
            }
        }
    }

    /// `envoy.extensions.wasm.v3.PluginConfig`.
    fn plugin_config(&mut self, node: &Node, name: &str) {
        let any = node.get("configuration");
        let vm = node.get_any(&["vm_config", "vmConfig"]);
        let form = any.map_or("no configuration", form_of);
        let mut found = Found::new(name, form, node.locate("configuration"), self.handover(node, vm));
        if let Some(vm_id) = vm.and_then(|vm| vm.get_any(&["vm_id", "vmId"])).and_then(Node::text) {
            found.vm_id = vm_id.to_owned();
        }
        // Plugins that Envoy can't read are reported, too.
        let looks_like_ours = any.is_some_and(|any| has_our_keys(any) || any.get("value").is_some_and(has_our_keys));
        self.add(found, looks_like_ours || names_us(name) || vm.is_some_and(mentions_us));
    }

    /// What Envoy passes to the plugin of a `PluginConfig` and to its VM.
    fn handover(&self, node: &Node, vm: Option<&Node>) -> Result<Handover, Finding> {
        let mut handover = match node.get("configuration") {
            Some(any) => self.any(any)?,
            None => Handover::empty(node),
        };
        handover.vm_position = vm.map_or(node.position, |vm| vm.locate("configuration"));
        if let Some(any) = vm.and_then(|vm| vm.get("configuration")) {
            let Handover { configuration, silent_errors, .. } = self.any(any)?;
            handover.vm_configuration = configuration;
            handover.silent_errors.extend(silent_errors);
        }
        Ok(handover)
    }

    /// The bytes that Envoy's `MessageUtil::anyToBytes` makes of a `google.protobuf.Any`.
    fn any(&self, any: &Node) -> Result<Handover, Finding> {
        let value = any.get("value");
        match (form_of(any), value) {
            ("StringValue", Some(value)) => {
                let Some(scalar) = value.scalar() else {
                    return Err(Finding::new(
                        any.locate("value"),
                        "configuration.value",
                        "expected a string for a StringValue; Envoy would not start with it",
                    ));
                };
                let fields = Fields::Text { text: scalar.text.clone(), origin: Origin::of(scalar, self.file) };
                Ok(Handover::new(scalar.text.clone().into_bytes(), fields, Vec::new(), any.position))
            }
            ("Struct", Some(value)) => {
                let (bytes, silent_errors) = reader::struct_bytes(value, self.notation)?;
                Ok(Handover::new(bytes, Fields::Tree(value.clone()), silent_errors, any.position))
            }
            ("StringValue" | "Struct", None) => Ok(Handover::empty(any)),
            (_, _) => Err(Finding::new(
                any.position,
                "configuration.@type",
                "expected type.googleapis.com/google.protobuf.StringValue or \
                 type.googleapis.com/google.protobuf.Struct",
            )),
        }
    }

    /// Istio's `WasmPlugin`, which passes `pluginConfig` as JSON.
    fn wasm_plugin(&mut self, node: &Node) {
        let spec = node.get("spec").unwrap_or(node);
        let is_ours = spec.get("url").is_some_and(mentions_us);
        self.json(name_of(node), ISTIO, spec, &["pluginConfig", "plugin_config"], is_ours);
    }

    /// Envoy Gateway's `EnvoyExtensionPolicy`, which passes each `config` as JSON.
    fn extension_policy(&mut self, node: &Node) {
        let filters = node.get("spec").and_then(|spec| spec.get("wasm")).map_or(&[][..], Node::elements);
        for filter in filters {
            let name = filter.text_of("name").or(name_of(node));
            let is_ours = filter.get("code").is_some_and(mentions_us);
            self.json(name, "EnvoyExtensionPolicy", filter, &["config"], is_ours);
        }
    }

    /// Adds a plugin whose configuration is the member of `around` with one of these names.
    fn json(&mut self, name: Option<&str>, form: &'static str, around: &Node, names: &[&str], is_ours: bool) {
        // An empty value is not passed; for Istio, this includes an empty map.
        let is_given = |json: &Value| match json {
            Value::Null => false,
            Value::Object(members) => !members.is_empty() || form != ISTIO,
            _ => true,
        };
        let position = names.first().map_or(around.position, |name| around.locate(name));
        let config = around.get_any(names);
        let handover = config.map_or(Ok(Handover::empty(around)), |config| {
            let (json, silent_errors) = reader::json(config, Notation::Kubernetes)?;
            let passed = if is_given(&json) { json.to_string().into_bytes() } else { Vec::new() };
            Ok(Handover::new(passed, Fields::Tree(config.clone()), silent_errors, position))
        });
        // Plugins that Kubernetes can't read are reported, too.
        let is_ours = is_ours || name.is_some_and(names_us) || config.is_some_and(has_our_keys);
        self.add(Found::new(name.unwrap_or("plugin"), form, position, handover), is_ours);
    }

    fn add(&mut self, found: Found, is_ours: bool) {
        if is_ours || found.handover.as_ref().is_ok_and(has_our_fields) {
            self.contents.plugins.push(found);
        } else {
            let Found { name, position, vm_id, .. } = found;
            self.contents.skipped.push(Skipped { name, position, vm_id });
        }
    }
}

/// `metadata.name`.
fn name_of(object: &Node) -> Option<&str> {
    object.get("metadata")?.get("name")?.text()
}

/// The kind of an `Any`: the last part of its `@type`, if it can be a configuration.
fn form_of(any: &Node) -> &'static str {
    let message = any.text_of("@type").and_then(|url| url.rsplit('/').next());
    match message {
        Some("google.protobuf.StringValue") => "StringValue",
        Some("google.protobuf.Struct") => "Struct",
        Some(_) | None => "unknown",
    }
}

#[cfg(test)]
mod tests;
