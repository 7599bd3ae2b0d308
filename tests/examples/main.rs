//! What people copy works: the configurations of `envoy/`, and every block and link of the documents. The test on a live Envoy
//! needs what `make test` sets: `ENVOY_BINARIES`, `JWT_AUTH_WASM`, `JWT_AUTH` and `ENGINES`.

mod documents;
mod fapi_live;
mod issuers;
mod jti_stores;
mod jti_stores_live;
mod links;
mod live;
mod mcp_live;
mod oauth;
mod published;
mod remote_keys;
mod remote_keys_live;

use std::path::Path;

use jwt_auth::Plugin;
use serde_yaml::Value;

/// The root of the repository.
fn root() -> &'static Path {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    folders.find(|folder| folder.join("CHANGELOG.md").exists()).expect("the root of the repository")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn assert_no_faults(name: &str, configuration: &str) {
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    assert!(plugin.faults().is_none(), "{name}: {}", plugin.faults().unwrap());
}

/// The value at a path of keys and indices.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(value, |value, key| {
        let found = key.parse::<usize>().map_or_else(|_| value.get(key), |index| value.get(index));
        found.unwrap_or_else(|| panic!("no {key} of {path}"))
    })
}

/// The same to change it; `@x` is the element of a list whose `name` is `x`.
fn at_mut<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('/').fold(value, |value, key| {
        let index = match value.as_sequence() {
            Some(elements) => key
                .strip_prefix('@')
                .map_or_else(|| key.parse().ok(), |name| elements.iter().position(|element| element["name"] == name)),
            None => None,
        };
        let found = match index {
            Some(index) => value.get_mut(index),
            None => value.get_mut(key),
        };
        found.unwrap_or_else(|| panic!("no {key} of {path}"))
    })
}

#[test]
fn the_plugins_of_the_envoy_examples_have_no_faults() {
    for name in ["envoy/envoy.yaml", "envoy/per-route.yaml"] {
        let bootstrap: Value = serde_yaml::from_str(&read(name)).unwrap();
        let manager = at(&bootstrap, "static_resources/listeners/0/filter_chains/0/filters/0/typed_config");
        let filters = at(manager, "http_filters").as_sequence().unwrap();
        let plugins: Vec<_> = filters.iter().filter_map(|filter| filter.get("typed_config")?.get("config")).collect();
        assert!(!plugins.is_empty(), "{name}");
        assert_guarded(name, filters);
        assert_routes_bind_both(name, manager);
        for plugin in plugins {
            assert_eq!(at(plugin, "failure_policy"), "FAIL_RELOAD", "{name}");
            assert_no_faults(name, at(plugin, "configuration/value").as_str().unwrap());
        }
    }
}

/// The name of the filter state of a plugin configuration.
fn outcome_of(configuration: &str) -> String {
    let plugin = Plugin::new(configuration.as_bytes(), b"");
    plugin.outcome(Err(&jwt_auth::Rejection::TokenMissing)).expect("outcome").0.to_owned()
}

/// A guard forwards only requests that the plugin has accepted.
fn assert_guard(name: &str, guard: &Value, outcome: &str) {
    let rules = at(guard, "typed_config/rules");
    let policy = at(rules, "policies/checked");
    let expected = format!(
        "permissions: [{{any: true}}]
principals: [{{filter_state: {{key: wasm.{outcome}, string_match: {{safe_regex: {{regex: OK|BYPASSED}}}}}}}}]"
    );
    assert_eq!(at(rules, "action"), "ALLOW", "{name}");
    assert_eq!(at(rules, "policies").as_mapping().unwrap().len(), 1, "{name}");
    assert_eq!(policy, &serde_yaml::from_str::<Value>(&expected).unwrap(), "{name}");
}

/// Behind each plugin `x` comes its guard, `x-guard`. It is off if the plugin is off.
fn assert_guarded(name: &str, filters: &[Value]) {
    let position = |wanted: &str| filters.iter().position(|filter| at(filter, "name") == wanted);
    for (index, filter) in filters.iter().enumerate() {
        let Some(plugin) = filter.get("typed_config").and_then(|config| config.get("config")) else { continue };
        let guard = format!("{}-guard", at(filter, "name").as_str().unwrap());
        let place = position(&guard).unwrap_or_else(|| panic!("{name}: no {guard}"));
        assert!(index < place && place + 1 < filters.len(), "{name}: {guard} is in the wrong place");
        assert_eq!(filter.get("disabled"), filters[place].get("disabled"), "{name}: {guard}");
        assert_guard(name, &filters[place], &outcome_of(at(plugin, "configuration/value").as_str().unwrap()));
    }
}

