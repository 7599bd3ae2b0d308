//! Network namespaces of Linux, so that a test can cut connections between processes as a broken network does: packets
//! are lost, and nobody is told.
//!
//! They need the commands `unshare` and `nsenter` (util-linux) and `ip` (iproute2), and a kernel that lets this user create
//! user namespaces. Where these are missing, [`isolated`] says so.

use std::io::Read as _;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

/// The environment variable of a test that runs in a namespace of its own.
const ISOLATED: &str = "KIT_ISOLATED";

/// No network card has this address. It is local, and the address of one host (IEEE 802).
const NOBODY: &str = "02:00:00:00:00:ff";

/// The interface of a node, and that of the test.
const CARD: &str = "eth0";
const BRIDGE: &str = "br0";

/// What follows from [`isolated`].
#[derive(Debug)]
pub enum Isolation {
    /// The test runs in its own network namespace and shall go on.
    Inside,
    /// The test has run there and passed.
    Passed,
    /// Namespaces can't be used here. Contains the reason, in one line.
    Impossible(String),
}

/// Runs the test called `test`, which calls this first, again in a network namespace of its own.
///
/// # Panics
/// When the test fails there. Prints what it printed.
pub fn isolated(test: &str) -> Isolation {
    if std::env::var_os(ISOLATED).is_some() {
        return Isolation::Inside;
    }
    let namespaces = ["--user", "--map-root-user", "--net"];
    // What a network needs, tried in namespaces that end at once.
    let attempt = "ip link add bridge0 type bridge && ip link add card0 type veth peer name card1 && \
                   unshare --net nsenter --version";
    if let Err(why) = run(Command::new("unshare").args(namespaces).args(["sh", "-c", attempt])) {
        return Isolation::Impossible(why);
    }
    let program = std::env::current_exe().unwrap();
    let mut again = Command::new("unshare");
    again.args(namespaces).arg(program).args([test, "--exact", "--include-ignored", "--nocapture"]).env(ISOLATED, "1");
    let output = again.output().unwrap();
    let text = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    println!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "{test} failed in its namespace");
    Isolation::Passed
}

/// A bridge of the test, and nodes connected with it, each in its own namespace.
#[derive(Debug)]
pub struct Network {
    nodes: Vec<Node>,
}

/// A place in a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where the test runs, with all processes but those of the nodes.
    Test,
    /// The node with this index.
    Node(usize),
}

/// A process that does nothing. Its namespace exists as long as it runs.
#[derive(Debug)]
struct Node(Child);

impl Network {
    /// Creates a network in the namespace of a test that [`isolated`] has started.
    ///
    /// # Errors
    /// When a command fails.
    pub fn start(nodes: usize) -> Result<Self, String> {
        let network = Self { nodes: (0..nodes).map(|_| Node::start()).collect::<Result<_, _>>()? };
        let here = Place::Test;
        network.ip(here, "link set lo up")?;
        network.ip(here, &format!("link add {BRIDGE} type bridge"))?;
        network.ip(here, &format!("address add {}/24 dev {BRIDGE}", network.address(here)))?;
        network.ip(here, &format!("link set {BRIDGE} up"))?;
        for (index, Node(process)) in network.nodes.iter().enumerate() {
            let node = Place::Node(index);
            network.ip(here, &format!("link add port{index} type veth peer name {CARD} netns {}", process.id()))?;
            network.ip(here, &format!("link set port{index} master {BRIDGE} up"))?;
            network.ip(node, "link set lo up")?;
            network.ip(node, &format!("address add {}/24 dev {CARD}", network.address(node)))?;
            network.ip(node, &format!("link set {CARD} up"))?;
        }
        Ok(network)
    }

    /// The number of nodes.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The address of a place.
    pub fn address(&self, place: Place) -> Ipv4Addr {
        let last = match place {
            Place::Test => 254,
            Place::Node(index) => u8::try_from(index + 1).unwrap_or(u8::MAX),
        };
        Ipv4Addr::new(10, 77, 0, last)
    }

    /// The command, with its arguments, that runs another command at a place. The process ID stays the same.
    pub fn enter(&self, place: Place) -> Vec<String> {
        match place {
            Place::Test => Vec::new(),
            Place::Node(index) => {
                vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.nodes[index].0.id())]
            }
        }
    }

    /// Loses all packets from one place to another, until [`Self::mend`]. Nobody is told: connections stay open, and
    /// attempts to connect get no answer.
    ///
    /// # Panics
    /// When a command fails.
    pub fn lose(&self, from: Place, to: Place) {
        let (address, card) = (self.address(to), card(from));
        self.ip(from, &format!("neighbour replace {address} lladdr {NOBODY} dev {card} nud permanent")).unwrap();
    }

    /// Loses all packets between two places, until [`Self::mend`].
    ///
    /// # Panics
    /// When a command fails.
    pub fn cut(&self, one: Place, other: Place) {
        self.lose(one, other);
        self.lose(other, one);
    }

    /// Loses nothing any more.
    ///
    /// # Panics
    /// When a command fails.
    pub fn mend(&self) {
        for place in (0..self.nodes()).map(Place::Node).chain([Place::Test]) {
            self.ip(place, &format!("neighbour flush dev {} nud permanent", card(place))).unwrap();
        }
    }

    /// Runs `ip` at a place.
    fn ip(&self, place: Place, arguments: &str) -> Result<(), String> {
        let mut command = self.enter(place);
        command.extend(format!("ip {arguments}").split(' ').map(str::to_owned));
        run(Command::new(&command[0]).args(&command[1..]))
    }
}

impl Node {
    fn start() -> Result<Self, String> {
        let mut process = Command::new("unshare")
            // It tells that the namespace exists, and ends when this process does, because its input ends then.
            .args(["--net", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("can't run unshare: {error}"))?;
        let mut ready = [0; 6];
        let output = process.stdout.as_mut().map(|output| output.read_exact(&mut ready));
        let node = Self(process);
        match output {
            Some(Ok(())) => Ok(node),
            _ => Err("can't create a network namespace".to_owned()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both only fail if the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn card(place: Place) -> &'static str {
    match place {
        Place::Test => BRIDGE,
        Place::Node(_) => CARD,
    }
}

/// Runs a command to its end. An error says why it failed, in one line.
fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}").replace('"', "");
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", ")))
}
