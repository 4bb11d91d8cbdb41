//! `GET /v1/runs/:id`: one run.

use axum::Json;
use axum::extract::Path;
use serde_json::Value;

use crate::{Caller, Problem};

/// Reads a run.
pub(super) async fn read(caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(caller.run(&id).await?.to_json()))
}
