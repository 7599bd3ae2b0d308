//! Envoy configurations: listeners with Wasm filters in front of one upstream.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The name of the one cluster.
pub const CLUSTER: &str = "upstream";

/// The LDS file in Envoy's working directory.
pub(crate) const LDS_FILE: &str = "lds.json";

/// What an Envoy is started with. Its sockets and its LDS file have relative paths, for Envoy's working directory.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    upstream: SocketAddr,
    listeners: Vec<Listener>,
    delivery: Delivery,
    drain_seconds: u32,
}

/// How the listeners get to Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Static,
    Lds,
}

impl Bootstrap {
    /// Listeners that are part of the bootstrap and stay as they are.
    pub fn fixed(upstream: SocketAddr, listeners: Vec<Listener>) -> Self {
        let delivery = Delivery::Static;
        Self { upstream, listeners, delivery, drain_seconds: 1 }
    }

    /// Listeners in a watched file, for [`crate::envoy::Envoy::update_listeners`].
    pub fn watched(upstream: SocketAddr, listeners: Vec<Listener>) -> Self {
        let delivery = Delivery::Lds;
        Self { upstream, listeners, delivery, drain_seconds: 1 }
    }

    /// The same, where listeners that were replaced live on for so long; else it is a second.
    pub fn draining_for(self, drain_seconds: u32) -> Self {
        Self { drain_seconds, ..self }
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
        let mut bootstrap = json!({
            "node": {"id": "kit", "cluster": "kit"},
            "static_resources": {"clusters": [cluster(self.upstream)]},
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

/// The `DiscoveryResponse` that an LDS file holds.
pub(crate) fn lds_response(version: u64, listeners: &[Listener]) -> Value {
    let resource = |listener: &Listener| {
        let mut resource = listener.render();
        resource["@type"] = "type.googleapis.com/envoy.config.listener.v3.Listener".into();
        resource
    };
    let resources: Vec<Value> = listeners.iter().map(resource).collect();
    json!({"version_info": version.to_string(), "resources": resources})
}

/// A listener on the Unix socket `<name>.sock`, HTTP/1 or HTTP/2 as the client speaks, that sends everything to the
/// upstream. Envoy adds as little as it can to the requests; `x-forwarded-proto`, which it always adds, is removed again
/// (also one that the client sent).
#[derive(Clone, Debug)]
pub struct Listener {
    /// Also its `stat_prefix`. Letters, digits, `-` and `_`.
    pub name: String,
    /// The filters before the router, in order.
    pub filters: Vec<WasmFilter>,
    /// HTTP filters between those and the router, such as [`guard`].
    pub behind: Vec<Value>,
    /// `envoy.config.route.v3.Route`s that are tried before the one for everything.
    pub routes: Vec<Value>,
    /// `per_connection_buffer_limit_bytes`: how large a body a filter can hold. Envoy's default is 1 MiB.
    pub buffer_limit: Option<u32>,
    /// The format of an access log in [`crate::envoy::Envoy::log`], a line for each request.
    pub access_log: Option<String>,
}

impl Listener {
    /// One with these filters, without routes of its own.
    pub fn new(name: &str, filters: Vec<WasmFilter>) -> Self {
        Self {
            name: name.to_owned(),
            filters,
            behind: Vec::new(),
            routes: Vec::new(),
            buffer_limit: None,
            access_log: None,
        }
    }

    /// The same with a [`guard`] behind its filters.
    pub fn guarded(mut self, prefix: &str) -> Self {
        self.behind.push(guard(prefix));
        self
    }

    /// A route that sends what `prefix` begins to the upstream, for [`Self::routes`]. `per_filter` is its
    /// `typed_per_filter_config`: by filter name, or `{}`.
    pub fn route(prefix: &str, per_filter: Value) -> Value {
        json!({
            "name": prefix,
            "match": {"prefix": prefix},
            "route": {"cluster": CLUSTER, "timeout": "5s"},
            "typed_per_filter_config": per_filter,
        })
    }

    /// The `envoy.config.listener.v3.Listener`.
    pub fn render(&self) -> Value {
        let mut routes = self.routes.clone();
        routes.push(Self::route("/", json!({})));
        let mut filters: Vec<Value> = self.filters.iter().map(WasmFilter::render).collect();
        filters.extend(self.behind.iter().cloned());
        filters.push(json!({
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                "suppress_envoy_headers": true,
            },
        }));
        let access_log = self.access_log.iter().map(|format| {
            json!({
                "name": "envoy.access_loggers.stderr",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                    "log_format": {"text_format_source": {"inline_string": format!("{format}\n")}},
                },
            })
        });
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            "generate_request_id": false,
            "use_remote_address": false,
            "skip_xff_append": true,
            "route_config": {
                "name": self.name,
                "request_headers_to_remove": ["x-forwarded-proto"],
                "virtual_hosts": [{"name": "any", "domains": ["*"], "routes": routes}],
            },
            "http_filters": filters,
            "access_log": access_log.collect::<Vec<_>>(),
        });
        let mut listener = json!({
            "name": self.name,
            "address": {"pipe": {"path": format!("{}.sock", self.name)}},
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
            ]}],
        });
        if let Some(limit) = self.buffer_limit {
            listener["per_connection_buffer_limit_bytes"] = limit.into();
        }
        listener
    }
}

