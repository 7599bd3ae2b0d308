//! An HTTP server for JWK sets that misbehaves on command.

mod answer;
mod gate;
mod running;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::http::Request;
pub use answer::{Answer, Place};
pub use gate::Gate;
use running::{Running, Transport};

/// How long [`KeyServer::wait_for_requests`] waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// An HTTP/1.1 server on a free port of 127.0.0.1, with a thread for each connection. It answers each path as
/// [`Self::set`] says, whatever the method, and any other path with 404. It can be stopped, and started again on the
/// same port. Dropping it closes all connections.
pub struct KeyServer {
    address: SocketAddr,
    /// Bound, but not listening. While the server is stopped, no other process can get its port.
    _reservation: TcpSocket,
    transport: Transport,
    state: Arc<State>,
    /// `None` while it is stopped.
    running: Option<Running>,
}

/// A request that a [`KeyServer`] received.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it was complete.
    pub at: Instant,
    /// The server name (SNI) that the client sent. `None` without TLS, or when it sent none.
    pub server_name: Option<String>,
    /// The request itself.
    pub request: Request,
}

impl KeyServer {
    /// Starts a server without TLS.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start() -> io::Result<Self> {
        Self::start_over(Transport::Plain)
    }

    /// Starts a server over TLS 1.2 and 1.3 with this certificate.
    ///
    /// # Errors
    /// When there is no free port.
    #[cfg(feature = "tls")]
    pub fn start_tls(certificate: &crate::certificate::Certificate) -> io::Result<Self> {
        Self::start_over(Transport::Tls(certificate.server()))
    }

    fn start_over(transport: Transport) -> io::Result<Self> {
        let reservation = TcpSocket::new_v4()?;
        // Only sockets that both have this option can be bound to one port. `TcpListener` sets it as well.
        reservation.set_reuseaddr(true)?;
        reservation.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = reservation.local_addr()?;
        let state = Arc::default();
        let mut server = Self { address, _reservation: reservation, transport, state, running: None };
        server.restart()?;
        Ok(server)
    }

    /// The address that it listens on, also while it is stopped.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the answer to requests for `path`, which is the whole request target: a query is part of it. A request that
    /// has already been received gets the earlier answer. Returns the number of those requests: [`Self::requests`] at
    /// that moment.
    pub fn set(&self, path: &str, answer: Answer) -> usize {
        let mut book = self.state.book();
        book.answers.insert(path.as_bytes().to_vec(), Arc::new(answer));
        book.requests(path)
    }

    /// The number of complete requests for `path` received so far. Each is counted before its answer begins.
    pub fn requests(&self, path: &str) -> usize {
        self.state.book().requests(path)
    }

    /// Waits until [`Self::requests`] for `path` are `count` or more, and returns their number. After 20 s it returns a
    /// number below `count`.
    pub fn wait_for_requests(&self, path: &str, count: usize) -> usize {
        let book = self.state.book();
        let too_few = |book: &mut Book| book.requests(path) < count;
        let waited = self.state.changed.wait_timeout_while(book, PATIENCE, too_few);
        let (book, _) = waited.unwrap_or_else(PoisonError::into_inner);
        book.requests(path)
    }

    /// All complete requests received so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.state.book().received.clone()
    }

    /// Stops listening and closes all connections. New connections are refused. Keeps the answers and the log.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts again on the same port. A running server is stopped first.
    ///
    /// # Errors
    /// When the port can't be listened on.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop();
        self.running = Some(Running::start(self.address, &self.transport, &self.state)?);
        Ok(())
    }
}

/// What a server keeps when it is stopped.
#[derive(Default)]
struct State {
    book: Mutex<Book>,
    /// Notified with each request.
    changed: Condvar,
}

#[derive(Default)]
struct Book {
    answers: HashMap<Vec<u8>, Arc<Answer>>,
    received: Vec<Received>,
}

impl State {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a request and returns the answer to it.
    fn receive(&self, received: Received) -> Arc<Answer> {
        let mut book = self.book();
        let answer = book.answers.get(&received.request.target).cloned();
        book.received.push(received);
        self.changed.notify_all();
        answer.unwrap_or_else(|| Arc::new(Answer::new(404)))
    }
}

impl Book {
    fn requests(&self, path: &str) -> usize {
        self.received.iter().filter(|received| received.request.target == path.as_bytes()).count()
    }
}
