use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use tokio::net::TcpListener;

use super::client::{failure, runtime};
use super::message::map;
use crate::http::Response;

/// A server on a free port of 127.0.0.1 that gives every request the same answer. Dropping it closes all connections.
pub struct Server {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with this answer. Its trailers are sent if there are any.
    ///
    /// # Errors
    /// When there is no free port, or the answer can't be sent over HTTP/2.
    pub fn start(answer: &Response) -> io::Result<Self> {
        let mut head = http::Response::new(());
        *head.status_mut() = http::StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
        *head.headers_mut() = map(&answer.headers)?;
        let trailers = if answer.trailers.is_empty() { None } else { Some(map(&answer.trailers)?) };
        let answer = Arc::new(Answer { head, body: Bytes::from(answer.body.clone()), trailers });

        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stopping = Arc::clone(&stopping);
            move || runtime().expect("a runtime").block_on(accept(listener, answer, &stopping))
        });
        Ok(Self { address, stopping, thread: Some(thread) })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread, which then sees `stopping`.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

struct Answer {
    head: http::Response<()>,
    body: Bytes,
    trailers: Option<http::HeaderMap>,
}

async fn accept(listener: std::net::TcpListener, answer: Arc<Answer>, stopping: &AtomicBool) {
    let listener = TcpListener::from_std(listener).expect("a socket that does not block");
    while let Ok((stream, _)) = listener.accept().await {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        // An error means that the client is gone, so there is nobody to report it to.
        tokio::spawn(serve(stream, Arc::clone(&answer)));
    }
}

async fn serve(stream: tokio::net::TcpStream, answer: Arc<Answer>) -> io::Result<()> {
    let mut connection = h2::server::handshake(stream).await.map_err(failure)?;
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request.map_err(failure)?;
        let Answer { head, body, trailers } = &*answer;
        let mut stream = respond.send_response(head.clone(), false).map_err(failure)?;
        stream.send_data(body.clone(), trailers.is_none()).map_err(failure)?;
        if let Some(trailers) = trailers {
            stream.send_trailers(trailers.clone()).map_err(failure)?;
        }
    }
    Ok(())
}
