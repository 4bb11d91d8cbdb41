//! A reader of events over a socket, which does no more than it must: 5,000 of them share two cores with everything else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch::Sender;
use tokio::time::timeout;

use super::gateway::KEY;

/// No event takes longer, or it never comes. Comments come more often.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a reader saw.
pub struct Seen {
    /// The version of each event, and when it came.
    pub events: Vec<(i64, Instant)>,
    /// The event `end` came.
    pub has_ended: bool,
}

/// Follows a run to its end. The first bytes of the answer are counted in `opened`.
pub async fn follow(
    address: SocketAddr,
    id: String,
    opened: Sender<usize>,
) -> std::io::Result<Seen> {
    let mut socket = TcpStream::connect(address).await?;
    let path = id.replace(' ', "%20");
    let request = format!(
        "GET /v1/runs/{path}/events?wait=true HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let mut seen = Seen {
        events: Vec::new(),
        has_ended: false,
    };
    let (mut buffer, mut rest) = ([0; 4096], Vec::new());
    let mut is_open = false;
    while let Ok(read) = timeout(PATIENCE, socket.read(&mut buffer)).await {
        let now = Instant::now();
        let read = &buffer[..read?];
        if read.is_empty() {
            break;
        }
        if !std::mem::replace(&mut is_open, true) {
            opened.send_modify(|count| *count += 1);
        }
        rest.extend_from_slice(read);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let lines: Vec<u8> = rest.drain(..=end).collect();
        for line in lines.split(|byte| *byte == b'\n') {
            if let Some(id) = line.strip_prefix(b"id: ") {
                let version = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
                seen.events.extend(version.map(|version| (version, now)));
            } else if line == b"event: end" {
                seen.has_ended = true;
                return Ok(seen);
            }
        }
    }
    Ok(seen)
}
