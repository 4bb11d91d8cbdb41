//! `GET /v1/runs/:id/streams`, and `GET` and `POST /v1/runs/:id/streams/:name`.

mod append;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(super) use append::append;

use crate::api::extract::{Asked, At};
use crate::live::{self, ChunkFrames, Ending, Lifetime, Style, frame};
use crate::{Caller, Gateway, Problem};

/// Lists the streams of a run.
pub(super) async fn list(caller: Caller, At(id): At<String>) -> Result<Json<Value>, Problem> {
    caller.run(&id).await?;
    let streams = caller.client().await?.streams(&id).await?;
    let streams = streams.iter().map(|stream| {
        json!({
            "name": stream.name,
            "chunks": stream.chunks,
            "closed": stream.closed_at.is_some(),
            "error": stream.error,
        })
    });
    Ok(Json(json!({"streams": streams.collect::<Vec<_>>()})))
}

/// Follows a stream: an event for each chunk, whose id is its number and whose data is its JSON, and at its end an event `end`
/// with `{"error": …}`. `after`, or the header `Last-Event-ID`, is the number of the last chunk that the reader has.
pub(super) async fn read(
    State(gateway): State<Gateway>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
    Asked(query): Asked<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resumed = frame::last_event_id(&headers)?;
    let after = query.iter().find(|(name, _)| name == "after");
    let after = match (resumed, after) {
        (Some(after), _) => after,
        (None, Some((_, after))) => frame::number(after)?,
        (None, None) => -1,
    };
    let from = u64::try_from(after.saturating_add(1)).unwrap_or(0);
    caller.run(&id).await?;
    let client = caller.client().await?;
    let mut frames = ChunkFrames::new(client.read_stream(&id, &name, from).await?, Style::Plain);
    if resumed.is_some() && frames.has_ended() {
        // An `EventSource` reconnects after any end but this.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let lifetime = Lifetime::of(&gateway, &caller, Ending::Reconnect)?;
    Ok(live::events(frames, lifetime))
}
