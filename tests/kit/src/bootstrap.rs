//! Envoy configurations: listeners with Wasm filters in front of one upstream, and clusters that the filters call.

mod cluster;
mod filter;
mod listener;

use std::net::SocketAddr;

use serde_json::{Value, json};

pub use cluster::{Cluster, Tls};
pub use filter::{Configuration, WasmFilter, guard};
pub use listener::{CLUSTER, Listener, http_listener, router};

/// The LDS file in Envoy's working directory.
pub(crate) const LDS_FILE: &str = "lds.json";

/// The configuration of an Envoy. The paths of its sockets and of its LDS file are relative to Envoy's working
/// directory.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    upstream: SocketAddr,
    clusters: Vec<Cluster>,
    listeners: Vec<Listener>,
    delivery: Delivery,
    drain_seconds: u32,
}

/// How Envoy gets its listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Static,
    Lds,
}

impl Bootstrap {
    /// Listeners that are part of the bootstrap and can't be replaced.
    pub fn fixed(upstream: SocketAddr, listeners: Vec<Listener>) -> Self {
        let delivery = Delivery::Static;
        Self { upstream, clusters: Vec::new(), listeners, delivery, drain_seconds: 1 }
    }

    /// Listeners in a watched file, for [`crate::envoy::Envoy::update_listeners`].
    pub fn watched(upstream: SocketAddr, listeners: Vec<Listener>) -> Self {
        let delivery = Delivery::Lds;
        Self { upstream, clusters: Vec::new(), listeners, delivery, drain_seconds: 1 }
    }

    /// Sets how long replaced listeners drain; the default is one second.
    pub fn draining_for(self, drain_seconds: u32) -> Self {
        Self { drain_seconds, ..self }
    }

    /// Adds a cluster besides that of the upstream.
    pub fn with_cluster(mut self, cluster: Cluster) -> Self {
        self.clusters.push(cluster);
        self
    }

    pub(crate) fn drain_seconds(&self) -> u32 {
        self.drain_seconds
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// The `envoy.config.bootstrap.v3.Bootstrap`, without `admin`, which [`crate::envoy::Envoy`] adds.
    pub fn render(&self) -> Value {
        let mut clusters = vec![upstream_cluster(self.upstream)];
        clusters.extend(self.clusters.iter().map(Cluster::render));
        let mut bootstrap = json!({
            "node": {"id": "kit", "cluster": "kit"},
            "static_resources": {"clusters": clusters},
        });
        match self.delivery {
            Delivery::Static => {
                let listeners: Vec<Value> = self.listeners.iter().map(Listener::render).collect();
                bootstrap["static_resources"]["listeners"] = listeners.into();
            }
            Delivery::Lds => {
                bootstrap["dynamic_resources"] = json!({"lds_config": {
                    "resource_api_version": "V3",
                    "path_config_source": {"path": LDS_FILE, "watched_directory": {"path": "."}},
                }});
            }
        }
        bootstrap
    }
}

/// The `DiscoveryResponse` of an LDS file.
pub(crate) fn lds_response(version: u64, listeners: &[Listener]) -> Value {
    let resource = |listener: &Listener| {
        let mut resource = listener.render();
        resource["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        resource
    };
    let resources: Vec<Value> = listeners.iter().map(resource).collect();
    json!({"version_info": version.to_string(), "resources": resources})
}

fn upstream_cluster(upstream: SocketAddr) -> Value {
    let mut cluster = Cluster::new(CLUSTER, upstream).render();
    cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        // By default, Envoy drops the trailers of an HTTP/2 client.
        "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
    }});
    cluster
}
