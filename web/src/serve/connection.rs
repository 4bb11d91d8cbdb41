//! One connection, from its first byte to its end.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use super::protocol::{self, Protocol};
use super::requests::Requests;
use crate::{Gateway, Limits};

/// How often an idle connection of HTTP/2 is asked whether somebody is there, and how long that may take.
const PING: Duration = Duration::from_secs(20);

/// The head of a request, in bytes: twice what browsers send at most.
const HEAD_BYTES: usize = 32 * 1024;

/// Streams of HTTP/2 on one connection: event streams of all tabs of a browser, or of a proxy, which opens another connection past
/// it.
const STREAMS: u32 = 1_000;

/// Bytes of answers that wait in a stream of HTTP/2 until they are read.
const SEND_BYTES: usize = 64 * 1024;

/// Bytes of bodies that wait in a connection of HTTP/2 until their handlers take them, such as lines that come faster than the
/// database stores them. 2.5 MB a second over a line of 100 ms.
const RECEIVE_BYTES: u32 = 256 * 1024;

/// Serves a connection to its end.
pub(super) async fn carry(stream: TcpStream, gateway: Gateway, router: Router) {
    let _counted = Counted::new(&gateway);
    let limits = gateway.limits();
    // Events are small, and each is to be seen at once.
    let _ = stream.set_nodelay(true);
    let stopping = gateway.stopping();
    let spoken = tokio::select! {
        spoken = protocol::of(&stream, limits.head_timeout) => spoken,
        () = stopping.cancelled() => None,
    };
    let Some(spoken) = spoken else { return };
    let mut stream = TimeoutStream::new(stream);
    // Whoever asks and does not read what comes would hold its place for ever.
    stream.set_write_timeout(Some(limits.write_timeout));
    let requests = Requests::default();
    let service = {
        let requests = requests.clone();
        service_fn(move |request| requests.clone().answer(router.clone(), request))
    };
    let builder = builder(spoken, limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
    // That of HTTP/1.1 is ended by the timeout for heads, once all was written.
    let idle = async {
        match spoken {
            Protocol::Http1 => std::future::pending().await,
            Protocol::Http2 => requests.idle(limits.head_timeout).await,
        }
    };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = idle => {
            connection.as_mut().graceful_shutdown();
            // Answers may still be waiting for a reader who gives them no window.
            match timeout(limits.drain_timeout, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!("a connection was cut off, as nobody read it"),
            }
        }
    };
    if let Err(error) = ended {
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
        .initial_stream_window_size(RECEIVE_BYTES)
        .initial_connection_window_size(RECEIVE_BYTES)
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
