//! The configurations of `envoy/` that fetch keys from a URL.

use kit::envoy::{self, Envoy};
use serde_json::json;
use serde_yaml::Value;

use crate::documents::blocks;
use crate::published::{ISSUERS, Issuer};
use crate::{assert_guarded, assert_no_faults, at, at_mut, read};

pub(crate) const FILTERS: &str = "static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

pub(crate) fn bootstrap(name: &str) -> Value {
    serde_yaml::from_str(&read(name)).unwrap()
}

pub(crate) fn plugin(bootstrap: &Value) -> &Value {
    at(bootstrap, &format!("{FILTERS}/0/typed_config/config"))
}

pub(crate) fn plugin_mut(bootstrap: &mut Value) -> &mut Value {
    at_mut(bootstrap, &format!("{FILTERS}/0/typed_config/config"))
}

pub(crate) fn configuration(name: &str, bootstrap: &Value) -> Value {
    let text = at(plugin(bootstrap), "configuration/value").as_str().unwrap();
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The file with a free port here and the module that is tested.
pub(crate) fn with_local_paths(mut bootstrap: Value) -> Value {
    let wasm = std::env::var("JWT_AUTH_WASM").expect("JWT_AUTH_WASM must be set; `make test` does it");
    *at_mut(&mut bootstrap, "static_resources/listeners/0/address/socket_address") =
        serde_yaml::to_value(json!({"address": "127.0.0.1", "port_value": 0})).unwrap();
    *at_mut(plugin_mut(&mut bootstrap), "vm_config/code/local/filename") = wasm.into();
    bootstrap
}

/// The host of a URL or of an authority.
fn host(url: &str) -> &str {
    let authority = url.strip_prefix("https://").unwrap_or(url);
    authority.split('/').next().unwrap()
}

/// Each host that keys come from, and the cluster that the filter calls for it.
pub(crate) fn calls(remote: &Value) -> Vec<(String, String)> {
    let text = |field: &str| remote.get(field).map(|value| value.as_str().unwrap().to_owned());
    let discovery = (host(&text("discovery").unwrap()).to_owned(), text("cluster").unwrap());
    let keys = text("jwksAuthority").map(|authority| (authority, text("jwksCluster").unwrap()));
    [discovery].into_iter().chain(keys).collect()
}

/// Nobody else can give the filter keys: neither with another certificate nor from another plugin.
#[test]
fn keys_come_only_from_the_host_that_the_file_names() {
    for name in ISSUERS.map(Issuer::file) {
        let bootstrap = bootstrap(name);
        let calls = assert_keys_come_only_from_their_hosts(name, &bootstrap);
        let clusters = at(&bootstrap, "static_resources/clusters").as_sequence().unwrap();
        assert_eq!(clusters.len(), calls + 1, "{name}: a cluster for each host, and the backend's");
    }
}

/// Returns the number of hosts.
pub(crate) fn assert_keys_come_only_from_their_hosts(name: &str, bootstrap: &Value) -> usize {
    assert_guarded(name, at(bootstrap, FILTERS).as_sequence().unwrap());
    assert_eq!(at(plugin(bootstrap), "failure_policy"), "FAIL_RELOAD", "{name}");
    assert_eq!(at(plugin(bootstrap), "vm_config/vm_id"), "jwt-auth", "{name}");
    let clusters = at(bootstrap, "static_resources/clusters").as_sequence().unwrap();
    let calls = calls(at(&configuration(name, bootstrap), "remoteJwks"));
    for (host, cluster) in &calls {
        let cluster = clusters.iter().find(|known| known["name"] == **cluster).unwrap_or_else(|| panic!("{name}"));
        let address = at(cluster, "load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address");
        assert_eq!((&address["address"], &address["port_value"]), (&host.clone().into(), &443.into()), "{name}");
        let tls = at(cluster, "transport_socket/typed_config");
        assert_eq!(tls["sni"], **host, "{name}");
        let validation = at(tls, "common_tls_context/validation_context");
        assert_eq!(at(validation, "trusted_ca/filename"), "/etc/ssl/certs/ca-certificates.crt", "{name}");
        let names = serde_yaml::to_value(json!([{"san_type": "DNS", "matcher": {"exact": host}}])).unwrap();
        assert_eq!(at(validation, "match_typed_subject_alt_names"), &names, "{name}");
        assert_eq!(at(cluster, "dns_lookup_family"), "V4_PREFERRED", "{name}");
        assert_eq!(at(cluster, "circuit_breakers/thresholds/0/max_requests"), 8, "{name}");
    }
    calls.len()
}

/// The cluster that Istio makes of the manifest is the one that the comment in it names, and it checks the certificate.
#[test]
fn the_manifest_for_istio_makes_the_cluster_that_it_names() {
    let text = read("envoy/istio-keycloak.yaml");
    let comment = text.lines().filter_map(|line| line.strip_prefix("#   ")).map(|line| format!("{line}\n"));
    let plugin: Value = serde_yaml::from_str(&comment.collect::<String>()).unwrap();
    let calls = calls(at(&plugin, "remoteJwks"));
    let [(host, cluster)] = calls.as_slice() else { panic!("{calls:?}") };
    let documents: Vec<Value> = text.split("\n---\n").map(|text| serde_yaml::from_str(text).unwrap()).collect();
    let [entry, rule] = documents.as_slice() else { panic!("{documents:?}") };
    let port = at(entry, "spec/ports/0/number");
    assert_eq!((at(entry, "spec/hosts/0"), at(rule, "spec/host")), (&host.as_str().into(), &host.as_str().into()));
    assert_eq!(*cluster, format!("outbound|{}||{host}", port.as_u64().unwrap()));
    let settings = at(rule, "spec/trafficPolicy/portLevelSettings/0");
    assert_eq!(at(settings, "port/number"), port);
    let tls = serde_yaml::to_value(json!({"mode": "SIMPLE", "sni": host, "subjectAltNames": [host]})).unwrap();
    assert_eq!(at(settings, "tls"), &tls);
    for document in &documents {
        assert_eq!(
            (at(document, "metadata/namespace"), at(document, "spec/exportTo/0")),
            (&"istio-ingress".into(), &".".into())
        );
    }
}

/// The first block of an issuer's section shows what to replace in its file.
#[test]
fn the_document_shows_what_the_files_have() {
    let document = read("docs/issuers.md");
    let blocks = blocks("docs/issuers.md");
    for issuer in ISSUERS {
        let (section, name) = (issuer.section(), issuer.file());
        assert!(document.contains(&format!("\n## {section}\n\n[{name}](../{name}). Replace ")), "{section}: {name}");
        let shown = blocks.iter().find(|block| block.section == section && block.info == "yaml").unwrap();
        let shown: Value = serde_yaml::from_str(&shown.text).unwrap();
        let configuration = configuration(name, &bootstrap(name));
        let fields = shown.as_mapping().unwrap();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["remoteJwks", "audiences"], "{section}");
        for (field, value) in fields {
            assert_eq!(Some(value), configuration.get(field), "{section}");
        }
    }
}

/// Envoy takes every field of the files, and serves before the names in them can be resolved.
#[test]
fn each_file_is_loaded() {
    for name in ISSUERS.map(Issuer::file) {
        let bootstrap = bootstrap(name);
        assert_no_faults(name, at(plugin(&bootstrap), "configuration/value").as_str().unwrap());
        let text = serde_yaml::to_string(&with_local_paths(bootstrap)).unwrap();
        for binary in envoy::binaries() {
            let envoy = Envoy::start_with(&binary, "envoy.yaml", &text, 1);
            let envoy = envoy.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(envoy.address("main").is_ok(), "{name}");
        }
    }
}
