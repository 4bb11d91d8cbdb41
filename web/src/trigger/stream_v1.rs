//! Writing streams, in Trigger.dev's first version.
//!
//! | request | |
//! |---|---|
//! | `PUT /realtime/v1/streams/:id/:target/:key` | announces a stream, and learns how to write it: with the requests below |
//! | `POST` of the same | a chunk of JSON a line, from the number in `X-Resume-From-Chunk` |
//! | `HEAD` of the same | asks for the number of the last chunk of `X-Client-Id` that was stored |
//! | `POST …/append` | one text |
//!
//! `:target` is `self`, `parent` or `root`. A chunk is stored once: a client that lost an answer asks with `HEAD`, and sends what is
//! missing. A body that ends does not close the stream, since others may write it too; it ends with its run.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use serde_json::{json, value::to_raw_value};
use uuid::Uuid;

use super::shape::STREAMS_KEY;
use super::stream_v2::VERSION;
use crate::api::extract::{At, Whole};
use crate::live::{Appender, Lines, Target, chunk, while_allowed};
use crate::memory::Held;
use crate::{Caller, Gateway, Problem};

const CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
const RESUME_FROM: HeaderName = HeaderName::from_static("x-resume-from-chunk");
const LAST_INDEX: HeaderName = HeaderName::from_static("x-last-chunk-index");
const PART_ID: HeaderName = HeaderName::from_static("x-part-id");

/// Announces, writes or asks.
pub(super) async fn write(
    State(gateway): State<Gateway>,
    method: Method,
    caller: Caller,
    At((id, target, key)): At<(String, String, String)>,
    headers: HeaderMap,
    held: Held,
    body: Body,
) -> Result<Response, Problem> {
    let target = parse(&target)?;
    caller
        .writes(&id, target == Target::Parent, target == Target::Root)
        .await?;
    if method == Method::PUT {
        return announce(&caller, &id, target, &key).await;
    }
    let client_id = headers.get(CLIENT_ID).map(HeaderValue::as_bytes);
    let writer = match client_id {
        Some(client_id) => writer(&caller, &id, target, &key, client_id),
        None => Uuid::new_v4(),
    };
    let mut appender = Appender::new(caller.client().await?, &id, target, &key, writer);
    let mut response = match method {
        Method::POST => {
            let post = post(&mut appender, &headers, Lines::new(body, held));
            while_allowed(&gateway, &caller, post).await?;
            StatusCode::OK.into_response()
        }
        Method::HEAD => {
            let last = appender.last_sequence().await? - 1;
            ([(LAST_INDEX, last.to_string())], StatusCode::OK).into_response()
        }
        _ => {
            return Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed",
            ));
        }
    };
    response
        .headers_mut()
        .insert(VERSION, HeaderValue::from_static("v1"));
    Ok(response)
}

/// Appends one text, which stays a text even if it looks like JSON. The client labels it as JSON all the same.
pub(super) async fn append(
    caller: Caller,
    At((id, target, key)): At<(String, String, String)>,
    headers: HeaderMap,
    Whole(bytes): Whole,
) -> Result<Response, Problem> {
    let target = parse(&target)?;
    caller
        .writes(&id, target == Target::Parent, target == Target::Root)
        .await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::invalid("the body is no UTF-8"))?;
    let chunk = to_raw_value(text).map_err(|error| Problem::invalid(error.to_string()))?;
    let writer = match headers.get(PART_ID) {
        Some(part) => writer(&caller, &id, target, &key, part.as_bytes()),
        None => Uuid::new_v4(),
    };
    let mut appender = Appender::new(caller.client().await?, &id, target, &key, writer);
    appender.append(&[chunk]).await?;
    Ok(Json(json!({"ok": true})).into_response())
}

/// Lists the stream in the metadata, as Trigger.dev once did, so that subscribers to the run learn of it at once: a stream without a
/// chunk does not exist yet. Rows of subscriptions have it as a column instead.
async fn announce(
    caller: &Caller,
    id: &str,
    target: Target,
    key: &str,
) -> Result<Response, Problem> {
    let run = caller.client().await?.snapshot(id).await?;
    let run = run.ok_or_else(|| Problem::no_such_run(id))?;
    let streams: Vec<String> = run.get(STREAMS_KEY).unwrap_or_default();
    if target != Target::Own || !streams.iter().any(|stream| stream == key) {
        let member = match target {
            Target::Own => "operations",
            Target::Parent => "parentOperations",
            Target::Root => "rootOperations",
        };
        let operation = json!({"type": "append", "key": STREAMS_KEY, "value": key});
        let batch = json!([{"run": id, (member): [operation]}]).to_string();
        let client = caller.client().await?;
        let sent = client.send(&batch, Uuid::new_v4(), 1).await?;
        if let Some(refusal) = sent.iter().find_map(|part| part.refusal()) {
            return Err(refusal.clone().into());
        }
    }
    let version = (VERSION, HeaderValue::from_static("v1"));
    let reply = (
        StatusCode::ACCEPTED,
        [version],
        Json(json!({"version": "v1"})),
    );
    Ok(reply.into_response())
}

/// Stores the lines of a body.
async fn post(
    appender: &mut Appender,
    headers: &HeaderMap,
    mut lines: Lines,
) -> Result<(), Problem> {
    let from = match headers.get(RESUME_FROM) {
        Some(from) => {
            let from = from.to_str().ok().and_then(|from| from.parse::<u32>().ok());
            from.ok_or_else(|| Problem::invalid("X-Resume-From-Chunk is a number"))?
        }
        None => 0,
    };
    let mut next = i64::from(from);
    while let Some(line) = lines.next().await? {
        let chunk: Box<RawValue> = chunk(&line)?;
        appender.resume(next);
        appender.append(&[chunk]).await?;
        next += 1;
    }
    Ok(())
}

fn parse(target: &str) -> Result<Target, Problem> {
    match target {
        "self" => Ok(Target::Own),
        "parent" => Ok(Target::Parent),
        "root" => Ok(Target::Root),
        _ => Err(Problem::no_such_path().detail("a stream is of self, parent or root")),
    }
}

/// Returns the writer of a client of Trigger.dev's for this stream. Its ids have 32 bits only, so that the rest has to tell apart
/// clients that chose the same.
fn writer(caller: &Caller, run: &str, target: Target, stream: &str, id: &[u8]) -> Uuid {
    let target = format!("{target:?}");
    let [run, target, stream] = [run, &target, stream].map(str::as_bytes);
    caller.writer_named(&[b"trigger", run, target, stream, id])
}
