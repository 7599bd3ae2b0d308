//! A TCP relay in front of a server, which loses the server's answers on command.

mod answers;
mod link;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpSocket;

use link::Running;

/// Relays connections to a server: HTTP/1.1, HTTP/2 without TLS, or anything that answers in turn. It listens on a free
/// port of 127.0.0.1. Dropping it closes all connections.
///
/// An answer begins with the first HEADERS frame of its stream in HTTP/2, and otherwise with the first bytes from the server after bytes from
/// the client.
pub struct Relay {
    address: SocketAddr,
    target: SocketAddr,
    /// Bound, but not listening. While the relay is cut, no other process can get its port.
    _reservation: TcpSocket,
    shared: Arc<Shared>,
    /// `None` while it is cut.
    running: Mutex<Option<Running>>,
}

/// How a [`Relay`] loses an answer. The server has got the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The client's connection is closed, with all other requests on it.
    Closing,
    /// The client gets nothing more on this connection, which stays open.
    Silent,
}

impl Relay {
    /// Starts a relay that loses nothing.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let reservation = TcpSocket::new_v4()?;
        // Only sockets that both have this option can be bound to one port. `TcpListener` sets it as well.
        reservation.set_reuseaddr(true)?;
        reservation.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = reservation.local_addr()?;
        let relay =
            Self { address, target, _reservation: reservation, shared: Arc::default(), running: Mutex::default() };
        relay.mend()?;
        Ok(relay)
    }

    /// The address that it listens on, also while it is cut.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Loses the next `count` answers, whatever connection they are on. `usize::MAX` loses all until [`Self::mend`].
    pub fn lose(&self, count: usize, loss: Loss) {
        self.shared.plan().remaining = Some((count, loss));
    }

    /// The number of answers lost so far. What the server sends on a connection that has become silent does not count.
    pub fn lost(&self) -> usize {
        self.shared.plan().lost
    }

    /// Closes all connections and refuses new ones.
    pub fn cut(&self) {
        *self.running() = None;
    }

    /// Loses no more answers, closes the connections that have become silent, and ends [`Self::cut`].
    ///
    /// # Errors
    /// When the port can't be listened on.
    pub fn mend(&self) -> io::Result<()> {
        self.shared.plan().remaining = None;
        let mut running = self.running();
        match &*running {
            Some(running) => running.close_silent(),
            None => *running = Some(Running::start(self.address, self.target, &self.shared)?),
        }
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the threads of a relay share.
#[derive(Default)]
struct Shared {
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    remaining: Option<(usize, Loss)>,
    lost: usize,
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the next answer is lost; `None` if it isn't.
    fn next(&self) -> Option<Loss> {
        let mut plan = self.plan();
        let (count, loss) = plan.remaining.take().filter(|(count, _)| *count > 0)?;
        plan.remaining = Some((if count == usize::MAX { count } else { count - 1 }, loss));
        plan.lost += 1;
        Some(loss)
    }
}
