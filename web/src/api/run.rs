//! `GET /v1/runs/:id`: one run.

use super::extract::At;
use axum::Json;
use serde_json::Value;

use crate::{Caller, Problem};

/// Reads a run.
pub(super) async fn read(caller: Caller, At(id): At<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(caller.run(&id).await?.to_json()))
}
