//! The loop that takes connections.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::protocol::{self, Protocol};
use crate::{Gateway, Limits};

/// After an error such as too many open files, which the next attempt would meet at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How often an idle connection of HTTP/2 is asked whether somebody is there, and how long that may take.
const PING: Duration = Duration::from_secs(20);

/// The head of a request, in bytes: twice what browsers send at most.
const HEAD_BYTES: usize = 32 * 1024;

/// Streams of HTTP/2 on one connection: event streams of all tabs of a browser, or of a proxy, which opens another connection past
/// it. Each may hold an answer that nobody reads, before a key was seen.
const STREAMS: u32 = 1_000;

/// Bytes of answers that wait in a stream of HTTP/2 until they are read.
const SEND_BYTES: usize = 64 * 1024;

/// Takes connections until the gateway stops, and then waits for those that are open.
pub(super) async fn connections(listener: TcpListener, gateway: &Gateway, router: Router) {
    let limits = gateway.limits();
    let stopping = gateway.stopping();
    let places = Arc::new(Semaphore::new(
        limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    loop {
        let accepting = async {
            // Past the limit, new ones wait in the queue of the system until others end or time out.
            let place = places.clone().acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accepting => accepted,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Some((Ok((stream, _)), place)) => {
                open.spawn(carry(
                    stream,
                    place,
                    gateway.clone(),
                    router.clone(),
                    graceful.watcher(),
                ));
            }
            Some((Err(error), _)) => {
                tracing::warn!(error = %error, "a connection could not be taken");
                sleep(PAUSE).await;
            }
            None => break,
        }
    }
    drop(listener);
    let ended = async {
        graceful.shutdown().await;
        // Those that have not sent anything yet watch for the stop themselves.
        while open.join_next().await.is_some() {}
    };
    if timeout(limits.stop_timeout, ended).await.is_err() {
        tracing::warn!("requests that are still under way are cut off");
    }
}

/// Serves one connection to its end.
async fn carry(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    gateway: Gateway,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _counted = Counted::new(&gateway);
    let _place = place;
    let limits = gateway.limits();
    // Events are small, and each is to be seen at once.
    let _ = stream.set_nodelay(true);
    let stopping = gateway.stopping();
    let spoken = tokio::select! {
        spoken = protocol::of(&stream, limits.head_timeout) => spoken,
        () = stopping.cancelled() => None,
    };
    let Some(spoken) = spoken else { return };
    let builder = builder(spoken, limits);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = %error, "a connection ended");
    }
}

fn builder(spoken: Protocol, limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(SEND_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    match spoken {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    }
}

/// A connection in the metrics, as long as it is open.
struct Counted(Gateway);

impl Counted {
    fn new(gateway: &Gateway) -> Counted {
        gateway.metrics().connections.inc();
        Counted(gateway.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics().connections.dec();
    }
}
