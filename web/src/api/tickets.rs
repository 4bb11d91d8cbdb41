//! `POST /v1/tickets`: a ticket for an event stream.

use std::time::{Duration, UNIX_EPOCH};

use axum::Json;
use axum::http::StatusCode;
use runmeta_client::rfc3339;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::Body;
use crate::{Caller, Problem};

/// What the ticket is for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    path: String,
}

/// Exchanges the caller's key for a ticket, which goes into the URL of an `EventSource`.
pub(super) async fn exchange(
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (ticket, expires) = caller.ticket(&wanted.path)?;
    let expires_at = rfc3339(UNIX_EPOCH + Duration::from_secs(expires));
    Ok((
        StatusCode::CREATED,
        Json(json!({"ticket": ticket, "expires_at": expires_at})),
    ))
}
