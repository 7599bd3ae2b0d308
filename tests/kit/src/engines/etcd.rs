use std::collections::HashMap;
#[cfg(feature = "tls")]
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Entry;
use super::process::{EngineProcess, PATIENCE, Port};
#[cfg(feature = "tls")]
use crate::certificate::{Ca, Certificate};
use crate::http::{Address, RequestBuilder, exchange};
use crate::network::{Network, Place};

/// Faster elections than by default: a cluster has a new leader about a second after its leader's death.
const ELECTIONS: [&str; 2] = ["--heartbeat-interval=50", "--election-timeout=500"];

/// An etcd cluster. Each node has its own directory, and writes to the disk as in production.
#[derive(Debug)]
pub struct Etcd {
    nodes: Vec<EngineProcess>,
    /// Where the nodes talk with each other.
    peers: Vec<Port>,
    /// Where each node shows its health, also to clients without a certificate.
    health: Vec<Port>,
}

/// Where a node runs.
#[derive(Clone, Default)]
struct Host {
    /// An address that only the node has. `None`: 127.0.0.1.
    address: Option<Ipv4Addr>,
    /// The command that leads there.
    enter: Vec<String>,
}

impl Host {
    /// The port with this number, or a free one where others have ports as well.
    fn port(&self, number: u16) -> Result<Port, String> {
        self.address.map_or_else(Port::reserve, |address| Ok(Port::at((address, number).into())))
    }
}

impl Etcd {
    /// Starts a cluster of `count` nodes and waits until it is healthy.
    ///
    /// # Errors
    /// When a node ends, or the cluster isn't healthy within a minute. The message has the end of a log.
    pub fn start(count: usize) -> Result<Self, String> {
        Self::start_with(count, &[])
    }

