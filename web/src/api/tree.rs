//! `GET /v1/runs/:id/tree`: a run and those below it.

use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::extract::{Asked, At};
use super::list::select;
use super::object::objects;
use crate::{Caller, Problem, Set};

/// The most runs of one answer. A guess: a page that shows more is read by nobody.
const MOST: u32 = 5_000;

/// What may be asked of the tree.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    select: Option<String>,
    limit: Option<u32>,
}

/// A run and those below it.
#[derive(Serialize)]
pub(super) struct Tree {
    runs: Vec<Box<RawValue>>,
    truncated: bool,
}

/// Reads a run and those below it, depth first. A token gets those of them that it may read.
pub(super) async fn tree(
    caller: Caller,
    At(id): At<String>,
    Asked(query): Asked<Query>,
) -> Result<Json<Tree>, Problem> {
    let top = caller.run(&id).await?;
    let limit = query.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid(format!("a tree has 1 to {MOST} runs")));
    }
    let keys = select(query.select.as_deref());
    let (mut runs, truncated) = caller.client().await?.tree(&id, limit, keys).await?;
    if caller.reads(&Set::Tree(top.root_id())).is_err() {
        runs.retain(|run| caller.reads_run(run).is_ok());
    }
    let runs = objects(&runs)?;
    Ok(Json(Tree { runs, truncated }))
}
