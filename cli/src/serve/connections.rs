//! Connections: how many, for how long, and how they end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use super::answers::Refusal;
use super::log::Entry;
use super::network::{Network, Shares};
use super::service::Service;
use crate::failure::Failure;

/// More wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 512;
/// How many of them one address may hold, so that none alone shuts out others. More are closed at once.
const MAX_CONNECTIONS_PER_NETWORK: usize = MAX_CONNECTIONS / 4;
/// How long the head of a request may take to come, and how long a connection may have nothing to do.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a request may take, its body and the check of its password included.
const REQUEST_PATIENCE: Duration = Duration::from_secs(15);
/// How old a connection gets before it is closed at the next chance, so that nobody keeps one for good.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(120);
/// How long what is under way may take once the service or its connection is to end.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// How much of a head is read: more than any honest one has.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The pause after a connection could not be taken, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until SIGTERM or SIGINT, and then until the requests under way are answered.
pub(super) fn serve(listener: std::net::TcpListener, service: Service) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(format!("can't serve: {error}"));
    let runtime = Runtime::new().map_err(failed)?;
    runtime
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let (mut terminated, mut interrupted) =
                (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let (stop, stopping) = watch::channel(false);
            // Not before a signal would end it as it should.
            announce(listener.local_addr()?);
            let router = service.into_router();
            let mut connections = JoinSet::new();
            tokio::select! {
                () = accept(&listener, &router, &mut connections, &stopping) => {}
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            // From here on nobody new gets in.
            drop(listener);
            stop.send_replace(true);
            if timeout(END_PATIENCE, async { while connections.join_next().await.is_some() {} }).await.is_err() {
                eprintln!("jwt-auth: gave up {} connections that took too long to end", connections.len());
            }
            eprintln!("jwt-auth: stopped");
            Ok(())
        })
        .map_err(failed)
}

fn announce(address: SocketAddr) {
    if !address.ip().is_loopback() {
        eprintln!("jwt-auth: warning: passwords and tokens cross the network to {address} unencrypted");
    }
    eprintln!("jwt-auth: listening on http://{address}");
}

/// Takes connections, for ever.
async fn accept(
    listener: &TcpListener,
    router: &Router,
    connections: &mut JoinSet<()>,
    stopping: &watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let shares = Shares::new(MAX_CONNECTIONS_PER_NETWORK);
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        let Ok((stream, client)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(share) = shares.take(Network::of(client.ip())) else { continue };
        let (router, stopping) = (router.clone(), stopping.clone());
        connections.spawn(async move {
            let _held = (slot, share);
            converse(stream, client, router, stopping).await;
        });
    }
}

/// One connection, from its first request to its end.
async fn converse(stream: TcpStream, client: SocketAddr, router: Router, mut stopping: watch::Receiver<bool>) {
    let service = service_fn(move |request| answer(router.clone(), client, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // An error is the client's, which is then gone.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
        () = sleep(MAX_CONNECTION_AGE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(END_PATIENCE, connection).await;
}

/// One request: its answer, and its line in the log, also where the client leaves and this future is dropped.
async fn answer(mut router: Router, client: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(client);
    let entry = Entry::begin(client, &request);
    let response = match timeout(REQUEST_PATIENCE, router.call(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(impossible)) => match impossible {},
        Err(_) => Refusal::TooSlow.into_response(),
    };
    entry.answered(&response);
    Ok(response)
}
