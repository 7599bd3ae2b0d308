use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A Wasm plugin in a listener's filter chain: V8, `FAIL_RELOAD` with a base interval of 0.1 s.
#[derive(Clone, Debug)]
pub struct WasmFilter {
    /// The filter's name in the chain and the plugin's own name.
    pub name: String,
    /// The module.
    pub wasm: PathBuf,
    /// The plugin's configuration.
    pub configuration: Configuration,
    /// The namespace of its shared data. Empty by default, as in Istio.
    pub vm_id: String,
    /// A `StringValue` as the configuration of the VM, if any. Plugins with different ones run in different VMs.
    pub vm_configuration: Option<String>,
    /// `allow_on_headers_stop_iteration`; false by default.
    pub hold_headers: bool,
    /// Whether the filter is off unless a route turns it on; false by default.
    pub disabled: bool,
}

impl WasmFilter {
    /// A filter with an empty `vm_id`. A relative `wasm` starts at the current directory.
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

/// The configuration of a plugin, by its protobuf type.
#[derive(Clone, Debug, PartialEq)]
pub enum Configuration {
    /// A `google.protobuf.StringValue`: the plugin gets the string.
    Text(String),
    /// A `google.protobuf.Struct`; the value is a JSON object.
    Struct(Value),
    /// A whole `google.protobuf.Any` in JSON, with its `@type`.
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

/// The HTTP filter `guard`, which forwards a request only if a filter with this `outcome.prefix` has accepted it.
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
