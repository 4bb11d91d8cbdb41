//! `GET /v1/runs/:id/rollup`: the numbers at a key in the runs below a run.

use axum::Json;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::extract::{Asked, At};
use crate::{Caller, Problem, Set};

/// What is added up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    key: String,
    depth: Option<i32>,
    task: Option<String>,
}

/// Adds up. A token must be for the whole tree: a sum tells of each run in it.
pub(super) async fn rollup(
    caller: Caller,
    At(id): At<String>,
    Asked(query): Asked<Query>,
) -> Result<Json<Box<RawValue>>, Problem> {
    let top = caller.run(&id).await?;
    caller.reads(&Set::Tree(top.root_id()))?;
    let client = caller.client().await?;
    let rollup = client
        .rollup(&id, &query.key, query.depth, query.task.as_deref())
        .await?;
    let rollup = RawValue::from_string(rollup);
    Ok(Json(
        rollup.map_err(|_| Problem::failed("the rollup is no JSON"))?,
    ))
}
