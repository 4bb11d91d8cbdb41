//! `GET /realtime/v1/streams/:id/:key`: a stream as server-sent events, in either version of Trigger.dev's.
//!
//! Its readers take a clean end of the body for the end of the stream, and reconnect only after a broken connection. So the body
//! ends when the stream was closed, when its run has finished, or after the pause that the reader asked for with
//! `Timeout-Seconds`; whatever else ends it breaks the connection.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use runmeta_client::Client;

use crate::api::extract::At;
use crate::live::{self, ChunkFrames, Ending, Lifetime, Style, frame};
use crate::{Caller, Gateway, Problem};

/// The header in which the version of a stream is named.
pub(super) const VERSION: HeaderName = HeaderName::from_static("x-stream-version");

/// Where a reader begins that has no event yet: `latest` leaves out what is there.
const START: HeaderName = HeaderName::from_static("x-trigger-stream-start");

const TIMEOUT: HeaderName = HeaderName::from_static("timeout-seconds");

/// The longest pause that a reader may ask for.
const MOST_SECONDS: u64 = 600;

/// Follows a stream.
pub(super) async fn read(
    State(gateway): State<Gateway>,
    caller: Caller,
    At((id, key)): At<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    may_read(&caller, &id).await?;
    let client = caller.client().await?;
    let from = match frame::last_event_id(&headers)? {
        Some(last) => u64::try_from(last.saturating_add(1)).unwrap_or(0),
        None if headers.get(START).is_some_and(|start| start == "latest") => {
            count(&client, &id, &key).await?
        }
        None => 0,
    };
    let chunks = client.read_stream(&id, &key, from).await?;
    let style = match headers.get(VERSION) {
        Some(version) if version == "v2" => Style::V2,
        _ => Style::V1,
    };
    let mut lifetime = Lifetime::of(&gateway, &caller, Ending::Break)?;
    let seconds = headers.get(TIMEOUT).and_then(|value| value.to_str().ok());
    let seconds = seconds.and_then(|text| text.parse::<u64>().ok());
    lifetime.idle = seconds.map(|seconds| Duration::from_secs(seconds.clamp(1, MOST_SECONDS)));
    let mut response = live::events(ChunkFrames::new(chunks, style), lifetime);
    let version = if style == Style::V2 { "v2" } else { "v1" };
    response
        .headers_mut()
        .insert(VERSION, HeaderValue::from_static(version));
    Ok(response)
}

/// Checks that the caller may read the run. One that does not exist is waited for, unless its tags decide.
async fn may_read(caller: &Caller, id: &str) -> Result<(), Problem> {
    if caller.reads_id(id) {
        return Ok(());
    }
    caller.run(id).await.map(drop)
}

/// Returns how many chunks a stream has now.
async fn count(client: &Client, id: &str, key: &str) -> Result<u64, Problem> {
    let streams = client.streams(id).await?;
    let stream = streams.iter().find(|stream| stream.name == key);
    Ok(stream.map_or(0, |stream| stream.chunks))
}
