use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::running::{Demo, curls, promised, set};

#[test]
fn for_compose_the_file_of_the_repository_gets_another_key_and_no_other_change() {
    let mut demo = Demo::new();
    demo.command.arg("--compose").env("PORT", "12345").env("TOKEN_PORT", "12346");
    let file = demo.folder.path().join("compose-envoy.yaml");
    let output = demo.command.output().expect("the demo runs");
    assert!(output.status.success(), "{output:?}");

    let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    let curls = curls(&lines);
    let ports = ["127.0.0.1:12345/", "127.0.0.1:12346/token"];
    let goes_there = |curl: &str| ports.iter().any(|port| curl.contains(port));
    assert!(curls.iter().all(|(comment, curl)| !promised(comment).is_empty() && goes_there(curl)));
    assert!(curls.len() >= 8);

    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a file");
        let mut document: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
        let manager = &mut document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
        let plugin =
            &mut manager["typed_config"]["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
        let mut plugin_config: serde_yaml::Value =
            serde_yaml::from_str(plugin.as_str().expect("a text")).expect("YAML in YAML");
        *plugin = serde_yaml::Value::Null;
        let key = plugin_config["jwk"]["kid"].as_str().expect("a kid").to_owned();
        plugin_config["jwk"] = serde_yaml::Value::Null;
        (document, plugin_config, key)
    };
    let (document, plugin_config, key) = read(&file);
    let original = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy/envoy.yaml"));
    assert_eq!((document, plugin_config), (original.0, original.1));
    assert_eq!((key.as_str(), original.2.as_str()), ("demo", "uniq_key"));
}

/// What docker-compose.yaml mounts into its container is there, and the command in it takes it.
#[test]
fn for_compose_the_token_service_gets_what_it_is_started_with() {
    let mut demo = Demo::new();
    let output = demo.command.arg("--compose").output().expect("the demo runs");
    assert!(output.status.success(), "{output:?}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docker-compose.yaml")).expect("a file");
    let compose: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let service = &compose["services"]["tokens"];
    let strings = |value: &serde_yaml::Value| -> Vec<String> {
        let list = value.as_sequence().expect("a list");
        list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let folder = demo.folder.path().to_string_lossy().into_owned();
    let command = set("JWT_AUTH").into_string().expect("UTF-8");
    let mut mounted = Vec::new();
    for volume in service["volumes"].as_sequence().expect("volumes") {
        let text = |name: &str| volume[name].as_str().expect("a text").to_owned();
        let source = text("source").replace("./run/", &format!("{folder}/"));
        mounted.push((text("target"), source.replace("./dist/jwt-auth", &command)));
    }
    let here = |word: String| {
        let source = mounted.iter().find_map(|(target, source)| (*target == word).then(|| source.clone()));
        source.unwrap_or(word)
    };
    let program = here(strings(&service["entrypoint"]).concat());
    let words = strings(&service["command"]).into_iter().map(here);
    let words = words.map(|word| if word == "0.0.0.0:8080" { "127.0.0.1:0".to_owned() } else { word });
    let mut child = Command::new(program).args(words).stderr(Stdio::piped()).spawn().expect("the command runs");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("its stderr")).read_line(&mut line).expect("its stderr");
    child.kill().expect("it runs");
    child.wait().expect("its end");
    assert!(line.starts_with("jwt-auth: listening on http://127.0.0.1:"), "{line}");
}
