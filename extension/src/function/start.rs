//! `runmeta.start(run_id, metadata, parent_run_id, task, tags, status, attempt)`

use pgrx::prelude::*;
use runmeta_core::wire::MAXIMUM_TAGS;

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
    tags: Option<Array<'_, &str>>,
    status: Option<&str>,
    attempt: Option<i32>,
) -> Answer<Option<i64>> {
    answer(|| {
        let Some(id) = run_id else {
            return Ok(None);
        };
        let default = NewRun::of(id);
        let run = NewRun {
            parent: parent_run_id,
            task,
            tags: tags.as_ref().map_or(Ok(Vec::new()), read_tags)?,
            metadata: metadata.as_ref().map_or(default.metadata, Jsonb::view),
            status: status.unwrap_or(default.status),
            attempt,
            ..default
        };
        run.check()?;
        Spi::connect_mut(|client| run.start(client).map(Some))
    })
}

/// Reads the tags, which are counted before any is read.
fn read_tags<'a>(tags: &'a Array<'_, &str>) -> Result<Vec<&'a str>, Refusal> {
    if tags.len() > MAXIMUM_TAGS {
        return Err(Refusal::TooManyTags { count: tags.len() });
    }
    let null = || Refusal::Null { argument: "tag" };
    tags.iter().map(|tag| tag.ok_or_else(null)).collect()
}
