//! Adapts the files of `envoy/` to the demo. Everything that is not changed here is used as it is in the files.

use std::fs;
use std::path::Path;

use serde_json::json;
use serde_yaml::Value;

use crate::issuer::AUDIENCE;
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
    /// The address of the token service. Its port is one of `ports`.
    pub(crate) tokens: &'a str,
    /// The URL under which clients see the listener that is an OAuth 2.0 resource server.
    pub(crate) resource: &'a str,
}

/// Which keys the filter has.
pub(crate) struct Keys<'a> {
    /// The public key in the configuration.
    pub(crate) jwk: &'a serde_json::Value,
    /// The URL of the issuer whose keys the filter fetches.
    pub(crate) discovery: &'a str,
}

/// Not reachable from other machines.
pub(crate) const LOCALHOST: &str = "127.0.0.1";

/// A host and a port.
pub(crate) type Socket = (String, u16);

/// Addresses and paths of an Envoy that shares used `jti`s.
pub(crate) struct Fleet<'a> {
    pub(crate) wasm: &'a Path,
    /// Where it listens.
    pub(crate) listener: Socket,
    pub(crate) admin: Socket,
    pub(crate) upstream: Socket,
    pub(crate) tokens: Socket,
    /// The nodes of etcd, without TLS.
    pub(crate) etcd: [Socket; 3],
}

/// The configuration of the upstream, with its port.
pub(crate) fn upstream(mut document: Document, port: u16) -> Result<String, String> {
    socket(document.at(&["static_resources", "listeners", "0"])?, LOCALHOST, port)?;
    document.into_text()
}

/// The configuration of the Envoy with the filter, with these keys. It has three more listeners than the file: one
/// accepts each `jti` once, one has a misspelt field in its plugin configuration, and one is an OAuth 2.0 resource server
/// with DPoP. It has one more cluster: the token service, from which the filter fetches keys.
pub(crate) fn filter(mut document: Document, place: &Place, keys: &Keys) -> Result<String, String> {
    let ports = place.ports;
    let listener = document.at(&["static_resources", "listeners", "0"])?.clone();
    let mut listeners = Vec::new();
    let resource_server = json!({
        "parameter": "Authorization",
        "audiences": [AUDIENCE],
        "resourceServer": {
            "metadata": {"resource": place.resource, "authorizationServers": [keys.discovery]},
            "dpop": {},
        },
    });
    for (name, port, more) in [
        ("main", ports.main, json!({})),
        ("replay", ports.replay, json!({"preventJtiReplay": true})),
        ("broken", ports.broken, json!({"preventJtiReply": true})),
        ("resource", ports.resource, resource_server),
    ] {
        let mut listener = listener.clone();
        socket(&mut listener, place.address, port)?;
        listener["name"] = name.into();
        let plugin = at(&mut listener, PLUGIN)?;
        *at(plugin, &["vm_config", "code", "local", "filename"])? = place.wasm.to_string_lossy().as_ref().into();
        change_plugin_text(plugin, keys, |config| {
            for (field, value) in more.as_object().into_iter().flatten() {
                config[field.as_str()] = serde_yaml::to_value(value).map_err(|error| error.to_string())?;
            }
            Ok(())
        })?;
        listeners.push(listener);
    }
    *document.at(&["static_resources", "listeners"])? = listeners.into();

    let upstream = document.at(&["static_resources", "clusters", "0"])?;
    let mut tokens = upstream.clone();
    if let Some(port) = place.upstream {
        socket(at(upstream, ENDPOINT)?, LOCALHOST, port)?;
    }
    tokens["name"] = TOKENS.into();
    *at(&mut tokens, &["load_assignment", "cluster_name"])? = TOKENS.into();
    socket(at(&mut tokens, ENDPOINT)?, place.tokens, ports.tokens)?;
    let clusters = document.at(&["static_resources", "clusters"])?;
    clusters.as_sequence_mut().ok_or("the clusters are not a list")?.push(tokens);
    socket(document.at(&["admin"])?, place.address, ports.admin)?;
    document.into_text()
}

/// The configuration of an Envoy that shares used `jti`s, from a file with the cluster of etcd. It has one more
/// cluster: the token service.
pub(crate) fn fleet(mut document: Document, place: &Fleet, keys: &Keys) -> Result<String, String> {
    let put = |owner: &mut Value, (host, port): &Socket| socket(owner, host, *port);
    let listener = document.at(&["static_resources", "listeners", "0"])?;
    put(listener, &place.listener)?;
    let plugin = at(listener, PLUGIN)?;
    *at(plugin, &["vm_config", "code", "local", "filename"])? = place.wasm.to_string_lossy().as_ref().into();
    change_plugin_text(plugin, keys, |config| {
        // Other programs use this machine, too.
        *at(config, &["jtiStore", "timeoutMilliseconds"])? = 2000.into();
        Ok(())
    })?;

    let clusters = document.at(&["static_resources", "clusters"])?;
    let etcd = at(clusters, &["jti-store"])?;
    // The nodes have no certificates.
    etcd.as_mapping_mut().ok_or("a cluster is not a mapping")?.remove("transport_socket");
    let endpoints = at(etcd, &["load_assignment", "endpoints", "0", "lb_endpoints"])?;
    for (index, node) in place.etcd.iter().enumerate() {
        put(at(endpoints, &[&index.to_string(), "endpoint"])?, node)?;
    }
    let upstream = at(clusters, &["upstream"])?;
    let mut tokens = upstream.clone();
    put(at(upstream, ENDPOINT)?, &place.upstream)?;
    tokens["name"] = TOKENS.into();
    *at(&mut tokens, &["load_assignment", "cluster_name"])? = TOKENS.into();
    put(at(&mut tokens, ENDPOINT)?, &place.tokens)?;
    clusters.as_sequence_mut().ok_or("the clusters are not a list")?.push(tokens);
    put(document.at(&["admin"])?, &place.admin)?;
    document.into_text()
}

/// The cluster of the token service.
const TOKENS: &str = "tokens";

/// The path from a cluster to its endpoint.
const ENDPOINT: &[&str] = &["load_assignment", "endpoints", "0", "lb_endpoints", "0", "endpoint"];

/// The path from a listener to the configuration of the filter.
const PLUGIN: &[&str] =
    &["filter_chains", "0", "filters", "0", "typed_config", "http_filters", FILTER, "typed_config", "config"];

/// Sets the keys in the plugin configuration, and makes another change. The configuration is a string with YAML.
fn change_plugin_text(
    plugin: &mut Value,
    keys: &Keys,
    change: impl FnOnce(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    let text = at(plugin, &["configuration", "value"])?;
    let mut config: Value = serde_yaml::from_str(text.as_str().ok_or("the plugin configuration is not a text")?)
        .map_err(|error| format!("the plugin configuration: {error}"))?;
    let value = |json| serde_yaml::to_value(json).map_err(|error| error.to_string());
    *at(&mut config, &["jwk"])? = value(keys.jwk)?;
    // The keys of the demo change every few seconds. A short cool-down finds each of them at once.
    let remote =
        json!({"discovery": keys.discovery, "cluster": TOKENS, "refreshSeconds": 60, "unknownKidCooldownSeconds": 1});
    let fields = config.as_mapping_mut().ok_or("the plugin configuration is not a mapping")?;
    fields.insert("remoteJwks".into(), value(&remote)?);
    change(&mut config)?;
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
