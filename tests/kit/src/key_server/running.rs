use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::{Received, State};
use crate::http::Incoming;

/// How the bytes of HTTP travel.
#[derive(Clone)]
pub(super) enum Transport {
    Plain,
    #[cfg(feature = "tls")]
    Tls(Arc<rustls::ServerConfig>),
}

/// A server that listens; dropping it stops it.
pub(super) struct Running {
    address: SocketAddr,
    connections: Arc<Connections>,
    acceptor: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(address: SocketAddr, transport: &Transport, state: &Arc<State>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let connections = Arc::new(Connections::default());
        let acceptor = thread::spawn({
            let (connections, transport, state) = (Arc::clone(&connections), transport.clone(), Arc::clone(state));
            move || accept(&listener, &connections, &transport, &state)
        });
        Ok(Self { address, connections, acceptor: Some(acceptor) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.connections.stopping.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees `stopping` and adds no more connections.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
        for stream in self.connections.open().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// The open connections, by a number.
#[derive(Default)]
struct Connections {
    stopping: AtomicBool,
    open: Mutex<HashMap<usize, TcpStream>>,
}

impl Connections {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, connections: &Arc<Connections>, transport: &Transport, state: &Arc<State>) {
    for (number, stream) in listener.incoming().enumerate() {
        if connections.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        connections.open().insert(number, copy);
        let (connections, transport, state) = (Arc::clone(connections), transport.clone(), Arc::clone(state));
        thread::spawn(move || {
            // An error means that the peer is gone or does not speak HTTP, so there is nobody to report it to.
            let _ = serve(&stream, &transport, &state);
            let _ = stream.shutdown(Shutdown::Both);
            connections.open().remove(&number);
        });
    }
}

fn serve(stream: &TcpStream, transport: &Transport, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match transport {
        Transport::Plain => answer(stream, None, state),
        #[cfg(feature = "tls")]
        Transport::Tls(config) => serve_tls(stream, config, state),
    }
}

#[cfg(feature = "tls")]
fn serve_tls(mut stream: &TcpStream, config: &Arc<rustls::ServerConfig>, state: &State) -> io::Result<()> {
    let mut connection = rustls::ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    let server_name = connection.server_name().map(str::to_owned);
    let answered = answer(rustls::Stream::new(&mut connection, &mut stream), server_name, state);
    // Without this, the end of the stream would be an error for the client, even where the answer is whole.
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(&mut stream)?;
    }
    answered
}

/// Answers requests until one side closes.
fn answer(stream: impl Read + Write, server_name: Option<String>, state: &State) -> io::Result<()> {
    let mut incoming = Incoming::new(stream);
    while let Some((_, request)) = incoming.request()? {
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
        let received = Received { at: Instant::now(), server_name: server_name.clone(), request };
        let answer = state.receive(received);
        let open = answer.send(incoming.source())?;
        if close || !open {
            return Ok(());
        }
    }
    Ok(())
}
