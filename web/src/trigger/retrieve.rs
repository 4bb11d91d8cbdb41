//! `GET /api/v3/runs/:id`: one run.

use axum::Json;
use runmeta_client::{Client, Snapshot};
use serde::Serialize;

use super::run::Run;
use crate::api::extract::At;
use crate::{Caller, Problem};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Retrieved {
    #[serde(flatten)]
    run: Run,
    attempt_count: i32,
    related_runs: Related,
}

/// The nearest of its family. The children are not here: there may be thousands.
#[derive(Serialize, Default)]
struct Related {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Run>,
}

/// Reads a run.
pub(super) async fn retrieve(
    caller: Caller,
    At(id): At<String>,
) -> Result<Json<Retrieved>, Problem> {
    let run = caller.run(&id).await?;
    let client = caller.client().await?;
    let root = (run.root_id() != run.id()).then_some(run.root_id());
    let related = Related {
        root: relative(&caller, &client, root).await?,
        parent: relative(&caller, &client, run.parent_id()).await?,
    };
    Ok(Json(Retrieved {
        attempt_count: run.attempt(),
        related_runs: related,
        run: Run::of(&run),
    }))
}

/// Reads a run that a token may be allowed to read or not: then it is left out.
async fn relative(
    caller: &Caller,
    client: &Client,
    id: Option<&str>,
) -> Result<Option<Run>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let run = client.snapshot(id).await?;
    let run = run.filter(|run: &Snapshot| caller.reads_run(run).is_ok());
    Ok(run.map(|run| Run::without_metadata(&run)))
}
