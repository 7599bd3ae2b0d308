//! The configurations of `envoy/` for an OAuth 2.0 resource server.

use kit::certificate::Ca;
use kit::envoy::{self, Envoy};

use crate::jti_stores::{CLUSTER, Certificates, ETCD};
use crate::remote_keys::{assert_keys_come_only_from_their_hosts, bootstrap, configuration, plugin, with_local_paths};
use crate::{assert_no_faults, at, at_mut};

pub(crate) const MCP: &str = "envoy/mcp.yaml";
pub(crate) const FAPI: &str = "envoy/fapi.yaml";

#[test]
fn keys_come_only_from_the_authorization_server_that_clients_are_sent_to() {
    for name in [MCP, FAPI] {
        let bootstrap = bootstrap(name);
        assert_eq!(assert_keys_come_only_from_their_hosts(name, &bootstrap), 1, "{name}");
        let configuration = configuration(name, &bootstrap);
        let servers = at(&configuration, "resourceServer/metadata/authorizationServers").as_sequence().unwrap();
        assert_eq!(servers, &[at(&configuration, "remoteJwks/discovery").clone()], "{name}");
    }
}

/// What that file says of etcd, and its test shows, goes for this one, too.
#[test]
fn fapi_yaml_asks_etcd_as_jti_etcd_yaml_does() {
    let [mut fapi, mut etcd] = [FAPI, ETCD].map(bootstrap);
    assert_eq!(at_mut(&mut fapi, CLUSTER), at_mut(&mut etcd, CLUSTER));
    let store = |name, bootstrap| at(&configuration(name, bootstrap), "jtiStore").clone();
    assert_eq!(store(FAPI, &fapi), store(ETCD, &etcd));
}

/// Envoy accepts every field of the files, and serves before the names in them can be resolved.
#[test]
fn each_file_is_loaded() {
    let ca = Ca::new();
    for name in [MCP, FAPI] {
        let mut bootstrap = with_local_paths(bootstrap(name));
        assert_no_faults(name, at(plugin(&bootstrap), "configuration/value").as_str().unwrap());
        let certificates = Certificates::new(&ca, &ca);
        if name == FAPI {
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
