use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::running::{Demo, curls, promised, set};

/// `make compose` differs from `make run` only in addresses.
#[test]
fn compose_has_the_listeners_and_the_commands_of_run() {
    let compose = |more: &[(&str, &str)]| {
        let mut demo = Demo::new();
        demo.command.arg("--compose").envs(more.iter().copied());
        let file = demo.folder.path().join("envoy.yaml");
        let output = demo.command.output().expect("the demo runs");
        assert!(output.status.success(), "{output:?}");
        let lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let text = fs::read_to_string(file).expect("a file");
        (lines, serde_yaml::from_str::<serde_yaml::Value>(&text).expect("YAML"))
    };
    let published = [
        ("PORT", "12345"),
        ("REPLAY_PORT", "12346"),
        ("BROKEN_PORT", "12347"),
        ("RESOURCE_PORT", "12350"),
        ("TOKEN_PORT", "12348"),
        ("ADMIN_PORT", "12349"),
    ];
    let (lines, document) = compose(&published);
    let curls = curls(&lines);
    for (_, port) in published {
        assert!(curls.iter().any(|(_, curl)| curl.contains(&format!("127.0.0.1:{port}/"))), "{port}");
    }
    let (_running, run_lines) = Demo::new().start();
    let promises =
        |curls: Vec<(&str, &str)>| curls.into_iter().map(|(comment, _)| promised(comment)).collect::<Vec<_>>();
    assert_eq!(promises(curls), promises(crate::running::curls(&run_lines)));

    let address = |owner: &serde_yaml::Value| {
        let socket = &owner["address"]["socket_address"];
        (socket["address"].as_str().expect("an address").to_owned(), socket["port_value"].as_u64().expect("a port"))
    };
    let resources = &document["static_resources"];
    let listeners: Vec<_> = resources["listeners"].as_sequence().expect("listeners").iter().map(address).collect();
    let everywhere = |port| ("0.0.0.0".to_owned(), port);
    assert_eq!(listeners, [10000, 10001, 10002, 10005].map(everywhere));
    assert_eq!(address(&document["admin"]), everywhere(9901));
    let endpoint = |cluster: &serde_yaml::Value| {
        address(&cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"])
    };
    let clusters: Vec<_> = resources["clusters"].as_sequence().expect("clusters").iter().map(endpoint).collect();
    assert_eq!(clusters, [("upstream".to_owned(), 8080), ("tokens".to_owned(), 8080)]);
    let text = serde_yaml::to_string(&document).expect("YAML");
    assert!(text.contains("resource: http://127.0.0.1:12350/orders"), "clients use the published port: {text}");
    assert_eq!(text.matches("filename: /etc/envoy/jwt-auth.wasm").count(), 4);
    assert!(text.contains("kid: demo") && !text.contains("uniq_key"), "{text}");
}

/// All ports of `make run` are published, and none is reachable from other machines.
#[test]
fn compose_publishes_only_on_this_machine() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yaml")).expect("a file");
    let compose: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let services = compose["services"].as_mapping().expect("services");
    let ports = services.values().filter_map(|service| service["ports"].as_sequence()).flatten();
    let mut ports: Vec<_> = ports.map(|port| port.as_str().expect("a text").to_owned()).collect();
    ports.sort();
    let expected = [
        "127.0.0.1:${ADMIN_PORT:-9901}:9901",
        "127.0.0.1:${BROKEN_PORT:-10002}:10002",
        "127.0.0.1:${FIRST_ADMIN_PORT:-9903}:9901",
        "127.0.0.1:${FIRST_PORT:-10003}:10000",
        "127.0.0.1:${PORT:-10000}:10000",
        "127.0.0.1:${REPLAY_PORT:-10001}:10001",
        "127.0.0.1:${RESOURCE_PORT:-10005}:10005",
        "127.0.0.1:${SECOND_ADMIN_PORT:-9904}:9901",
        "127.0.0.1:${SECOND_PORT:-10004}:10000",
        "127.0.0.1:${TOKEN_PORT:-8080}:8080",
    ];
    assert_eq!(ports, expected);
}

/// The files that docker-compose.yaml mounts exist, and the token service starts with them.
#[test]
fn the_token_service_starts_with_the_files_for_compose() {
    let mut demo = Demo::new();
    let output = demo.command.arg("--compose").env("TOKEN_PORT", "12348").output().expect("the demo runs");
    assert!(output.status.success(), "{output:?}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docker-compose.yaml")).expect("a file");
    let compose: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
    let service = &compose["services"]["tokens"];
    let strings = |value: &serde_yaml::Value| -> Vec<String> {
        let list = value.as_sequence().expect("a list");
        list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let demo_folder = demo.folder.path();
    let folder = demo_folder.to_string_lossy().into_owned();
    let command = set("JWT_AUTH").into_string().expect("UTF-8");
    let mut mounted = Vec::new();
    for volume in service["volumes"].as_sequence().expect("volumes") {
        let text = |name: &str| volume[name].as_str().expect("a text").to_owned();
        let source = text("source").replace("${RUN_DIR:-./run/compose}/", &format!("{folder}/"));
        mounted.push((text("target"), source.replace("./dist/jwt-auth", &command)));
    }
    let here = |word: String| {
        let source = mounted.iter().find_map(|(target, source)| (*target == word).then(|| source.clone()));
        source.unwrap_or(word)
    };
    let program = here(strings(&service["entrypoint"]).concat());
    let words = strings(&service["command"]).into_iter().map(here);
    let words = words.map(|word| word.replace("0.0.0.0:8080", "127.0.0.1:0").replace("${TOKEN_PORT:-8080}", "12348"));
    let words: Vec<String> = words.collect();
    let issuer = words.iter().skip_while(|word| *word != "--iss").nth(1).expect("an issuer");
    let envoy = fs::read_to_string(demo_folder.join("envoy.yaml")).expect("a file");
    assert_eq!(envoy.matches(&format!("discovery: {issuer}\n")).count(), 4, "{envoy}");
    let mut child = Command::new(program).args(words).stderr(Stdio::piped()).spawn().expect("the command runs");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("its stderr")).read_line(&mut line).expect("its stderr");
    child.kill().expect("it runs");
    child.wait().expect("its end");
    assert!(line.starts_with("jwt-auth: listening on http://127.0.0.1:"), "{line}");
}

/// Docker fails to start the containers, for example because a port is in use. Everything else that the script calls
/// succeeds.
#[test]
fn when_compose_can_not_start_its_containers_are_removed() {
    let programs = tempfile::tempdir().expect("a folder");
    for (name, script) in [
        ("cargo", "exit 0"),
        (
            "docker",
            "echo \"$*\" >> \"$RUN_DIR/calls\"\ncase \"$*\" in *' up'*) echo 'port is in use' >&2; exit 7; esac",
        ),
    ] {
        let path = programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("a path"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/scripts/run.sh");
    for (fleet, expected) in [
        ("", "compose version\ncompose up\ncompose down --timeout 5\n"),
        (
            "1",
            "compose version\ncompose --profile fleet up envoy-1 envoy-2\n\
             compose --profile fleet down --timeout 5\n",
        ),
    ] {
        let mut run = Command::new("bash");
        run.arg(&script).arg("--compose").env("PATH", &path).env("RUN_DIR", programs.path()).env("FLEET", fleet);
        let output = run.output().expect("bash");
        let calls = fs::read_to_string(programs.path().join("calls")).expect("calls of docker");
        assert_eq!((output.status.code(), calls.as_str()), (Some(7), expected), "{output:?}");
        fs::remove_file(programs.path().join("calls")).expect("a file");
    }
}
