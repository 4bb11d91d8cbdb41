//! `POST /v1/runs/:id/finish` and `POST /v1/runs/:id/status`.

use axum::Json;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::{At, Body, idempotency_key};
use super::object::changed;
use super::operations::{batch, replayed};
use super::refusal;
use super::shape::Shape;
use crate::{Caller, Problem};

/// How it finished: `completed` unless something else is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Finished {
    #[serde(default = "completed")]
    status: String,
    attempt: Option<i32>,
}

fn completed() -> String {
    "completed".to_owned()
}

/// The status of a run that goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Status {
    status: String,
    attempt: Option<i32>,
}

impl Shape for Finished {
    const SHAPE: &'static str = "an object, which may have status and attempt";
}

impl Shape for Status {
    const SHAPE: &'static str = "an object with status, which may have attempt";
}

/// The entry of a batch.
#[derive(Serialize)]
struct Entry<'a> {
    run: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Change<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<Change<'a>>,
}

/// A status, and the attempt that the run must be at: a worker of an older one is refused.
#[derive(Serialize)]
struct Change<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i32>,
}

/// Finishes a run.
pub(super) async fn finish(
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Body(body): Body<Finished>,
) -> Result<(HeaderMap, Json<Box<RawValue>>), Problem> {
    let entry = Entry {
        run: &id,
        status: None,
        finish: Some(Change {
            status: &body.status,
            attempt: body.attempt,
        }),
    };
    change(&caller, &headers, entry).await
}

/// Sets the status of a run.
pub(super) async fn status(
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Body(body): Body<Status>,
) -> Result<(HeaderMap, Json<Box<RawValue>>), Problem> {
    let entry = Entry {
        run: &id,
        status: Some(Change {
            status: &body.status,
            attempt: body.attempt,
        }),
        finish: None,
    };
    change(&caller, &headers, entry).await
}

async fn change(
    caller: &Caller,
    headers: &HeaderMap,
    entry: Entry<'_>,
) -> Result<(HeaderMap, Json<Box<RawValue>>), Problem> {
    let id = entry.run;
    caller.writes(id, false, false).await?;
    let written = caller
        .write(&batch(&[entry])?, idempotency_key(headers)?)
        .await
        .map_err(refusal::of_body::<Status>)?
        .or_refused()?;
    let run = caller.client().await?.snapshot(id).await?;
    let run = run.ok_or_else(|| Problem::no_such_run(id))?;
    Ok((replayed(written.is_replay), Json(changed(caller, &run)?)))
}
