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
        let run = NewRun {
            id,
            parent: parent_run_id,
            task,
            tags: tags.map_or(Ok(Vec::new()), |tags| read_tags(&tags))?,
            metadata: metadata.unwrap_or(Jsonb::empty_object()),
            status: status.unwrap_or("running"),
            attempt,
        };
        run.check()?;
        Spi::connect_mut(|client| run.start(client).map(Some))
    })
}

/// Reads the tags, which are counted before any is copied.
fn read_tags(tags: &Array<'_, &str>) -> Result<Vec<String>, Refusal> {
    if tags.len() > MAXIMUM_TAGS {
        return Err(Refusal::TooManyTags { count: tags.len() });
    }
    let null = || Refusal::Null { argument: "tag" };
    tags.iter()
        .map(|tag| tag.map(str::to_owned).ok_or_else(null))
        .collect()
}
