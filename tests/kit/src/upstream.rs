//! A backend that responds to every request with the bytes that it received.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::http::Incoming;

/// The size limit of the log of an [`Upstream`]. Later bytes are echoed but not logged.
const MAX_LOGGED: usize = 64 << 20;

/// An HTTP/1.1 server on a free port of 127.0.0.1, with a thread for each connection. It responds with 200 and
/// `content-type: application/octet-stream`. The body is the request exactly as received: head, empty line and body,
/// including chunk lines ([`crate::http::Response::echoed`] reads it). For bytes that are not a request it responds
/// with 400 and closes the connection. Dropping it closes all connections.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts the server.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of complete requests received so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// All bytes received so far, for each connection in the order of opening, including bytes that are not a request.
    /// After 64 MiB in total, nothing more is logged.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.shared.connections().iter().map(|connection| connection.received.clone()).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees `stopping` and adds no more connections.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
        for connection in self.shared.connections().iter() {
            if let Some(socket) = &connection.socket {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    requests: AtomicUsize,
    stopping: AtomicBool,
    logged: AtomicUsize,
    connections: Mutex<Vec<Connection>>,
}

struct Connection {
    received: Vec<u8>,
    /// Until it is closed.
    socket: Option<TcpStream>,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection and returns its index; `None` if it can't be served.
    fn register(&self, stream: &TcpStream) -> Option<usize> {
        let socket = stream.try_clone().ok()?;
        let mut connections = self.connections();
        connections.push(Connection { received: Vec::new(), socket: Some(socket) });
        Some(connections.len() - 1)
    }

    fn log(&self, index: usize, bytes: &[u8]) {
        let before = self.logged.fetch_add(bytes.len(), Ordering::SeqCst);
        if before + bytes.len() <= MAX_LOGGED {
            self.connections()[index].received.extend_from_slice(bytes);
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Some(index) = shared.register(&stream) else {
            continue;
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error means that the peer is gone, so there is nobody to report it to.
            let _ = serve(&stream, &shared, index);
            let _ = stream.shutdown(Shutdown::Both);
            shared.connections()[index].socket = None;
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared, index: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = Incoming::new(Logged { stream, shared, index });
    loop {
        match incoming.request() {
            Ok(None) => return Ok(()),
            Ok(Some((raw, request))) => {
                shared.requests.fetch_add(1, Ordering::SeqCst);
                let body: &[u8] = if request.method == "HEAD" { b"" } else { &raw };
                answer(stream, "200 OK", raw.len(), body)?;
                let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
                if close {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let text = error.to_string();
                return answer(stream, "400 Bad Request", text.len(), text.as_bytes());
            }
            Err(error) => return Err(error),
        }
    }
}

fn answer(mut stream: &TcpStream, status: &str, length: usize, body: &[u8]) -> io::Result<()> {
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// Logs the bytes that are read.
struct Logged<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    index: usize,
}

impl Read for Logged<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.shared.log(self.index, &buffer[..length]);
        Ok(length)
    }
}
