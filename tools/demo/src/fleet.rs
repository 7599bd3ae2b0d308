//! `make run FLEET=1`: two Envoys that share used `jti`s in an etcd of three nodes, on this machine. It prints commands
//! that show it: a token is accepted once, also while a node is dead.

mod etcd;
mod walk;

use std::fs;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;

use super::config::{self, Document, Fleet, Keys};
use super::issuer::{self, Issuer};
use super::process::{Process, answers};
use super::settings::{self, FleetPorts, Paths};
use super::{INTERVAL, check, make_readable, print, stop_signals, wait_until};
use etcd::Node;
use walk::Walk;

/// What is different in containers.
const IN_CONTAINERS: &str = "docker compose --profile fleet";

/// Starts all processes, prints the walk, and waits for a signal or for the end of a process. Nodes of etcd that were
/// killed stay dead until a file asks for them.
pub(crate) fn run() -> Result<(), String> {
    let stop = stop_signals()?;
    let paths = Paths::from_environment("run/fleet")?;
    // Held until this process ends, because another demo would replace the keys.
    let _lock = paths.lock()?;
    let (binary, etcd, wasm, command) = (paths.envoy()?, paths.etcd()?, paths.wasm()?, paths.jwt_auth()?);
    let ports = FleetPorts::from_environment()?;

    let mut nodes = Node::start_all(&etcd, &paths, &ports.etcd)?;
    let is_healthy = || ports.etcd.iter().all(|node| answers(node.clients, "/health", 200, None));
    let mut processes: Vec<_> = nodes.iter_mut().map(Node::process).collect();
    if !wait_until(is_healthy, &mut processes, &stop)? {
        return Ok(());
    }
    let issuer = Issuer::prepare(&command, &paths)?;
    let mut others = vec![issuer.serve(ports.tokens, paths.run().join("tokens.log"))?];
    // The filter fetches keys as soon as it starts, so the token service is first.
    if !wait_until(|| answers(ports.tokens, "/healthz", 200, None), &mut others, &stop)? {
        return Ok(());
    }

    let upstream = config::upstream(Document::read("envoy/upstream.yaml")?, ports.upstream)?;
    let upstream = paths.write("upstream.yaml", &upstream)?;
    others.push(Process::envoy(&binary, &upstream, paths.run().join("upstream.log"))?);
    let keys = Keys { jwk: issuer.jwk(), discovery: &issuer::url(ports.tokens) };
    let here = |port| (config::LOCALHOST.to_owned(), port);
    for (index, envoy) in ports.envoys.iter().enumerate() {
        let fleet = Fleet {
            wasm: &wasm,
            listener: here(envoy.main),
            admin: here(envoy.admin),
            upstream: here(ports.upstream),
            tokens: here(ports.tokens),
            etcd: ports.etcd.map(|node| here(node.clients)),
        };
        let text = config::fleet(Document::read("envoy/jti-etcd.yaml")?, &fleet, &keys)?;
        let name = format!("envoy-{}", index + 1);
        let file = paths.write(&format!("{name}.yaml"), &text)?;
        others.push(Process::envoy(&binary, &file, paths.run().join(format!("{name}.log")))?);
    }
    let is_ready = || {
        answers(ports.upstream, "/", 200, None)
            && ports.envoys.iter().all(|envoy| answers(envoy.main, "/", 400, Some("I400JR")))
    };
    if !wait_until(is_ready, &mut others, &stop)? {
        return Ok(());
    }

    let run = paths.run().display();
    let start = paths.run().join("start");
    let walk = Walk {
        envoys: ports.envoys.map(|envoy| envoy.main),
        admin: ports.envoys[0].admin,
        tokens: ports.tokens,
        run: paths.run(),
        kill: &|node| format!("kill -9 \"$(cat {run}/etcd-{node}.pid)\""),
        start: &format!("touch {}", start.display()),
    };
    print(&format!(
        "# Two Envoys, on http://127.0.0.1:{} and http://127.0.0.1:{}, accept each token once. An etcd of three nodes\n\
         # keeps the used jtis.\n\
         # Paste these commands into another terminal, in this order.\n\n{}\
         # Press Ctrl-C to stop. Configurations, keys and logs are in {run}.\n",
        ports.envoys[0].main,
        ports.envoys[1].main,
        walk.text(),
    ))?;
    loop {
        match stop.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {
                check(&mut others)?;
                nodes.iter_mut().try_for_each(Node::check)?;
                if start.exists() {
                    fs::remove_file(&start).map_err(|error| format!("can't remove {}: {error}", start.display()))?;
                    nodes.iter_mut().try_for_each(Node::start_again)?;
                }
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Writes the files that docker-compose.yaml mounts in its profile `fleet`, and prints the walk.
pub(crate) fn prepare_compose() -> Result<(), String> {
    let paths = Paths::from_environment("run/compose")?;
    let _lock = paths.lock()?;
    let ports = FleetPorts::published()?;
    let issuer = Issuer::prepare(&paths.jwt_auth()?, &paths)?;
    let host = |name: &str, port| (name.to_owned(), port);
    let inside = settings::FLEET_IN_CONTAINERS;
    let fleet = Fleet {
        wasm: Path::new("/etc/envoy/jwt-auth.wasm"),
        // docker-compose.yaml publishes the ports on 127.0.0.1.
        listener: host("0.0.0.0", inside.main),
        admin: host("0.0.0.0", inside.admin),
        upstream: host("upstream", 8080),
        tokens: host("tokens", 8080),
        etcd: [1, 2, 3].map(|node| host(&format!("etcd-{node}"), 2379)),
    };
    let keys = Keys { jwk: issuer.jwk(), discovery: &issuer::url(ports.tokens) };
    let text = config::fleet(Document::read("envoy/jti-etcd.yaml")?, &fleet, &keys)?;
    make_readable(&paths.write("fleet.yaml", &text)?)?;
    let walk = Walk {
        envoys: ports.envoys.map(|envoy| envoy.main),
        admin: ports.envoys[0].admin,
        tokens: ports.tokens,
        run: paths.run(),
        kill: &|node| format!("{IN_CONTAINERS} kill etcd-{node}"),
        start: &format!("{IN_CONTAINERS} start etcd-1 etcd-2"),
    };
    print(&format!(
        "# Once the containers run, two Envoys, on http://127.0.0.1:{} and http://127.0.0.1:{},\n\
         # accept each token once. An etcd of three nodes keeps the used jtis.\n\
         # Paste these commands into another terminal, in this order.\n\n{}\
         # Configurations and keys are in {}.\n\n",
        ports.envoys[0].main,
        ports.envoys[1].main,
        walk.text(),
        paths.run().display(),
    ))
}
