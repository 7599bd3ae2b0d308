//! A running Envoy for the attacks, and connections that are reused.

use std::cell::RefCell;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use kit::bootstrap::{Bootstrap, Configuration, Listener};
use kit::envoy::Envoy;
use kit::http::{Address, Connection, RequestBuilder, Response};
use kit::proxy::{Proxy, bytes_of, cut, filter, judge};
use kit::rows::{Request, Step};
use kit::upstream::Upstream;
use serde_json::Value;

fn listeners(configs: &[(&str, String)]) -> Vec<Listener> {
    let listener =
        |(name, config): &(&str, String)| Listener::new(name, vec![filter(Configuration::Text(config.clone()), None)]);
    configs.iter().map(listener).collect()
}

/// A running Envoy.
pub(crate) struct Arena {
    pub(crate) proxy: Proxy,
    /// The address of a listener.
    first: RefCell<Option<Address>>,
}

impl Arena {
    /// Starts Envoy with two workers and the listeners.
    pub(crate) fn start(binary: &Path, listeners: Vec<Listener>) -> Self {
        Self::of(Proxy::start(binary, listeners))
    }

    /// Starts Envoy with one listener for each name and configuration.
    pub(crate) fn of_configs(binary: &Path, configs: &[(&str, String)]) -> Self {
        Self::start(binary, listeners(configs))
    }

    /// Starts Envoy with a bootstrap changed by `edit`.
    pub(crate) fn edited(binary: &Path, listeners: Vec<Listener>, edit: impl Fn(&mut Value)) -> Self {
        let upstream = Upstream::start();
        let mut bootstrap = Bootstrap::fixed(upstream.address(), listeners).render();
        edit(&mut bootstrap);
        let envoy = Envoy::start_with(binary, "envoy.json", &bootstrap.to_string(), 2);
        Self::of(Proxy { envoy: envoy.unwrap_or_else(|error| panic!("{error}")), upstream })
    }

    /// Like [`Self::of_configs`], with listeners that close a connection right after the last response. By default,
    /// Envoy waits a second for the client to close it.
    pub(crate) fn closing_at_once(binary: &Path, configs: &[(&str, String)]) -> Self {
        Self::edited(binary, listeners(configs), |bootstrap| {
            for listener in bootstrap["static_resources"]["listeners"].as_array_mut().unwrap() {
                listener["filter_chains"][0]["filters"][0]["typed_config"]["delayed_close_timeout"] = "0s".into();
            }
        })
    }

    pub(crate) fn of(proxy: Proxy) -> Self {
        Self { proxy, first: RefCell::default() }
    }

    /// The address of a listener. Envoy is asked once: all sockets are in one directory.
    pub(crate) fn address(&self, listener: &str) -> Address {
        let mut first = self.first.borrow_mut();
        let known = first.get_or_insert_with(|| self.proxy.envoy.address(listener).unwrap());
        let Address::Unix(path) = known else { panic!("a Unix socket") };
        Address::Unix(path.with_file_name(format!("{listener}.sock")))
    }

    /// A connection to a listener.
    pub(crate) fn lane(&self, listener: &str) -> Lane<'_> {
        Lane { upstream: &self.proxy.upstream, address: self.address(listener), connection: None }
    }

    /// Every byte that comes back for one request.
    pub(crate) fn raw_answer(&self, listener: &str, request: &RequestBuilder) -> Vec<u8> {
        let Address::Unix(path) = self.address(listener) else { panic!("a Unix socket") };
        let mut stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(&request.clone().header("connection", "close").build()).unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 16 << 10];
        // Envoy closes the connection at once with `closing_at_once`, otherwise after a second.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..length]);
            stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        }
        answer
    }

    /// The harm that attacks did: a reloaded VM, a panic, or a token in the log.
    pub(crate) fn harm<'a>(&self, sent: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        let mut found = self.proxy.unsafe_log_lines(sent);
        let reloads = self.proxy.envoy.stats("vm_reload").unwrap();
        found.extend(
            reloads.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name}: {count}")),
        );
        found
    }
}

/// Sends requests one after another on one connection, which is reopened when Envoy closes it.
pub(crate) struct Lane<'a> {
    upstream: &'a Upstream,
    address: Address,
    connection: Option<Connection>,
}

impl Lane<'_> {
    pub(crate) fn send(&mut self, request: &Request) -> Response {
        self.send_bytes(&bytes_of(request))
    }

    pub(crate) fn send_bytes(&mut self, request: &[u8]) -> Response {
        self.exchange(request).unwrap_or_else(|error| panic!("{}: {error}", cut(request)))
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.address)?,
        };
        // Envoy may respond before it has read the whole request, and stop reading.
        let _ = connection.send(request);
        let response = connection.receive()?;
        // Envoy closes an HTTP/1 connection after every 400, also after one from a filter.
        let is_last = response.header("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
        self.connection = (!is_last).then_some(connection);
        Ok(response)
    }

    /// Sends the request of a step and compares the whole result with the expected one.
    pub(crate) fn run(&mut self, step: &Step) -> Result<(), String> {
        let before = self.upstream.requests();
        let response = self.exchange(&bytes_of(&step.request)).map_err(|error| format!("no answer: {error}"))?;
        judge(step, &response, self.upstream.requests() - before)
    }
}
