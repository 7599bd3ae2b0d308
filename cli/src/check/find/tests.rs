use super::*;

/// The plugins of a file: name, form, and configuration.
fn plugins(file: &str) -> Vec<(String, &'static str, String)> {
    let text = |handover: Handover| String::from_utf8_lossy(&handover.configuration).into_owned();
    find(file, Notation::Yaml)
        .plugins
        .into_iter()
        .map(|found| (found.name, found.form, found.handover.map_or_else(|error| error.field, text)))
        .collect()
}

#[test]
fn a_file_that_is_not_for_envoy_or_kubernetes_is_a_plugin() {
    for file in ["parameter: t\n", "", "a: [", "{\"jwk\": {}}", "--- {}\n--- {}", "text", "\tx"] {
        assert_eq!(plugins(file), [("plugin".to_owned(), "plugin", file.to_owned())], "{file:?}");
    }
    for file in ["static_resources: {}", "apiVersion: v1\nkind: Pod\n", "a: 1\n---\nkind: Pod\n"] {
        assert_eq!(plugins(file), [], "{file:?}");
    }
}

#[test]
fn a_plugin_is_found_at_any_place_and_in_any_notation() {
    let any = r#"{"@type": type.googleapis.com/google.protobuf.StringValue, value: "parameter: t"}"#;
    let config = format!("{{name: a, vm_config: {{}}, configuration: {any}}}");
    let expected = [("a".to_owned(), "StringValue", "parameter: t".to_owned())];
    for file in [
        format!("config: {config}"),
        format!("x:\n- typed_per_filter_config: {{f: {{config: {{config: {config}}}}}}}"),
        format!(
            "kind: EnvoyFilter\nspec: {{configPatches: [{{patch: {{value: {{typed_config: {{value: {{config: {config}}}}}}}}}}}]}}"
        ),
        format!("name: other\n---\ntyped_config: {{config: {config}}}"),
        format!("{{\"typedConfig\": {{\"config\": {}}}}}", config.replace("vm_config", "vmConfig")),
    ] {
        assert_eq!(plugins(&file), expected, "{file}");
    }
}

#[test]
fn a_plugin_of_kubernetes_is_passed_as_json() {
    let config = "{parameter: t, clockSkewSeconds: 30, bypassEmptyToken: yes}";
    let json = r#"{"bypassEmptyToken":true,"clockSkewSeconds":30,"parameter":"t"}"#.to_owned();
    let istio =
        |config: &str| format!("kind: WasmPlugin\nmetadata: {{name: n}}\nspec: {{url: jwt-auth.wasm, {config}}}");
    let in_istio = |json: &str| [("n".to_owned(), "WasmPlugin", json.to_owned())];
    assert_eq!(plugins(&istio(&format!("pluginConfig: {config}"))), in_istio(&json));
    assert_eq!(
        plugins(&format!("kind: List\nitems:\n- {{{}}}", "kind: WasmPlugin, spec: {pluginConfig: {jwk: {}}}"))[0].2,
        r#"{"jwk":{}}"#
    );
    for empty in ["pluginConfig: {}", "pluginConfig:", "phase: AUTHN"] {
        assert_eq!(plugins(&istio(empty)), in_istio(""), "{empty}");
    }
    let gateway = "kind: EnvoyExtensionPolicy\nmetadata: {name: n}\nspec:\n  wasm:\n  - config: {jwks: []}\n  - {name: other}\n  - {name: jwt-auth, config: {}}";
    let expected = [("n", r#"{"jwks":[]}"#), ("jwt-auth", "{}")];
    assert_eq!(
        plugins(gateway),
        expected.map(|(name, json)| (name.to_owned(), "EnvoyExtensionPolicy", json.to_owned()))
    );
}

#[test]
fn another_wasm_filter_is_skipped() {
    let file = "- {name: waf, vm_config: {code: {local: {filename: waf.wasm}}}, configuration: \
                {'@type': google.protobuf.StringValue, value: 'rules: 1'}}\n\
                - name: mine\n  config: {vm_config: {code: {local: {filename: /etc/jwt-auth.wasm}}}}";
    let contents = find(file, Notation::Yaml);
    assert_eq!(contents.plugins.len(), 1);
    assert_eq!((contents.plugins[0].name.as_str(), contents.plugins[0].form), ("mine", "no configuration"));
    assert_eq!(contents.skipped.len(), 1);
    assert_eq!((contents.skipped[0].name.as_str(), contents.skipped[0].position.line), ("waf", 1));
}

#[test]
fn what_envoy_rejects_is_reported() {
    for (configuration, form, field) in [
        ("{parameter: t}", "unknown", "configuration.@type"),
        (
            "{'@type': type.googleapis.com/google.protobuf.StringValue, value: {parameter: t}}",
            "StringValue",
            "configuration.value",
        ),
        ("{'@type': type.googleapis.com/google.protobuf.Duration, value: {jwk: {}}}", "unknown", "configuration.@type"),
        ("{'@type': type.googleapis.com/google.protobuf.Struct, value: {jwk: {? [a] : 1}}}", "Struct", "jwk"),
    ] {
        let file = format!("name: a\nvm_config: {{}}\nconfiguration: {configuration}");
        assert_eq!(plugins(&file), [("a".to_owned(), form, field.to_owned())]);
    }
}

#[test]
fn the_vm_configuration_is_passed_with_the_plugin_configuration() {
    let any = |text: &str| format!("{{'@type': type.googleapis.com/google.protobuf.StringValue, value: '{text}'}}");
    let file = format!(
        "configuration: {}\nvm_config:\n  vm_id: x\n  configuration: {}\n",
        any("parameter: t"),
        any("signatures: wasm")
    );
    let found = find(&file, Notation::Yaml).plugins.remove(0).handover.unwrap();
    assert_eq!(found.vm_configuration, b"signatures: wasm");
    assert_eq!(found.place("vm_config.configuration"), Position { line: 4, column: 3 });
}

#[test]
fn kubernetes_reads_the_struct_of_an_envoy_filter_and_envoy_any_other() {
    let plugin = "{name: jwt-auth, vm_config: {}, configuration: {'@type': google.protobuf.Struct, value: {n: 1}}}";
    let file = format!("- {{kind: EnvoyFilter, spec: {plugin}}}\n- {plugin}\n");
    let found = find(&file, Notation::Yaml).plugins;
    let silent_errors: Vec<_> =
        found.iter().map(|found| found.handover.as_ref().unwrap().silent_errors.len()).collect();
    assert_eq!(silent_errors, [1, 0]);
}

#[test]
fn what_kubernetes_rejects_is_reported() {
    let file = "kind: WasmPlugin\nspec:\n  pluginConfig:\n    parameter: t\n    jwk: {~: 1}\n";
    assert_eq!(plugins(file), [("plugin".to_owned(), "WasmPlugin", "jwk".to_owned())]);
}
