use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::incoming::Incoming;
use super::message::Response;

/// How long one connect, one read and one write may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Sends the bytes of one request over a new connection and returns the response, even if it comes before the whole
/// request is sent.
///
/// # Errors
/// When the server can't be reached, takes more than 10 s, or closes before the response is complete.
pub fn exchange(address: &Address, request: &[u8]) -> io::Result<Response> {
    let mut connection = Connection::open(address)?;
    let sent = connection.send(request);
    let received = connection.receive();
    match (sent, received) {
        (_, Ok(response)) => Ok(response),
        (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
    }
}

/// A connection for several requests, one after another or pipelined.
pub struct Connection {
    incoming: Incoming<Stream>,
    /// For each request without a response yet, whether it is a `HEAD`.
    pending: VecDeque<bool>,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// When no server listens there.
    pub fn open(address: &Address) -> io::Result<Self> {
        Ok(Self { incoming: Incoming::new(Stream::open(address)?), pending: VecDeque::new() })
    }

    /// Sends the bytes of one request, or the first part of them; [`Self::send_more`] sends the rest.
    ///
    /// # Errors
    /// When the connection is closed or stuck.
    pub fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.pending.push_back(request.starts_with(b"HEAD "));
        self.send_more(request)
    }

    /// Sends more bytes of the last request.
    ///
    /// # Errors
    /// When the connection is closed or stuck.
    pub fn send_more(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.source().write_all(bytes)
    }

    /// The response to the oldest request that has none yet.
    ///
    /// # Errors
    /// When no response comes within 10 s, or the connection is closed before its end.
    pub fn receive(&mut self) -> io::Result<Response> {
        let to_head = self.pending.pop_front().unwrap_or(false);
        self.incoming.response(to_head)
    }
}

/// A blocking socket with a timeout of 10 s for each read and write.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn open(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, TIMEOUT)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                Ok(Self::Unix(stream))
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