    /// Like [`Self::start`], with more options for each node, for example `--quota-backend-bytes=2097152`.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_with(count: usize, options: &[&str]) -> Result<Self, String> {
        Self::new(&vec![Host::default(); count], "http", options)?.begin()
    }

    /// Like [`Self::start`], with each node in its own place of a network.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_in(network: &Network) -> Result<Self, String> {
        let host = |node| {
            let place = Place::Node(node);
            Host { address: Some(network.address(place)), enter: network.enter(place) }
        };
        let hosts: Vec<_> = (0..network.nodes()).map(host).collect();
        Self::new(&hosts, "http", &[])?.begin()
    }

    /// Like [`Self::start`], with a node for each certificate. Nodes serve clients over TLS, and only those with a
    /// certificate of the CA `clients`, so the methods that ask a node fail.
    ///
    /// # Errors
    /// As for [`Self::start`].
    #[cfg(feature = "tls")]
    pub fn start_tls(certificates: &[Certificate], clients: &Ca) -> Result<Self, String> {
        let files = ["--cert-file=server.crt", "--key-file=server.key", "--trusted-ca-file=clients.crt"];
        // The gateway would ask the node with the node's own certificate, which is not one of `clients`.
        let options = [&files[..], &["--client-cert-auth", "--enable-grpc-gateway=false"]].concat();
        let etcd = Self::new(&vec![Host::default(); certificates.len()], "https", &options)?;
        for (node, certificate) in etcd.nodes.iter().zip(certificates) {
            for (name, text) in [
                ("server.crt", certificate.pem()),
                ("server.key", certificate.private_key_pem()),
                ("clients.crt", &clients.pem()),
            ] {
                fs::write(node.directory().join(name), text).map_err(|error| format!("can't write {name}: {error}"))?;
            }
        }
        etcd.begin()
    }

    /// A cluster whose nodes are not started. `scheme` is that of their URLs for clients.
    fn new(hosts: &[Host], scheme: &str, options: &[&str]) -> Result<Self, String> {
        let ports = |number| hosts.iter().map(|host| host.port(number)).collect::<Result<Vec<_>, _>>();
        let (peers, health) = (ports(2380)?, ports(2381)?);
        let members: Vec<_> =
            peers.iter().enumerate().map(|(index, port)| format!("n{index}=http://{}", port.address())).collect();
        let node = |(index, (peer, health)): (usize, (&Port, &Port))| {
            let port = hosts[index].port(2379)?;
            let (client, peer) = (format!("{scheme}://{}", port.address()), format!("http://{}", peer.address()));
            EngineProcess::new("etcd", port, |_| {
                let own = [
                    format!("--name=n{index}"),
                    "--data-dir=data".to_owned(),
                    format!("--listen-client-urls={client}"),
                    format!("--advertise-client-urls={client}"),
                    format!("--listen-peer-urls={peer}"),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster={}", members.join(",")),
                    format!("--listen-metrics-urls=http://{}", health.address()),
                ];
                let same = ELECTIONS.iter().chain(options).map(|&option| option.to_owned());
                own.into_iter().chain(same).collect()
            })
            .map(|process| process.entering(&hosts[index].enter))
        };
        let nodes = peers.iter().zip(&health).enumerate().map(node).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { nodes, peers, health })
    }

    /// Starts the nodes and waits until they are healthy.
    fn begin(self) -> Result<Self, String> {
        for node in &self.nodes {
            // A node answers nothing before it knows the others, so all are started first.
            node.spawn()?;
        }
        self.wait_until_healthy()?;
        Ok(self)
    }

    /// The nodes. They can be killed, suspended and restarted.
    pub fn nodes(&self) -> &[EngineProcess] {
        &self.nodes
    }

    /// Where each node serves clients: gRPC, and its JSON gateway.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(EngineProcess::address).collect()
    }

    /// Where each node talks with the others.
    pub fn peer_addresses(&self) -> Vec<SocketAddr> {
        self.peers.iter().map(Port::address).collect()
    }

    /// The index of the leader, once a node that runs names one that runs.
    ///
    /// # Panics
    /// When there is none within a minute, for example because the majority is dead.
    pub fn leader(&self) -> usize {
        self.leader_besides(&[])
    }

    /// Like [`Self::leader`], of the nodes that are not in `lost`. Those are not asked, so they may hang.
    ///
    /// # Panics
    /// As for [`Self::leader`].
    pub fn leader_besides(&self, lost: &[usize]) -> usize {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut others = (0..self.nodes.len()).filter(|index| !lost.contains(index));
            if let Some(index) = others.find(|&index| self.is_leader(index)) {
                return index;
            }
            assert!(Instant::now() < deadline, "etcd has no leader within {PATIENCE:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether a node runs and says that it is the leader. A leader that is cut off may say so for a while.
    pub fn is_leader(&self, index: usize) -> bool {
        self.nodes[index].is_running()
            && self
                .call(index, "/v3/maintenance/status", &json!({}))
                .is_ok_and(|status| status["leader"] == status["header"]["member_id"] && status["leader"].is_string())
    }

    /// Waits until every node that runs serves reads of the whole cluster, for which the majority must run.
    ///
    /// # Errors
    /// When a node ends, or isn't healthy within a minute.
    pub fn wait_until_healthy(&self) -> Result<(), String> {
        let mut running = self.nodes.iter().zip(&self.health).filter(|(node, _)| node.is_running());
        running.try_for_each(|(node, health)| {
            node.wait_for("become healthy", || {
                exchange(&Address::Tcp(health.address()), &RequestBuilder::get("/health").build())
                    .is_ok_and(|response| response.status == 200)
            })
        })
    }

    /// All keys that begin with `prefix`, in order.
    ///
    /// # Errors
    /// When no node that runs answers.
    pub fn entries(&self, prefix: &str) -> Result<Vec<Entry>, String> {
        let range = json!({"key": STANDARD.encode(prefix), "range_end": STANDARD.encode(end_of(prefix))});
        let answer = self.ask("/v3/kv/range", &range)?;
        let text = |value: &Value| {
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut ttls = HashMap::new();
        let found = answer["kvs"].as_array().map(Vec::as_slice).unwrap_or_default();
        found
            .iter()
            .map(|one| {
                let ttl_seconds = match one["lease"].as_str().unwrap_or("0") {
                    "0" => None,
                    lease => {
                        if !ttls.contains_key(lease) {
                            ttls.insert(lease.to_owned(), self.ttl(lease)?);
                        }
                        Some(ttls[lease])
                    }
                };
                Ok(Entry { key: text(&one["key"]), value: text(&one["value"]), ttl_seconds })
            })
            .collect()
    }

    /// The IDs of all leases.
    ///
    /// # Errors
    /// When no node that runs answers.
    pub fn leases(&self) -> Result<Vec<String>, String> {
        let answer = self.ask("/v3/lease/leases", &json!({}))?;
        let leases = answer["leases"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(leases.iter().filter_map(|lease| lease["ID"].as_str()).map(str::to_owned).collect())
    }

    /// Sets a key, without a lease. With many large values, the quota is exceeded.
    ///
    /// # Errors
    /// When no node that runs answers, or etcd refuses it, for example with "database space exceeded".
    pub fn put(&self, key: &str, value: &[u8]) -> Result<(), String> {
        let put = json!({"key": STANDARD.encode(key), "value": STANDARD.encode(value)});
        self.ask("/v3/kv/put", &put).map(|_| ())
    }

    /// The active alarms, such as `NOSPACE`, once for each node that raised one.
    ///
    /// # Errors
    /// When no node that runs answers.
    pub fn alarms(&self) -> Result<Vec<String>, String> {
        let answer = self.ask("/v3/maintenance/alarm", &json!({"action": "GET"}))?;
        let alarms = answer["alarms"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(alarms.iter().map(|one| one["alarm"].as_str().unwrap_or("NONE").to_owned()).collect())
    }

    /// Sends a message to the JSON gateway of a node, which answers at once or after 5 s with an error: by
    /// [its API](https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/), keys and values are base64, and 64-bit numbers
    /// are strings.
    ///
    /// # Errors
    /// When the node doesn't answer within 10 s, or the answer is an error.
    pub fn call(&self, index: usize, path: &str, message: &Value) -> Result<Value, String> {
        let node = &self.nodes[index];
        let request = RequestBuilder::post(path).body(message.to_string()).build();
        let response = exchange(&Address::Tcp(node.address()), &request)
            .map_err(|error| format!("etcd on {}, {path}: {error}", node.address()))?;
        match serde_json::from_slice(&response.body) {
            Ok(answer) if response.status == 200 => Ok(answer),
            _ => Err(format!("etcd on {}, {path}: {}, {}", node.address(), response.status, response.text())),
        }
    }

    /// The answer of the first node that runs and gives one.
    fn ask(&self, path: &str, message: &Value) -> Result<Value, String> {
        let mut last = Err("no node of etcd runs".to_owned());
        for index in (0..self.nodes.len()).filter(|&index| self.nodes[index].is_running()) {
            last = self.call(index, path, message);
            if last.is_ok() {
                break;
            }
        }
        last
    }

    fn ttl(&self, lease: &str) -> Result<u64, String> {
        let answer = self.ask("/v3/lease/timetolive", &json!({"ID": lease}))?;
        let ttl = answer["TTL"].as_str().and_then(|ttl| ttl.parse().ok());
        ttl.ok_or_else(|| format!("lease {lease} has no time to live: {answer}"))
    }
}

/// The end of the range of all keys that begin with `prefix`.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // The last byte of text is never 255.
    match end.last_mut() {
        Some(last) => *last += 1,
        None => end.push(0),
    }
    end
}
