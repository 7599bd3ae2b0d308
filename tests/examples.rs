//! The configurations that people copy, those of `envoy/` and of the README, hold what they promise: YAML that the filter
//! takes without a fault.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic; a request may not")]

use std::path::Path;

use jwt_auth::Plugin;
use serde_yaml::Value;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
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

#[test]
fn the_plugins_of_the_envoy_examples_have_no_faults() {
    for name in ["envoy/envoy.yaml", "envoy/per-route.yaml"] {
        let bootstrap: Value = serde_yaml::from_str(&read(name)).unwrap();
        let manager = at(&bootstrap, "static_resources/listeners/0/filter_chains/0/filters/0/typed_config");
        let filters = at(manager, "http_filters").as_sequence().unwrap();
        let plugins: Vec<_> = filters.iter().filter_map(|filter| filter.get("typed_config")?.get("config")).collect();
        assert!(!plugins.is_empty(), "{name}");
        for plugin in plugins {
            assert_eq!(at(plugin, "failure_policy"), "FAIL_RELOAD", "{name}");
            assert_no_faults(name, at(plugin, "configuration/value").as_str().unwrap());
        }
    }
}

/// Both hand the configuration over as JSON.
#[test]
fn the_plugins_of_the_manifests_have_no_faults() {
    for (name, plugin) in
        [("envoy/istio-wasmplugin.yaml", "spec/pluginConfig"), ("envoy/envoy-gateway.yaml", "spec/wasm/0/config")]
    {
        let manifest: Value = serde_yaml::from_str(&read(name)).unwrap();
        assert_no_faults(name, &serde_json::to_string(at(&manifest, plugin)).unwrap());
    }
}

#[test]
fn the_configuration_of_the_readme_has_no_faults() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("```yaml\n").unwrap();
    let (configuration, _) = rest.split_once("```").unwrap();
    assert_no_faults("README.md", configuration);
}

/// Each code of the filter has its row, and no other stands there.
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

/// Each line of the README's table of speed is one of the last report's.
#[test]
fn the_speed_in_the_readme_is_that_of_the_last_report() {
    let (readme, report) = (read("README.md"), read("bench/report.md"));
    let (_, section) = readme.split_once("## Speed\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() >= 5, "{rows:?}");
    for row in rows {
        assert!(report.lines().any(|line| line == row), "{row}");
    }
}
