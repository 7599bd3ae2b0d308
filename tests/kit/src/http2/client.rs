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

/// How long one connect may take, and one request up to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a request over a connection of its own and gives the answer, also one that comes before all of the request
/// could be sent.
///
/// # Errors
/// When the request can't be sent as it is ([`io::ErrorKind::InvalidInput`]), the server can't be reached, takes more
/// than 10 s ([`io::ErrorKind::TimedOut`]), resets the stream or turns away ([`io::ErrorKind::ConnectionReset`]), or
/// closes without a whole answer.
pub fn exchange(address: &Address, request: &Request) -> io::Result<Response> {
    let outgoing = Outgoing::new(request.clone())?;
    let connection = Connection::open(address)?;
    connection.runtime.block_on(outgoing.exchange(connection.sender.clone()))
}

/// A connection for several requests, one after another or several at once. Between calls it is not served: what the
/// server sends then is seen with the next call.
pub struct Connection {
    sender: SendRequest<Bytes>,
    runtime: Runtime,
}

impl Connection {
    /// Connects and sends the preface.
    ///
    /// # Errors
    /// When nobody listens there.
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

    /// Sends these requests all at once, in this order (some later where the server takes fewer at a time), and gives
    /// the answer to each.
    ///
    /// # Errors
    /// Those of [`exchange`], for each of them.
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
        // This fails on a stream that the server has reset, maybe after an answer: the answer tells.
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

/// `h2` keeps what the server has no room for yet.
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

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

async fn start(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> io::Result<SendRequest<Bytes>> {
    let (sender, connection) = h2::client::handshake(stream).await.map_err(failure)?;
    // Its errors also come to the requests.
    tokio::spawn(connection);
    Ok(sender)
}

/// The answer in `received`, all that a server sent after a `GET` on stream 1.
pub(super) fn replay(received: Vec<u8>) -> io::Result<Response> {
    let outgoing = Outgoing::new(Request::get("/"))?;
    let (client, server) = tokio::io::duplex(64 << 10);
    runtime()?.block_on(async {
        tokio::spawn(serve(server, received));
        outgoing.exchange(start(client).await?).await
    })
}

/// Sends `answer` after a whole `GET`: h2 takes none before.
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

fn failure(error: h2::Error) -> io::Error {
    let kind = match () {
        () if error.is_remote() => io::ErrorKind::ConnectionReset,
        () if error.is_library() => io::ErrorKind::InvalidData,
        () => io::ErrorKind::InvalidInput,
    };
    let text = error.to_string();
    error.into_io().unwrap_or_else(|| io::Error::new(kind, text))
}
