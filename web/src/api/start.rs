//! `POST /v1/runs`: starting a run.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::{Body, idempotency_key};
use super::object::changed;
use super::operations::{batch, replayed};
use super::refusal;
use super::shape::Shape;
use crate::{Caller, Problem};

/// A run to be started.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct NewRun {
    id: String,
    metadata: Option<Box<RawValue>>,
    parent: Option<String>,
    task: Option<String>,
    /// As it was written: a body may have a million, of which the database takes 100.
    tags: Option<Box<RawValue>>,
    status: Option<String>,
    attempt: Option<i32>,
}

impl Shape for NewRun {
    const SHAPE: &'static str =
        "an object with id, and if need be metadata, parent, task, tags, status and attempt";
}

/// The entry of a batch that starts it.
#[derive(Serialize)]
struct Entry<'a> {
    run: &'a str,
    start: Start<'a>,
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i32>,
}

/// Starts a run, or finds it: 201 if it is new.
pub(super) async fn start(
    caller: Caller,
    headers: HeaderMap,
    Body(new): Body<NewRun>,
) -> Result<(StatusCode, HeaderMap, Json<Box<RawValue>>), Problem> {
    caller.writes_run(&new.id)?;
    // Operations of the run for its parent would be a way around the scopes.
    new.parent
        .as_deref()
        .map_or(Ok(()), |parent| caller.writes_run(parent))?;
    let start = Start {
        metadata: new.metadata.as_deref(),
        parent: new.parent.as_deref(),
        task: new.task.as_deref(),
        tags: new.tags.as_deref(),
        status: new.status.as_deref(),
        attempt: new.attempt,
    };
    let batch = batch(&[Entry {
        run: &new.id,
        start,
    }])?;
    let written = caller
        .write(&batch, idempotency_key(&headers)?)
        .await
        .map_err(refusal::of_body::<NewRun>)?
        .or_refused()?;
    let is_new = written
        .parts
        .iter()
        .any(|part| part.outcome == "applied" && part.version == Some(1));
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let run = caller.client().await?.snapshot(&new.id).await?;
    let run = run.ok_or_else(|| Problem::no_such_run(&new.id))?;
    Ok((
        status,
        replayed(written.is_replay),
        Json(changed(&caller, &run)?),
    ))
}
