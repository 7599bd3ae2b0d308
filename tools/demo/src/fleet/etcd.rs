//! The nodes of etcd.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::LOCALHOST;
use crate::process::Process;
use crate::settings::{NodePorts, Paths};

/// A node of etcd.
pub(super) struct Node {
    process: Process,
    program: PathBuf,
    arguments: Vec<String>,
    /// The file for its process id, and its log.
    pid: PathBuf,
    log: PathBuf,
}

impl Node {
    /// Starts a new cluster, whose nodes are `etcd-1` and so on.
    pub(super) fn start_all(program: &Path, paths: &Paths, ports: &[NodePorts]) -> Result<Vec<Self>, String> {
        let url = |port: u16| format!("http://{LOCALHOST}:{port}");
        let name = |index: usize| format!("etcd-{}", index + 1);
        let members = ports.iter().enumerate().map(|(index, ports)| format!("{}={}", name(index), url(ports.peers)));
        let members = members.collect::<Vec<_>>().join(",");
        let start = |(index, ports): (usize, &NodePorts)| {
            let (name, file) = (name(index), |ending: &str| paths.run().join(format!("{}{ending}", name(index))));
            let data = file("");
            // The ports of the last demo are in it.
            if data.exists() {
                fs::remove_dir_all(&data).map_err(|error| format!("can't remove {}: {error}", data.display()))?;
            }
            let arguments = vec![
                format!("--name={name}"),
                format!("--data-dir={}", data.display()),
                format!("--listen-client-urls={}", url(ports.clients)),
                format!("--advertise-client-urls={}", url(ports.clients)),
                format!("--listen-peer-urls={}", url(ports.peers)),
                format!("--initial-advertise-peer-urls={}", url(ports.peers)),
                format!("--initial-cluster={members}"),
                // Otherwise, etcd keeps the history of every jti.
                "--auto-compaction-retention=5m".to_owned(),
            ];
            let (pid, log) = (file(".pid"), file(".log"));
            let process = spawn(program, &arguments, &pid, &log)?;
            Ok(Self { process, program: program.to_owned(), arguments, pid, log })
        };
        ports.iter().enumerate().map(start).collect()
    }

    /// Its process, while it must not end.
    pub(super) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Returns an error if it has ended and nobody has killed it.
    pub(super) fn check(&mut self) -> Result<(), String> {
        if self.process.is_killed()? { Ok(()) } else { self.process.check() }
    }

    /// Starts it with its data if it was killed.
    pub(super) fn start_again(&mut self) -> Result<(), String> {
        if self.process.is_killed()? {
            self.process = spawn(&self.program, &self.arguments, &self.pid, &self.log)?;
        }
        Ok(())
    }
}

/// Starts a node and writes its process id.
fn spawn(program: &Path, arguments: &[String], pid: &Path, log: &Path) -> Result<Process, String> {
    let process = Process::start("a node of etcd", Command::new(program).args(arguments), log.to_owned())?;
    fs::write(pid, format!("{}\n", process.id())).map_err(|error| format!("can't write {}: {error}", pid.display()))?;
    Ok(process)
}
