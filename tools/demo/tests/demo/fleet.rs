//! The demo with two Envoys and etcd.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kit::http::{Address, RequestBuilder, exchange};
use serde_yaml::Value;

use crate::running::{Demo, answered, commands, curls, promised, set, signal};

#[test]
fn every_command_of_the_walk_does_what_its_comment_says() {
    let (mut demo, lines) = Demo::fleet().start();
    let mut promises = Vec::new();
    for (comment, command) in commands(&lines) {
        let output = Command::new("sh").args(["-c", command]).output().expect("a shell");
        let answer = String::from_utf8_lossy(&output.stdout);
        if !comment.starts_with("# expect ") {
            assert!(output.status.success() && output.stderr.is_empty(), "{comment}\n{command}\n{output:?}");
            continue;
        }
        assert_eq!(answered(&answer), promised(comment), "{comment}\n{command}\n{answer}");
        if comment.contains("how often") {
            let of_reasons = answer.lines().filter_map(|line| line.split_once("jti_store_failed."));
            let counts = of_reasons.map(|(_, counter)| counter.rsplit(' ').next().expect("a count").trim() != "0");
            assert!(answer.contains("jti_store_asked: ") && counts.into_iter().any(|is_more| is_more), "{answer}");
        }
        promises.push(promised(comment));
    }
    let [ok, used, unavailable] = ["200", "403 S403JU", "503 S503JS"];
    assert_eq!(promises, [ok, used, ok, used, used, unavailable, used, ok, used, ok]);

    // Two Envoys with the filter and one as the upstream, three nodes of etcd, and the token service.
    assert_eq!(demo.processes().len(), 7);
    signal("TERM", &demo.child.id().to_string());
    assert_eq!((demo.wait(), demo.processes()), (Some(0), Vec::new()));
}

#[test]
fn an_etcd_that_does_not_start_shows_its_log() {
    let mut demo = Demo::fleet();
    let program = demo.folder.path().join("etcd");
    fs::write(&program, "#!/bin/sh\necho no room >&2; exit 3\n").expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    demo.command.env("ETCD", program);
    let output = demo.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("a node of etcd ended (exit status: 3)\n") && errors.contains("no room"), "{errors}");
}

/// Runs the demo for Docker Compose with these variables. Gives the lines of its output and the configuration of Envoy.
fn compose(variables: &[(&str, &str)]) -> (Vec<String>, Value) {
    let mut demo = Demo::new();
    demo.command.args(["--compose", "--fleet"]).envs(variables.iter().copied());
    let file = demo.folder.path().join("fleet.yaml");
    let output = demo.command.output().expect("the demo runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o644, "Envoy is another user");
    let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    (lines, serde_yaml::from_str(&fs::read_to_string(file).expect("a file")).expect("YAML"))
}

/// docker-compose.yaml.
fn compose_file() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yaml");
    serde_yaml::from_str(&fs::read_to_string(path).expect("a file")).expect("YAML")
}

/// The walk is that of `make run FLEET=1` but for addresses and for how nodes are killed.
#[test]
fn compose_has_the_walk_of_run() {
    let ports = [("FIRST_PORT", "12345"), ("SECOND_PORT", "12346"), ("FIRST_ADMIN_PORT", "12347")];
    let (lines, _) = compose(&ports);
    for (_, port) in ports {
        assert!(curls(&lines).iter().any(|(_, curl)| curl.contains(&format!("127.0.0.1:{port}/"))), "{port}");
    }
    let (_running, of_run) = Demo::fleet().start();
    let comments = |lines: &[String]| -> Vec<String> {
        commands(lines).into_iter().map(|(comment, _)| comment.to_owned()).collect()
    };
    assert_eq!(comments(&lines), comments(&of_run));
    let is_docker = |line: &&String| line.starts_with("docker compose ");
    let docker: Vec<_> =
        lines.iter().filter(is_docker).map(|line| line.split(';').next().expect("a command")).collect();
    let profile = "docker compose --profile fleet";
    let expected = ["kill etcd-1", "kill etcd-2", "start etcd-1 etcd-2"].map(|action| format!("{profile} {action}"));
    assert_eq!(docker, expected);
}

