use serde_json::{Value, json};

use super::filter::{WasmFilter, guard};

/// The name of the upstream's cluster.
pub const CLUSTER: &str = "upstream";

/// A listener on the Unix socket `<name>.sock` that forwards everything to the upstream. It accepts HTTP/1 and HTTP/2.
/// Envoy adds as few headers as possible. It always adds `x-forwarded-proto`, which the routes remove again, even if
/// the client sent it.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The name, also used as `stat_prefix`: letters, digits, `-` and `_`.
    pub name: String,
    /// The filters before the router, in order.
    pub filters: Vec<WasmFilter>,
    /// HTTP filters between these filters and the router, such as [`guard`].
    pub behind: Vec<Value>,
    /// `envoy.config.route.v3.Route`s that are matched before the catch-all route.
    pub routes: Vec<Value>,
    /// `per_connection_buffer_limit_bytes`: the largest body that a filter can buffer. Envoy's default is 1 MiB.
    pub buffer_limit: Option<u32>,
    /// Whether requests with `upgrade: websocket` are accepted. Envoy's default is no.
    pub websockets: bool,
    /// The format of an access log that is written to [`crate::envoy::Envoy::log`], one line per request.
    pub access_log: Option<String>,
}

impl Listener {
    /// A listener with these filters and no routes of its own.
    pub fn new(name: &str, filters: Vec<WasmFilter>) -> Self {
        Self {
            name: name.to_owned(),
            filters,
            behind: Vec::new(),
            routes: Vec::new(),
            buffer_limit: None,
            websockets: false,
            access_log: None,
        }
    }

    /// Adds a [`guard`] after the filters.
    pub fn guarded(mut self, prefix: &str) -> Self {
        self.behind.push(guard(prefix));
        self
    }

    /// A route to the upstream for paths that begin with `prefix`, for [`Self::routes`]. `per_filter` is its
    /// `typed_per_filter_config`: a map by filter name, or `{}`.
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
        filters.push(router());
        let access_log = self.access_log.iter().map(|format| {
            json!({
                "name": "envoy.access_loggers.stderr",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
                    "log_format": {"text_format_source": {"inline_string": format!("{format}\n")}},
                },
            })
        });
        let mut manager = json!({
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
        if self.websockets {
            manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
        }
        let address = json!({"pipe": {"path": format!("{}.sock", self.name)}});
        let mut listener = http_listener(&self.name, &address, manager);
        if let Some(limit) = self.buffer_limit {
            listener["per_connection_buffer_limit_bytes"] = limit.into();
        }
        listener
    }
}

/// An `envoy.config.listener.v3.Listener` at this `envoy.config.core.v3.Address`. Its `HttpConnectionManager` has the
/// fields of `manager`, and `name` as `stat_prefix`.
pub fn http_listener(name: &str, address: &Value, mut manager: Value) -> Value {
    manager["@type"] =
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager".into();
    manager["stat_prefix"] = name.into();
    json!({
        "name": name,
        "address": address,
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
        ]}],
    })
}

/// The HTTP filter that ends each chain, set to add no headers.
pub fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    })
}
