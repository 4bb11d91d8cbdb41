//! `POST /v1/runs/:id/streams/:name`: chunks for a stream.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, header};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::extract::{self, Asked, At, Whole};
use crate::api::nesting::check_nesting;
use crate::live::{Appender, Lines, Target, chunk, while_allowed};
use crate::{Caller, Gateway, Problem};

/// The media types of a body with a chunk a line.
const BY_LINE: [&str; 3] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
];

/// Appends chunks: the elements of a JSON array, in one batch; or the lines of NDJSON, each as it comes. `close=true` closes the
/// stream behind them.
///
/// With an `Idempotency-Key`, a request that is sent again appends what the one before had not: an array once, and of lines
/// those that are missing. The second request must have the same chunks.
pub(in crate::api) async fn append(
    State(gateway): State<Gateway>,
    caller: Caller,
    At((id, name)): At<(String, String)>,
    Asked(query): Asked<Vec<(String, String)>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Value>, Problem> {
    caller.writes_run(&id)?;
    let closes = query
        .iter()
        .any(|(name, value)| name == "close" && value == "true");
    let key = extract::idempotency_key(&headers)?;
    let writer = match key {
        Some(key) => {
            let words = ["stream", &id, &name, key].map(str::as_bytes);
            caller.writer_named(&words)
        }
        None => Uuid::new_v4(),
    };
    let client = caller.client().await?;
    let mut appender = Appender::new(client, &id, Target::Own, &name, writer);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    let count = match kind.is_some_and(|kind| BY_LINE.contains(&kind)) {
        true => {
            let lines = lines(&mut appender, request.into_body(), key.is_some());
            while_allowed(&gateway, &caller, lines).await?
        }
        false => {
            let Whole(bytes) = Whole::from_request(request, &gateway).await?;
            array(&mut appender, &bytes).await?
        }
    };
    if closes {
        appender.close().await?;
    }
    Ok(Json(json!({"chunks": count})))
}

/// Appends an array, and returns how many elements it has.
async fn array(appender: &mut Appender, body: &[u8]) -> Result<usize, Problem> {
    check_nesting(body)?;
    let invalid = |error| Problem::invalid(format!("the body is no array of chunks: {error}"));
    let chunks: Vec<Box<RawValue>> = serde_json::from_slice(body).map_err(invalid)?;
    if !chunks.is_empty() {
        appender.append(&chunks).await?;
    }
    Ok(chunks.len())
}

/// Appends lines as they come, and returns how many there were, with those that were there before.
async fn lines(appender: &mut Appender, body: Body, resumes: bool) -> Result<usize, Problem> {
    let known = match resumes {
        true => usize::try_from(appender.last_sequence().await?).unwrap_or(0),
        false => 0,
    };
    let mut lines = Lines::new(body);
    let mut count = 0;
    while let Some(line) = lines.next().await? {
        let chunk = chunk(&line)?;
        count += 1;
        if count > known {
            appender.resume(count as i64 - 1);
            appender.append(&[chunk]).await?;
        }
    }
    appender.resume(count as i64);
    Ok(count)
}