/// Each host and port in the configuration of the Envoys is a service that listens there.
#[test]
fn the_envoys_of_compose_find_the_other_services() {
    let (_, configuration) = compose(&[]);
    let services = compose_file()["services"].clone();
    let mut found = Vec::new();
    for cluster in configuration["static_resources"]["clusters"].as_sequence().expect("clusters") {
        for endpoint in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_sequence().expect("endpoints") {
            let socket = &endpoint["endpoint"]["address"]["socket_address"];
            let host = socket["address"].as_str().expect("a host");
            assert!(services.get(host).is_some(), "no service {host}");
            found.push(format!("{host}:{}", socket["port_value"].as_u64().expect("a port")));
        }
        assert!(cluster.get("transport_socket").is_none(), "the services have no certificates");
    }
    assert_eq!(found, ["etcd-1:2379", "etcd-2:2379", "etcd-3:2379", "upstream:8080", "tokens:8080"]);
    for (name, port, admin) in [
        ("envoy-1", "FIRST_PORT:-10003", "FIRST_ADMIN_PORT:-9903"),
        ("envoy-2", "SECOND_PORT:-10004", "SECOND_ADMIN_PORT:-9904"),
    ] {
        let service = &services[name];
        let text = serde_yaml::to_string(service).expect("YAML");
        for part in [format!("127.0.0.1:${{{port}}}:10000"), format!("127.0.0.1:${{{admin}}}:9901")] {
            assert!(text.contains(&part), "{part} is missing: {text}");
        }
        assert!(text.contains("source: ${RUN_DIR:-./run/compose}/fleet.yaml\n"), "{text}");
        let needed = ["upstream", "tokens", "etcd-1", "etcd-2", "etcd-3"];
        assert_eq!(service["depends_on"].as_sequence().expect("a list"), &needed.map(Value::from));
    }
    // `docker compose up` without the profile starts none of them.
    let profiles =
        services.as_mapping().expect("services").iter().filter(|(_, service)| service.get("profiles").is_some());
    let profiles: Vec<_> =
        profiles.map(|(name, service)| (name.as_str().expect("a name"), &service["profiles"][0])).collect();
    let fleet = Value::from("fleet");
    assert_eq!(profiles, ["envoy-1", "envoy-2", "etcd-1", "etcd-2", "etcd-3"].map(|name| (name, &fleet)));
}

/// A process that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("its end");
    }
}

/// The commands of docker-compose.yaml make a cluster of etcd. Only addresses and the folder are changed.
#[test]
fn the_nodes_of_compose_become_a_healthy_cluster() {
    let services = compose_file()["services"].clone();
    let folder = tempfile::tempdir().expect("a folder");
    // Bound at the same time, so that all differ.
    let free = [(); 6].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let ports = free.each_ref().map(|socket| socket.local_addr().expect("its address").port());
    drop(free);
    let (clients, peers) = ports.split_at(3);
    let mut nodes = Vec::new();
    for (index, name) in ["etcd-1", "etcd-2", "etcd-3"].into_iter().enumerate() {
        let here = |word: &Value| {
            let mut word = word.as_str().expect("a word").to_owned();
            for (other, (client, peer)) in clients.iter().zip(peers).enumerate() {
                for (inside, port) in [(2379, client), (2380, peer)] {
                    word = word.replace(&format!("//etcd-{}:{inside}", other + 1), &format!("//127.0.0.1:{port}"));
                }
            }
            word.replace("0.0.0.0:2379", &format!("127.0.0.1:{}", clients[index]))
                .replace("0.0.0.0:2380", &format!("127.0.0.1:{}", peers[index]))
                .replace("/var/lib/etcd", folder.path().join(name).to_str().expect("UTF-8"))
        };
        let words = services[name]["command"].as_sequence().expect("words").iter().map(here);
        let mut node = Command::new(PathBuf::from(set("ENGINES")).join("etcd"));
        node.args(words)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join(format!("{name}.log"))).expect("a log"));
        nodes.push(Killed(node.spawn().expect("etcd runs")));
    }
    let is_healthy = |port: &u16| {
        let address = Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, *port)));
        exchange(&address, &RequestBuilder::get("/health").build()).is_ok_and(|response| response.status == 200)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !clients.iter().all(is_healthy) {
        if Instant::now() > deadline {
            let log = fs::read_to_string(folder.path().join("etcd-1.log")).expect("a log");
            std::io::stderr().write_all(log.as_bytes()).expect("stderr");
            panic!("etcd is not healthy");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
