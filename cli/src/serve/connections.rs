//! Connections: how many, for how long, and how they end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use super::limits::OpenConnections;
use crate::failure::Failure;

/// How many connections are open at the same time. More wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;
/// How long a client can take to send the head of a request, and how long a connection can be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long requests can take to finish after the signal to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, for example because there was no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until SIGTERM or SIGINT, and then until the requests that have begun are answered. Until the signal, it runs
/// `background`, too.
///
/// The router finds the client's address as a `SocketAddr` extension of each request.
///
/// # Errors
/// If the operating system refuses a runtime, the listener or the signal handlers.
pub(super) fn serve(
    listener: std::net::TcpListener,
    router: &Router,
    background: impl Future<Output = Infallible>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(format!("can't serve: {error}"));
    Runtime::new().map_err(failed)?.block_on(serve_until_stopped(listener, router, background)).map_err(failed)
}

async fn serve_until_stopped(
    listener: std::net::TcpListener,
    router: &Router,
    background: impl Future<Output = Infallible>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // From here on a signal stops the service as it should.
    announce(listener.local_addr()?);
    let connections = GracefulShutdown::new();
    tokio::select! {
        () = accept_all(&listener, router, &connections) => {}
        never = background => match never {},
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(listener);
    if timeout(STOP_TIMEOUT, connections.shutdown()).await.is_err() {
        eprintln!("jwt-auth: closed connections that took too long to end");
    }
    eprintln!("jwt-auth: stopped");
    Ok(())
}

fn announce(address: SocketAddr) {
    if !address.ip().is_loopback() {
        eprintln!("jwt-auth: warning: passwords and tokens cross the network to {address} unencrypted");
    }
    eprintln!("jwt-auth: listening on http://{address}");
}

async fn accept_all(listener: &TcpListener, router: &Router, connections: &GracefulShutdown) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut open = OpenConnections::default();
    loop {
        let Ok((slot, stream, client)) = accept(listener, &slots).await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(counted) = open.open(client.ip()) else { continue };
        let router = router.clone();
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(client);
            router.clone().call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), answer);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // An error means that the client has gone.
            let _ = connection.await;
            drop((slot, counted));
        });
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    Ok((slot, stream, client))
}
