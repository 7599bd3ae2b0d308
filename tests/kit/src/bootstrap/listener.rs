use serde_json::{Value, json};

use super::filter::{WasmFilter, guard};

/// The name of the one cluster.
pub const CLUSTER: &str = "upstream";

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
        let manager = json!({
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
        let address = json!({"pipe": {"path": format!("{}.sock", self.name)}});
        let mut listener = http_listener(&self.name, &address, manager);
        if let Some(limit) = self.buffer_limit {
            listener["per_connection_buffer_limit_bytes"] = limit.into();
        }
        listener
    }
}

/// The `envoy.config.listener.v3.Listener` at this `envoy.config.core.v3.Address`, with an `HttpConnectionManager` of these
/// fields, whose `stat_prefix` is `name`.
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

/// The HTTP filter that ends each chain. It adds no headers of Envoy's own.
pub fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    })
}
