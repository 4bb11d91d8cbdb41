//! Which HTTP a connection speaks, found out without reading.
//!
//! hyper-util can tell it too, but waits for the first bytes for ever.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    /// Without TLS and without asking first, as proxies do.
    Http2,
}

/// How HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes may come one by one, and there is no event for "more than before".
const PAUSE: Duration = Duration::from_millis(20);

/// Waits for the first bytes. None if they do not come in this time, or the connection ends.
pub(super) async fn of(stream: &TcpStream, within: Duration) -> Option<Protocol> {
    let end = Instant::now() + within;
    let mut bytes = [0; PREFACE.len()];
    loop {
        let count = timeout_at(end, stream.peek(&mut bytes)).await.ok()?.ok()?;
        let begun = bytes.get(..count).filter(|begun| !begun.is_empty())?;
        if !PREFACE.starts_with(begun) {
            return Some(Protocol::Http1);
        }
        if count == PREFACE.len() {
            return Some(Protocol::Http2);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(PAUSE).await;
    }
}
