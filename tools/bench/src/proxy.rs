//! The measured Envoy.

use std::fs;
use std::net::SocketAddr;

use kit::bootstrap::{Cluster, http_listener, router};
use kit::envoy::Envoy;
use kit::http::Address;
use kit::issuer::Algorithm;
use serde_json::{Value, json};

use crate::cpu;
use crate::settings::Settings;
use crate::tokens::Issuer;
use crate::variant::{Content, Variant};

/// The name of the listener and of the cluster for keys that are fetched: Envoy serves them itself.
pub(crate) const KEYS: &str = "keys";

/// A running Envoy with a listener for each variant.
pub(crate) struct Proxy {
    envoy: Envoy,
}

impl Proxy {
    /// Starts Envoy. `clusters` are those that the variants call, besides that for keys.
    pub(crate) fn start(
        settings: &Settings,
        variants: &[Variant],
        clusters: &[Cluster],
        workers: u32,
    ) -> Result<Self, String> {
        let listeners = variants.iter().map(|variant| listener(variant, settings));
        let socket = json!({"pipe": {"path": format!("{KEYS}.sock")}});
        let listeners: Vec<Value> = listeners.chain([key_listener(&socket)]).collect();
        let keys = json!({
            "name": KEYS,
            "load_assignment": {"cluster_name": KEYS, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket}}]}]},
        });
        let clusters: Vec<Value> = clusters.iter().map(Cluster::render).chain([keys]).collect();
        let bootstrap = json!({
            "node": {"id": "bench", "cluster": "bench"},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        });
        let envoy = Envoy::start_with(&settings.envoy, "envoy.json", &bootstrap.to_string(), workers)?;
        Ok(Self { envoy })
    }

    /// The address of a variant's listener.
    pub(crate) fn address(&self, variant: &Variant) -> Result<SocketAddr, String> {
        match self.envoy.address(variant.name)? {
            Address::Tcp(address) => Ok(address),
            Address::Unix(path) => Err(format!("{} is not a TCP address", path.display())),
        }
    }

    /// The CPU time of all threads so far, in nanoseconds.
    pub(crate) fn cpu(&self) -> Result<u64, String> {
        cpu::of(self.envoy.id())
    }

    /// The resident memory of the process, in bytes.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.envoy.id());
        let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|error| format!("{path}: {error}"))?;
        Ok(kibibytes * 1024)
    }

    /// The number of a variant's responses so far: all, and those with the expected status.
    pub(crate) fn answers(&self, variant: &Variant) -> Result<(u64, u64), String> {
        let prefix = format!("http.{}.downstream_rq_", variant.name);
        let stats = self.envoy.stats(&prefix)?;
        let stat = |name: &str| stats.get(&format!("{prefix}{name}")).copied().unwrap_or(0);
        Ok((stat("completed"), stat(&format!("{}xx", variant.status / 100))))
    }
}

/// A listener that responds itself after its filter.
fn listener(variant: &Variant, settings: &Settings) -> Value {
    let mut filters = variant.filter.render(variant.name, settings);
    if let Content::Form(bytes) = variant.content {
        // Without this, Envoy would respond after the head and not read the body.
        filters.push(json!({
            "name": "envoy.filters.http.buffer",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                "max_request_bytes": 2 * bytes,
            },
        }));
    }
    filters.push(router());
    let manager = json!({
        // Without this, a rejection with 400 closes the connection, and the cost of a new one would be counted.
        "http_protocol_options": {"override_stream_error_on_invalid_http_message": true},
        "route_config": {"virtual_hosts": [{
            "name": "any",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "done\n"}}}],
        }]},
        "http_filters": filters,
    });
    // `wrk` does not support Unix sockets.
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    http_listener(variant.name, &address, manager)
}

/// A listener that responds with a JWK set.
fn key_listener(socket: &Value) -> Value {
    let keys = json!({"keys": Issuer::jwks(&[Algorithm::RS256])}).to_string();
    let manager = json!({
        "route_config": {"virtual_hosts": [{
            "name": "any",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": keys}}}],
        }]},
        "http_filters": [router()],
    });
    http_listener(KEYS, socket, manager)
}