/// The HTTP filter `guard`, which forwards a request only if a filter with this `outcome.prefix` has let it by.
pub fn guard(prefix: &str) -> Value {
    json!({
        "name": "guard",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"checked": {
                "permissions": [{"any": true}],
                "principals": [{"filter_state": {
                    "key": format!("wasm.{prefix}_code"),
                    "string_match": {"safe_regex": {"regex": "OK|BYPASSED"}},
                }}],
            }}},
        },
    })
}

/// A Wasm plugin in a listener's filter chain: V8, `FAIL_RELOAD` with a base interval of 0.1 s.
#[derive(Clone, Debug)]
pub struct WasmFilter {
    /// The filter's name in the chain and the plugin's own name.
    pub name: String,
    /// The module.
    pub wasm: PathBuf,
    /// What the plugin is configured with.
    pub configuration: Configuration,
    /// The namespace of its shared data. Empty by default, as in Istio.
    pub vm_id: String,
    /// A `StringValue` for the VM, if any. Another one makes another VM.
    pub vm_configuration: Option<String>,
    /// `allow_on_headers_stop_iteration`; false by default.
    pub hold_headers: bool,
    /// Off unless a route turns it on; false by default.
    pub disabled: bool,
}

impl WasmFilter {
    /// One with an empty `vm_id`. A relative `wasm` counts from the current directory.
    ///
    /// # Panics
    /// When `wasm` is empty.
    pub fn new(name: &str, wasm: &Path, configuration: Configuration) -> Self {
        Self {
            name: name.to_owned(),
            wasm: std::path::absolute(wasm).expect("a path to the Wasm module"),
            configuration,
            vm_id: String::new(),
            vm_configuration: None,
            hold_headers: false,
            disabled: false,
        }
    }

    /// The `envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter`.
    pub fn render(&self) -> Value {
        let mut vm = json!({
            "vm_id": self.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": self.wasm}},
        });
        if let Some(text) = &self.vm_configuration {
            vm["configuration"] = Configuration::Text(text.clone()).render();
        }
        let mut config = json!({
            "name": self.name,
            "failure_policy": "FAIL_RELOAD",
            "reload_config": {"backoff": {"base_interval": "0.1s"}},
            "vm_config": vm,
            "configuration": self.configuration.render(),
        });
        if self.hold_headers {
            config["allow_on_headers_stop_iteration"] = true.into();
        }
        json!({
            "name": self.name,
            "disabled": self.disabled,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": config,
            },
        })
    }
}

/// The configuration of a plugin, by the message that it travels in.
#[derive(Clone, Debug, PartialEq)]
pub enum Configuration {
    /// A `google.protobuf.StringValue`: the plugin gets the text.
    Text(String),
    /// A `google.protobuf.Struct`; the value is a JSON object.
    Struct(Value),
    /// A whole `google.protobuf.Any` in JSON, `@type` included.
    Raw(Value),
}

impl Configuration {
    fn render(&self) -> Value {
        match self {
            Self::Text(text) => {
                json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text})
            }
            Self::Struct(value) => {
                json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": value})
            }
            Self::Raw(any) => any.clone(),
        }
    }
}

fn cluster(upstream: SocketAddr) -> Value {
    json!({
        "name": CLUSTER,
        "type": "STATIC",
        "connect_timeout": "2s",
        "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            // Else Envoy keeps the trailers of an HTTP/2 client to itself.
            "explicit_http_config": {"http_protocol_options": {"enable_trailers": true}},
        }},
        "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
            "socket_address": {"address": upstream.ip().to_string(), "port_value": upstream.port()},
        }}}]}]},
    })
}
