//! `POST /v1/tickets`: a ticket for an event stream.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::http::StatusCode;
use percent_encoding::percent_decode_str;
use runmeta_client::rfc3339;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::Body;
use super::shape::Shape;
use crate::{Caller, Problem};

/// What the ticket is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct Wanted {
    path: String,
}

impl Shape for Wanted {
    const SHAPE: &'static str = "an object with path, the path of an event stream";
}

/// Returns the run of which a path is.
fn run_of(path: &str) -> Option<Cow<'_, str>> {
    let (id, _) = path.strip_prefix("/v1/runs/")?.split_once('/')?;
    percent_decode_str(id).decode_utf8().ok()
}

/// Exchanges the caller's key for a ticket, which goes into the URL of an `EventSource`.
pub(super) async fn exchange(
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (ticket, expires) = caller.ticket(&wanted.path)?;
    // A page can read the answer to this request, and not that of its `EventSource`. A run that does not exist may yet come.
    if let Some(id) = run_of(&wanted.path).filter(|id| !caller.reads_id(id))
        && let Err(problem) = caller.run(&id).await
        && problem.status != StatusCode::NOT_FOUND
    {
        return Err(problem);
    }
    let expires_at = rfc3339(UNIX_EPOCH + Duration::from_secs(expires));
    Ok((
        StatusCode::CREATED,
        Json(json!({"ticket": ticket, "expires_at": expires_at})),
    ))
}
