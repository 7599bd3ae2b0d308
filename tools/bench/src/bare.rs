//! Trivial servers in the place of engines: each answers every request with "the `jti` is new". They show what a call
//! costs Envoy whatever the engine is.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use tokio::runtime::Builder;

/// The answer of Webdis.
const WON_OF_REDIS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"SET\":null}";

/// The answer of etcd: a message of 6 bytes, a transaction that succeeded and put one key.
const WON_OF_ETCD: &[u8] = &[0, 0, 0, 0, 6, 0x10, 1, 0x1a, 2, 0x12, 0];

/// Starts a server over HTTP/1.1 that answers like Redis with Webdis. It runs until this process ends.
pub(crate) fn start_http1() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // An error means that Envoy has closed the connection.
            thread::spawn(move || serve_http1(&stream));
        }
    });
    Ok(address)
}

/// Starts a server over HTTP/2 that answers like etcd, after `delay`. It runs until this process ends.
pub(crate) fn start_http2(delay: Duration) -> io::Result<SocketAddr> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_http2(stream, delay));
            }
        });
    });
    Ok(address)
}

fn serve_http1(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while requests.read_line(&mut line)? > 0 {
        match line.trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            None if line == "\r\n" => {
                io::copy(&mut requests.by_ref().take(length), &mut io::sink())?;
                stream.write_all(WON_OF_REDIS)?;
            }
            _ => {}
        }
        line.clear();
    }
    Ok(())
}

async fn serve_http2(stream: tokio::net::TcpStream, delay: Duration) -> Result<(), h2::Error> {
    // Envoy's requests would also be answered without it, only later.
    let _ = stream.set_nodelay(true);
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, answer) = accepted?;
        tokio::spawn(answer_http2(request.into_body(), answer, delay));
    }
    Ok(())
}

async fn answer_http2(mut body: RecvStream, mut answer: SendResponse<Bytes>, delay: Duration) -> Result<(), h2::Error> {
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    if delay > Duration::ZERO {
        tokio::time::sleep(delay).await;
    }
    let mut head = Response::new(());
    head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut stream = answer.send_response(head, false)?;
    stream.send_data(Bytes::from_static(WON_OF_ETCD), false)?;
    stream.send_trailers(HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]))
}
