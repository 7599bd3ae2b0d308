use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

/// A cluster, over HTTP/1.1 by default.
#[derive(Clone, Debug)]
pub struct Cluster {
    name: String,
    hosts: Vec<SocketAddr>,
    tls: Option<Tls>,
    limits: Option<(u32, u32)>,
    is_http2: bool,
    fields: Vec<(String, Value)>,
}

/// How a [`Cluster`] connects over TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server name that Envoy sends. Envoy does not compare it with the certificate.
    pub sni: String,
    /// The certificate of the CA that must have issued the server's, in PEM.
    pub ca_pem: String,
    /// The DNS name or IP address that the server's certificate must have. `None`: any certificate of the CA is
    /// accepted.
    pub subject_alt_name: Option<String>,
}

impl Cluster {
    /// A cluster with this host, without TLS.
    pub fn new(name: &str, host: SocketAddr) -> Self {
        Self::with_hosts(name, &[host])
    }

    /// A cluster with these hosts, which get requests in turn, without TLS.
    pub fn with_hosts(name: &str, hosts: &[SocketAddr]) -> Self {
        let (name, hosts) = (name.to_owned(), hosts.to_vec());
        Self { name, hosts, tls: None, limits: None, is_http2: false, fields: Vec::new() }
    }

    /// Speaks HTTP/2, as gRPC needs it.
    pub fn over_http2(self) -> Self {
        Self { is_http2: true, ..self }
    }

    /// Sets a field of the `envoy.config.cluster.v3.Cluster`, for example `connect_timeout`, which is 2 s otherwise.
    pub fn with_field(mut self, name: &str, value: Value) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }

    /// Connects over TLS.
    pub fn over_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sets the circuit breakers: at most `max_requests` requests at once, on at most as many connections, and at most
    /// `max_pending` that wait for a connection.
    pub fn with_limits(self, max_requests: u32, max_pending: u32) -> Self {
        Self { limits: Some((max_requests, max_pending)), ..self }
    }

    /// Removes all hosts, so that every request fails.
    pub fn without_hosts(self) -> Self {
        Self { hosts: Vec::new(), ..self }
    }

    /// The `envoy.config.cluster.v3.Cluster`.
    pub fn render(&self) -> Value {
        let hosts: Vec<Value> = self.hosts.iter().map(endpoint).collect();
        let mut cluster = json!({
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "2s",
            "load_assignment": {"cluster_name": self.name, "endpoints": [{"lb_endpoints": hosts}]},
        });
        if let Some(tls) = &self.tls {
            cluster["transport_socket"] = tls.render();
        }
        if let Some((max_requests, max_pending)) = self.limits {
            cluster["circuit_breakers"] = json!({"thresholds": [{
                "max_connections": max_requests,
                "max_requests": max_requests,
                "max_pending_requests": max_pending,
            }]});
        }
        if self.is_http2 {
            cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }});
        }
        for (name, value) in &self.fields {
            cluster[name] = value.clone();
        }
        cluster
    }
}

fn endpoint(host: &SocketAddr) -> Value {
    json!({"endpoint": {"address": {
        "socket_address": {"address": host.ip().to_string(), "port_value": host.port()},
    }}})
}

impl Tls {
    fn render(&self) -> Value {
        let mut validation = json!({"trusted_ca": {"inline_string": self.ca_pem}});
        if let Some(name) = &self.subject_alt_name {
            let san_type = if name.parse::<IpAddr>().is_ok() { "IP_ADDRESS" } else { "DNS" };
            validation["match_typed_subject_alt_names"] = json!([{"san_type": san_type, "matcher": {"exact": name}}]);
        }
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": self.sni,
                "common_tls_context": {"validation_context": validation},
            },
        })
    }
}
