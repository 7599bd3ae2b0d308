use std::io;
use std::time::Duration;

use bytes::Bytes;
use h2::SendStream;
use h2::client::SendRequest;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::message::{Request, list};
use super::raw::{HEADERS, PREFACE, frames};
use crate::http::{Address, Response};

/// The time limit for connecting, and for a request up to the end of its response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a request over a new connection and returns the response, even if it comes before the whole request is sent.
///
/// # Errors When the request can't be sent unchanged ([`io::ErrorKind::InvalidInput`]), or when the server can't be
/// reached, takes more than 10 s ([`io::ErrorKind::TimedOut`]), resets the stream or sends GOAWAY
/// ([`io::ErrorKind::ConnectionReset`]), or closes before the response is complete.
pub fn exchange(address: &Address, request: &Request) -> io::Result<Response> {
    let outgoing = Outgoing::new(request.clone())?;
    let connection = Connection::open(address)?;
    connection.runtime.block_on(outgoing.exchange(connection.sender.clone()))
}

/// A connection for several requests, one after another or at once. It only runs during calls: frames that the server
/// sends in between are read by the next call.
pub struct Connection {
    sender: SendRequest<Bytes>,
    runtime: Runtime,
}

impl Connection {
    /// Opens a connection and sends the preface.
    ///
    /// # Errors
    /// When no server listens there.
    pub fn open(address: &Address) -> io::Result<Self> {
        let runtime = runtime()?;
        let connecting = async {
            match address {
                Address::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    start(stream).await
                }
                Address::Unix(path) => start(UnixStream::connect(path).await?).await,
            }
        };
        let sender = runtime.block_on(async { timeout(TIMEOUT, connecting).await })??;
        Ok(Self { sender, runtime })
    }

    /// Sends these requests at once and in order, and returns the response to each. If the server limits concurrent
    /// streams, some are sent later.
    ///
    /// # Errors
    /// Those of [`exchange`], for each request.
    pub fn exchange_all(&mut self, requests: Vec<Request>) -> Vec<io::Result<Response>> {
        let exchange = |request| {
            let sender = self.sender.clone();
            self.runtime.spawn(async { Outgoing::new(request)?.exchange(sender).await })
        };
        let tasks: Vec<_> = requests.into_iter().map(exchange).collect();
        self.runtime.block_on(async {
            let mut responses = Vec::new();
            for task in tasks {
                responses.push(task.await.unwrap_or_else(|error| Err(io::Error::other(error))));
            }
            responses
        })
    }
}

/// A request in the types of `h2`.
struct Outgoing {
    head: http::Request<()>,
    data: Vec<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Outgoing {
    fn new(request: Request) -> io::Result<Self> {
        let head = request.head()?;
        let (data, trailers) = request.body.frames()?;
        Ok(Self { head, data, trailers })
    }

    async fn exchange(self, sender: SendRequest<Bytes>) -> io::Result<Response> {
        timeout(TIMEOUT, async { self.run(sender).await.map_err(failure) }).await?
    }

    async fn run(self, sender: SendRequest<Bytes>) -> Result<Response, h2::Error> {
        let ends_with_head = self.data.is_empty() && self.trailers.is_none();
        let (response, mut stream) = sender.ready().await?.send_request(self.head, ends_with_head)?;
        // This fails if the server has reset the stream. It may have responded before, so the result depends on the
        // response.
        let _ = send(&mut stream, self.data, self.trailers);

        let (head, mut incoming) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = incoming.data().await {
            let data = data?;
            incoming.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        let trailers = incoming.trailers().await?.unwrap_or_default();
        Ok(Response { status: head.status.as_u16(), headers: list(&head.headers), body, trailers: list(&trailers) })
    }
}

/// Sends the data. `h2` buffers what exceeds the server's window.
fn send(stream: &mut SendStream<Bytes>, data: Vec<Bytes>, trailers: Option<HeaderMap>) -> Result<(), h2::Error> {
    let last = data.len().saturating_sub(1);
    for (index, bytes) in data.into_iter().enumerate() {
        stream.send_data(bytes, index == last && trailers.is_none())?;
    }
    match trailers {
        Some(trailers) => stream.send_trailers(trailers),
        None => Ok(()),
    }
}

pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn start(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<SendRequest<Bytes>> {
    let (sender, connection) = h2::client::handshake(stream).await.map_err(failure)?;
    // The requests also get its errors.
    tokio::spawn(connection);
    Ok(sender)
}

/// The response in `received`: the bytes that a server sent after a `GET` on stream 1.
pub(super) fn replay(received: Vec<u8>) -> io::Result<Response> {
    let outgoing = Outgoing::new(Request::get("/"))?;
    let (client, server) = tokio::io::duplex(64 << 10);
    runtime()?.block_on(async {
        tokio::spawn(serve(server, received));
        outgoing.exchange(start(client).await?).await
    })
}

/// Sends `answer` after reading a whole `GET`, because h2 accepts no response before.
async fn serve(mut client: DuplexStream, answer: Vec<u8>) -> io::Result<()> {
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let frames = request.strip_prefix(PREFACE).map(frames).unwrap_or_default();
        frames.iter().any(|frame| frame.kind == HEADERS)
    };
    while !is_whole(&request) && client.read_buf(&mut request).await? > 0 {}
    client.write_all(&answer).await?;
    client.shutdown().await?;
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    Ok(())
}

pub(super) fn failure(error: h2::Error) -> io::Error {
    let kind = match () {
        () if error.is_remote() => io::ErrorKind::ConnectionReset,
        () if error.is_library() => io::ErrorKind::InvalidData,
        () => io::ErrorKind::InvalidInput,
    };
    let text = error.to_string();
    error.into_io().unwrap_or_else(|| io::Error::new(kind, text))
}