/// A route that turns a plugin on or off does the same with its guard.
fn assert_routes_bind_both(name: &str, manager: &Value) {
    for route in at(manager, "route_config/virtual_hosts/0/routes").as_sequence().unwrap() {
        let Some(bound) = route.get("typed_per_filter_config").and_then(Value::as_mapping) else { continue };
        for (filter, config) in bound {
            let filter = filter.as_str().unwrap();
            let other = filter.strip_suffix("-guard").map_or_else(|| format!("{filter}-guard"), str::to_owned);
            assert_eq!(bound.get(other.as_str()), Some(config), "{name}: {filter} without {other}");
        }
    }
}

#[test]
fn the_guard_for_istio_is_that_of_the_plugin() {
    let plugin: Value = serde_yaml::from_str(&read("envoy/istio-wasmplugin.yaml")).unwrap();
    let guard: Value = serde_yaml::from_str(&read("envoy/istio-guard.yaml")).unwrap();
    let outcome = outcome_of(&serde_json::to_string(at(&plugin, "spec/pluginConfig")).unwrap());
    let patch = at(&guard, "spec/configPatches/0");
    assert_guard("envoy/istio-guard.yaml", at(patch, "patch/value"), &outcome);
    assert_eq!(at(patch, "patch/operation"), "INSERT_BEFORE");
    assert_eq!(at(patch, "match/listener/filterChain/filter/subFilter/name"), "envoy.filters.http.router");
    assert_eq!(at(&guard, "spec/workloadSelector/labels"), at(&plugin, "spec/selector/matchLabels"));
    assert_eq!(at(&guard, "metadata/namespace"), at(&plugin, "metadata/namespace"));
}

#[test]
fn the_filter_of_the_readme_has_its_guard() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("## In Envoy").unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    let filters: Value = serde_yaml::from_str(block.split_once("```").unwrap().0).unwrap();
    let [plugin, guard] = filters.as_sequence().unwrap().as_slice() else { panic!("a plugin and its guard") };
    let configuration = at(plugin, "typed_config/config/configuration/value").as_str().unwrap();
    assert_guard("README.md", guard, &outcome_of(configuration));
}

/// Both pass the configuration on as JSON.
#[test]
fn the_plugins_of_the_manifests_have_no_faults() {
    for (name, plugin) in
        [("envoy/istio-wasmplugin.yaml", "spec/pluginConfig"), ("envoy/envoy-gateway.yaml", "spec/wasm/0/config")]
    {
        let manifest: Value = serde_yaml::from_str(&read(name)).unwrap();
        assert_no_faults(name, &serde_json::to_string(at(&manifest, plugin)).unwrap());
    }
}

/// The table has a row for each code of the filter, and no other.
#[test]
fn the_readme_has_the_table_of_codes() {
    let readme = read("README.md");
    let (_, codes) = readme.split_once("## Codes").unwrap();
    let rows =
        codes.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let mut listed: Vec<&str> = rows.map(|row| row.split('|').nth(2).unwrap().trim()).collect();
    let mut known = jwt_auth::Rejection::CODES.to_vec();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known);
}

/// Each line of the README's table of speed is one of the last report's, and the plot above it shows the same rows.
#[test]
fn the_speed_in_the_readme_is_that_of_the_last_report() {
    let (readme, report, plot) = (read("README.md"), read("tools/bench/report.md"), read("tools/bench/report.svg"));
    let (_, section) = readme.split_once("## Speed\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in &rows {
        assert!(report.lines().any(|line| line == *row), "{row}");
    }
    let drawn = |line: &str| {
        let (_, label) = line.split_once("class=\"label\"")?.1.split_once('>')?;
        let (label, _) = label.split_once('<')?;
        Some(label.to_owned())
    };
    let label = |row: &&str| row.split('|').nth(1).unwrap().trim().to_owned();
    let labels: Vec<_> = rows.iter().map(label).collect();
    assert_eq!(plot.lines().filter_map(drawn).collect::<Vec<_>>(), labels);
}
