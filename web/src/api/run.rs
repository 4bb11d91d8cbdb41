//! `GET /v1/runs/:id`: one run.

use axum::Json;
use serde_json::value::RawValue;

use super::extract::At;
use super::object::object;
use crate::{Caller, Problem};

/// Reads a run.
pub(super) async fn read(
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<Box<RawValue>>, Problem> {
    Ok(Json(object(&caller.run(&id).await?)?))
}
