//! Adapts the files of `envoy/` to the demo. Everything that is not changed here is used as it is in the files.

use std::fs;
use std::path::Path;

use serde_yaml::Value;

use crate::settings::Ports;

/// The name of the filter.
const FILTER: &str = "jwt-auth";

/// A YAML file.
pub(crate) struct Document {
    file: String,
    root: Value,
}

/// Addresses and paths of the Envoy with the filter.
pub(crate) struct Place<'a> {
    /// The ports that it listens on.
    pub(crate) ports: &'a Ports,
    /// The address that it listens on.
    pub(crate) address: &'a str,
    pub(crate) wasm: &'a Path,
    /// The port of the upstream on this machine. With `None`, the address in the file stays.
    pub(crate) upstream: Option<u16>,
}

/// Not reachable from other machines.
pub(crate) const LOCALHOST: &str = "127.0.0.1";

/// The configuration of the upstream, with its port.
pub(crate) fn upstream(mut document: Document, ports: &Ports) -> Result<String, String> {
    socket(document.at(&["static_resources", "listeners", "0"])?, LOCALHOST, ports.upstream)?;
    document.into_text()
}

/// The configuration of the Envoy with the filter, with `jwk` as the key. It has two more listeners than the file: one
/// accepts each `jti` once, and one has a misspelt field in its plugin configuration.
pub(crate) fn filter(mut document: Document, place: &Place, jwk: &serde_json::Value) -> Result<String, String> {
    let ports = place.ports;
    let listener = document.at(&["static_resources", "listeners", "0"])?.clone();
    let mut listeners = Vec::new();
    for (name, port, more) in [
        ("main", ports.main, None),
        ("replay", ports.replay, Some("preventJtiReplay")),
        ("broken", ports.broken, Some("preventJtiReply")),
    ] {
        let mut listener = listener.clone();
        socket(&mut listener, place.address, port)?;
        listener["name"] = name.into();
        let plugin = at(&mut listener, PLUGIN)?;
        *at(plugin, &["vm_config", "code", "local", "filename"])? = place.wasm.to_string_lossy().as_ref().into();
        change_plugin_text(plugin, jwk, more)?;
        listeners.push(listener);
    }
    *document.at(&["static_resources", "listeners"])? = listeners.into();

    if let Some(upstream) = place.upstream {
        let endpoint = ["load_assignment", "endpoints", "0", "lb_endpoints", "0", "endpoint"];
        socket(at(document.at(&["static_resources", "clusters", "0"])?, &endpoint)?, LOCALHOST, upstream)?;
    }
    socket(document.at(&["admin"])?, place.address, ports.admin)?;
    document.into_text()
}

/// The path from a listener to the configuration of the filter.
const PLUGIN: &[&str] =
    &["filter_chains", "0", "filters", "0", "typed_config", "http_filters", FILTER, "typed_config", "config"];

/// Sets the key in the plugin configuration, and optionally a field to true. The configuration is a string with YAML.
fn change_plugin_text(plugin: &mut Value, jwk: &serde_json::Value, field: Option<&str>) -> Result<(), String> {
    let text = at(plugin, &["configuration", "value"])?;
    let mut config: Value = serde_yaml::from_str(text.as_str().ok_or("the plugin configuration is not a text")?)
        .map_err(|error| format!("the plugin configuration: {error}"))?;
    *at(&mut config, &["jwk"])? = serde_yaml::to_value(jwk).map_err(|error| error.to_string())?;
    if let (Some(field), Some(fields)) = (field, config.as_mapping_mut()) {
        fields.insert(field.into(), true.into());
    }
    *text = to_text(&config)?.into();
    Ok(())
}

/// Sets the address and the port of `owner`.
fn socket(owner: &mut Value, address: &str, port: u16) -> Result<(), String> {
    let socket = at(owner, &["address", "socket_address"])?;
    *at(socket, &["address"])? = address.into();
    *at(socket, &["port_value"])? = port.into();
    Ok(())
}

impl Document {
    /// Reads a file.
    pub(crate) fn read(file: &str) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        let root = serde_yaml::from_str(&text).map_err(|error| format!("{file}: {error}"))?;
        Ok(Self { file: file.to_owned(), root })
    }

    fn at(&mut self, path: &[&str]) -> Result<&mut Value, String> {
        at(&mut self.root, path).map_err(|error| format!("{}: {error}", self.file))
    }

    fn into_text(self) -> Result<String, String> {
        to_text(&self.root)
    }
}

fn to_text(value: &Value) -> Result<String, String> {
    serde_yaml::to_string(value).map_err(|error| error.to_string())
}

/// The value at a path. For a list, a key is an index or the `name` of an element.
fn at<'a>(value: &'a mut Value, path: &[&str]) -> Result<&'a mut Value, String> {
    path.iter().try_fold(value, |value, &key| {
        let next = match value {
            Value::Sequence(elements) => {
                let index = key.parse().ok().or_else(|| elements.iter().position(|element| element["name"] == key));
                index.and_then(|index: usize| elements.get_mut(index))
            }
            value => value.get_mut(key),
        };
        next.ok_or_else(|| format!("expected {key} at {}", path.join(".")))
    })
}
