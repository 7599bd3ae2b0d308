//! The configurations of `envoy/` with `jtiStore`.

use std::path::Path;

use jwt_auth::{Engine, JtiStore, Plugin};
use kit::certificate::Ca;
use kit::envoy::{self, Envoy};
use serde_json::json;
use serde_yaml::Value;
use tempfile::TempDir;

use crate::remote_keys::{FILTERS, bootstrap, plugin, with_local_paths};
use crate::{assert_guarded, at, at_mut};

pub(crate) const ETCD: &str = "envoy/jti-etcd.yaml";
pub(crate) const REDIS: &str = "envoy/jti-redis.yaml";

/// The path of the cluster of an engine.
pub(crate) const CLUSTER: &str = "static_resources/clusters/@jti-store";

/// The names of the members of etcd in its file.
pub(crate) const MEMBERS: [&str; 3] = ["etcd-1.example.com", "etcd-2.example.com", "etcd-3.example.com"];

/// Certificates in the place of those in `/etc/envoy/etcd`.
pub(crate) struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// A client certificate that `client` issues, and `server` as the CA of the engine's certificates.
    pub(crate) fn new(server: &Ca, client: &Ca) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = client.issue("jwt-auth");
        for (name, text) in [
            ("ca.crt", server.pem()),
            ("client.crt", certificate.pem().to_owned()),
            ("client.key", certificate.private_key_pem().to_owned()),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    /// Sets the files in a bootstrap that has the cluster of etcd.
    pub(crate) fn put_into(&self, bootstrap: &mut Value) {
        let tls = at_mut(bootstrap, &format!("{CLUSTER}/transport_socket/typed_config/common_tls_context"));
        for place in [
            "tls_certificates/0/certificate_chain/filename",
            "tls_certificates/0/private_key/filename",
            "validation_context/trusted_ca/filename",
        ] {
            let file = at_mut(tls, place);
            let name = Path::new(file.as_str().unwrap()).strip_prefix("/etc/envoy/etcd").unwrap().to_owned();
            *file = self.folder.path().join(name).to_str().unwrap().into();
        }
    }
}

fn jti_store(name: &str, bootstrap: &Value) -> JtiStore {
    let text = at(plugin(bootstrap), "configuration/value").as_str().unwrap();
    let plugin = Plugin::new(text.as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{name}: {}", plugin.faults().unwrap());
    plugin.jti_store().expect(name).clone()
}

/// The filter has its guard, and its cluster speaks the engine's version of HTTP. No call outlasts its request, and
/// the calls in progress are limited.
#[test]
fn the_cluster_is_fit_for_its_engine() {
    for (name, engine, http) in
        [(ETCD, Engine::Etcd, "http2_protocol_options"), (REDIS, Engine::Redis, "http_protocol_options")]
    {
        let mut bootstrap = bootstrap(name);
        assert_guarded(name, at(&bootstrap, FILTERS).as_sequence().unwrap());
        assert_eq!(at(plugin(&bootstrap), "failure_policy"), "FAIL_RELOAD", "{name}");
        let store = jti_store(name, &bootstrap);
        assert_eq!((store.engine, store.cluster.as_str(), store.falls_back), (engine, "jti-store", false), "{name}");
        let cluster = at_mut(&mut bootstrap, CLUSTER);
        let options = "typed_extension_protocol_options/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        let options = at(cluster, &format!("{options}/explicit_http_config")).as_mapping().unwrap();
        assert_eq!(options.keys().collect::<Vec<_>>(), [http], "{name}");
        let timeout = format!("{}s", f64::from(store.timeout_milliseconds) / 1000.0);
        assert_eq!(at(cluster, "connect_timeout"), timeout.as_str(), "{name}");
        for limit in ["max_connections", "max_pending_requests", "max_requests"] {
            assert!(at(cluster, &format!("circuit_breakers/thresholds/0/{limit}")).as_u64().unwrap() > 0, "{name}");
        }
    }
}

/// Only a server with the certificate of a member can say that a token is new.
#[test]
fn the_members_of_etcd_are_those_whose_certificates_are_accepted() {
    let mut bootstrap = bootstrap(ETCD);
    let cluster = at_mut(&mut bootstrap, CLUSTER);
    let endpoints = at(cluster, "load_assignment/endpoints/0/lb_endpoints").as_sequence().unwrap();
    let hosts = endpoints.iter().map(|endpoint| at(endpoint, "endpoint/address/socket_address/address"));
    assert_eq!(hosts.collect::<Vec<_>>(), MEMBERS);
    let names = MEMBERS.map(|name| json!({"san_type": "DNS", "matcher": {"exact": name}}));
    let validation = at(cluster, "transport_socket/typed_config/common_tls_context/validation_context");
    assert_eq!(at(validation, "match_typed_subject_alt_names"), &serde_yaml::to_value(names).unwrap());
}

/// Envoy accepts every field of the files, and serves before the names in them can be resolved.
#[test]
fn each_file_is_loaded() {
    let ca = Ca::new();
    let certificates = Certificates::new(&ca, &ca);
    for name in [ETCD, REDIS] {
        let mut bootstrap = with_local_paths(bootstrap(name));
        if name == ETCD {
            certificates.put_into(&mut bootstrap);
        }
        let text = serde_yaml::to_string(&bootstrap).unwrap();
        for binary in envoy::binaries() {
            let envoy = Envoy::start_with(&binary, "envoy.yaml", &text, 1);
            let envoy = envoy.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(envoy.address("main").is_ok(), "{name}");
        }
    }
}
