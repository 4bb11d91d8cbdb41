//! `runmeta.start(run_id, metadata, parent_run_id, task, tags, status, attempt)`

use pgrx::prelude::*;

use crate::call::{Answer, answer};
use crate::jsonb::Jsonb;
use crate::refusal::Refusal;
use crate::run::NewRun;

/// Starts a run, begins another attempt at it, or finds it as it is, and returns its version.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn start(
    run_id: Option<&str>,
    metadata: Option<Jsonb<'_>>,
    parent_run_id: Option<&str>,
    task: Option<&str>,
    tags: Option<Vec<Option<String>>>,
    status: Option<&str>,
    attempt: Option<i32>,
) -> Answer<Option<i64>> {
    answer(|| {
        let Some(id) = run_id else {
            return Ok(None);
        };
        let tags = tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| tag.ok_or(Refusal::Null { argument: "tag" }));
        let run = NewRun {
            id,
            parent: parent_run_id,
            task,
            tags: tags.collect::<Result<_, _>>()?,
            metadata: metadata.unwrap_or(Jsonb::empty_object()),
            status: status.unwrap_or("running"),
            attempt,
        };
        run.check()?;
        Spi::connect_mut(|client| run.start(client).map(Some))
    })
}
